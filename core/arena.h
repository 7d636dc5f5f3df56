/* arena.h - one growing arena per datum; nothing inside is freed alone.
 * Shared inside the project, not installed. */
#ifndef ATM_CORE_ARENA_H
#define ATM_CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct atm_arena;

struct atm_arena *atm_arena_new(void); /* null: out of memory */
void atm_arena_delete(struct atm_arena *arena); /* accepts null */

/* Zeroed, 16-byte aligned; null when out of memory (the sentence is set) or
 * when bytes overflow. Zero bytes give a valid pointer. */
void *atm_arena_alloc(struct atm_arena *arena, size_t bytes);
void *atm_arena_array(struct atm_arena *arena, size_t n, size_t bytes_each);
char *atm_arena_strdup(struct atm_arena *arena, const char *s);
char *atm_arena_strndup(struct atm_arena *arena, const char *s, size_t n);
void *atm_arena_memdup(struct atm_arena *arena, const void *p, size_t bytes);
char *atm_arena_printf(struct atm_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Grows an array of `*cap` elements that lies in the arena so that it holds at
 * least `need`; returns the new array (contents copied) or null. */
void *atm_arena_grow(struct atm_arena *arena, void *array, uint32_t *cap,
                     uint32_t need, size_t bytes_each);

/* Plain heap through the one allocator entry point. */
void *atm_alloc(size_t bytes);              /* not zeroed; null sets NOMEM */
void *atm_alloc_array(size_t n, size_t each); /* zeroed, overflow-checked */
void *atm_realloc(void *p, size_t bytes);
void atm_free(void *p);
/* Calls into the allocator entry point since the start: a run must not move
 * it. */
uint64_t atm_alloc_calls(void);

#endif
