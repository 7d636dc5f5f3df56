/* json.h - strict reading of JSON, over jansson (json_text.h writes it).
 *
 * Unknown, missing and duplicate keys are errors, numbers have ranges, and
 * each sentence begins with the place: "plan.json: steps[17].kernel: ...".
 * Shared inside core. */
#ifndef ATM_CORE_JSON_H
#define ATM_CORE_JSON_H

#include "arena.h"
#include "autotm/status.h"
#include "json_text.h"

#include <jansson.h>
#include <stdbool.h>

/* Where the reader is: a chain on the stack, from the file inwards. */
struct atm__place {
    const struct atm__place *up; /* null: the file itself */
    const char *name;            /* file or key; null: an element */
    size_t index;
};

/* FORMAT, with the place in front. */
enum atm_status atm__json_fail(const struct atm__place *at, const char *fmt,
                               ...) __attribute__((format(printf, 2, 3)));

/* Parses `text`; duplicate keys, depth above 2048, NaN and trailing text are
 * errors. Free with json_decref. */
enum atm_status atm__json_parse(const char *file, const char *text,
                                size_t bytes, json_t **root);

/* `v` is an object that has every key of the null-ended list, and no other.
 * A leading '?' makes a key optional. */
enum atm_status atm__json_object(const struct atm__place *at, const json_t *v,
                                 const char *const *keys);
/* An array of at most `max` elements; exactly `max` if `exact`. */
enum atm_status atm__json_array(const struct atm__place *at, const json_t *v,
                                size_t max, bool exact);

/* Members of an object. An absent key leaves *out alone: its presence is the
 * business of atm__json_object. */
enum atm_status atm__json_u64(const struct atm__place *at, const json_t *obj,
                              const char *key, uint64_t max, uint64_t *out);
enum atm_status atm__json_u32(const struct atm__place *at, const json_t *obj,
                              const char *key, uint32_t max, uint32_t *out);
/* null: NaN, only if `nullable`. Never infinite. */
enum atm_status atm__json_real(const struct atm__place *at, const json_t *obj,
                               const char *key, bool nullable, double *out);
enum atm_status atm__json_bool(const struct atm__place *at, const json_t *obj,
                               const char *key, bool *out);
/* Copies into the arena. */
enum atm_status atm__json_str(const struct atm__place *at, const json_t *obj,
                              const char *key, struct atm_arena *arena,
                              const char **out);

/* The same for elements of an array. */
enum atm_status atm__json_at_u64(const struct atm__place *at,
                                 const json_t *array, size_t i, uint64_t max,
                                 uint64_t *out);
enum atm_status atm__json_at_u32(const struct atm__place *at,
                                 const json_t *array, size_t i, uint32_t max,
                                 uint32_t *out);
enum atm_status atm__json_at_real(const struct atm__place *at,
                                  const json_t *array, size_t i, double *out);

json_t *atm__json_number(double v); /* null where not finite */

#define ATM_JSON_MAX_INT (UINT64_C(1) << 53) /* exact in every reader */

#endif
