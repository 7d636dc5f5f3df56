/* arena.c - chunked bump allocator over the allocator entry point. Under ASan
 * each allocation is followed by a poisoned red zone, so that an overrun inside
 * a datum is found although nothing is freed alone. */
#include "arena.h"

#include "autotm/status.h"
#include "checked.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature) /* clang; gcc has a macro */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define RED_ZONE 16
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define RED_ZONE 0
#endif

#define CHUNK_BYTES (64u * 1024)
#define ARENA_ALIGN 16u

struct chunk {
    struct chunk *next;
    size_t used, cap; /* bytes of data */
    _Alignas(ARENA_ALIGN) unsigned char data[];
};

struct atm_arena {
    struct chunk *head;
};

static atm_realloc_fn *user_realloc;
static void *user_data;
static _Atomic uint64_t calls;

void atm_set_allocator(atm_realloc_fn *fn, void *user)
{
    user_realloc = fn;
    user_data = user;
}

uint64_t atm_alloc_calls(void)
{
    return atomic_load_explicit(&calls, memory_order_relaxed);
}

void *atm_realloc(void *p, size_t bytes)
{
    void *q;

    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    q = user_realloc ? user_realloc(user_data, p, bytes) : realloc(p, bytes);
    if (!q)
        (void)atm_fail(ATM_NOMEM, "out of memory: %zu bytes wanted", bytes);
    return q;
}

void *atm_alloc(size_t bytes)
{
    return atm_realloc(NULL, bytes ? bytes : 1);
}

void *atm_alloc_array(size_t n, size_t each)
{
    size_t bytes;
    void *p;

    if (!atm_mul_size(n, each, &bytes)) {
        (void)atm_fail(ATM_NOMEM, "out of memory: %zu x %zu bytes", n, each);
        return NULL;
    }
    p = atm_alloc(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void atm_free(void *p)
{
    if (!p)
        return;
    if (user_realloc)
        (void)user_realloc(user_data, p, 0);
    else
        free(p);
}

struct atm_arena *atm_arena_new(void)
{
    return atm_alloc_array(1, sizeof(struct atm_arena));
}

void atm_arena_delete(struct atm_arena *arena)
{
    struct chunk *c, *next;

    if (!arena)
        return;
    for (c = arena->head; c; c = next) {
        next = c->next;
        ASAN_UNPOISON_MEMORY_REGION(c->data, c->cap);
        atm_free(c);
    }
    atm_free(arena);
}

void *atm_arena_alloc(struct atm_arena *arena, size_t bytes)
{
    struct chunk *c = arena->head;
    size_t need, cap;
    void *p;

    if (!atm_add_size(bytes, RED_ZONE + ARENA_ALIGN, &need))
        goto err_overflow;
    need = need / ARENA_ALIGN * ARENA_ALIGN;
    if (!c || c->cap - c->used < need) {
        cap = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        if (cap > SIZE_MAX - sizeof(*c))
            goto err_overflow;
        c = atm_alloc(sizeof(*c) + cap);
        if (!c)
            return NULL;
        c->cap = cap;
        c->used = 0;
        c->next = arena->head;
        arena->head = c;
        ASAN_POISON_MEMORY_REGION(c->data, c->cap);
    }
    p = c->data + c->used;
    c->used += need;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    memset(p, 0, bytes);
    return p;

err_overflow:
    (void)atm_fail(ATM_NOMEM, "out of memory: %zu bytes wanted", bytes);
    return NULL;
}

void *atm_arena_array(struct atm_arena *arena, size_t n, size_t bytes_each)
{
    size_t bytes;

    if (!atm_mul_size(n, bytes_each, &bytes)) {
        (void)atm_fail(ATM_NOMEM, "out of memory: %zu x %zu bytes", n,
                       bytes_each);
        return NULL;
    }
    return atm_arena_alloc(arena, bytes);
}

char *atm_arena_strndup(struct atm_arena *arena, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = atm_arena_alloc(arena, len + 1);

    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *atm_arena_strdup(struct atm_arena *arena, const char *s)
{
    return atm_arena_strndup(arena, s, strlen(s));
}

void *atm_arena_memdup(struct atm_arena *arena, const void *p, size_t bytes)
{
    void *copy = atm_arena_alloc(arena, bytes);

    if (copy && bytes)
        memcpy(copy, p, bytes);
    return copy;
}

char *atm_arena_printf(struct atm_arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    char *text = NULL;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0)
        text = atm_arena_alloc(arena, (size_t)n + 1);
    if (text)
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void *atm_arena_grow(struct atm_arena *arena, void *array, uint32_t *cap,
                     uint32_t need, size_t bytes_each)
{
    uint32_t bigger = *cap > UINT32_MAX / 2 ? UINT32_MAX : *cap * 2;
    void *copy;

    if (need <= *cap && array)
        return array;
    if (bigger < need)
        bigger = need;
    if (bigger < 8)
        bigger = 8;
    copy = atm_arena_array(arena, bigger, bytes_each);
    if (!copy)
        return NULL;
    if (array)
        memcpy(copy, array, (size_t)*cap * bytes_each);
    *cap = bigger;
    return copy;
}
