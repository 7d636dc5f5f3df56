/* json.c - places and checked getters over jansson. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* "plan.json: steps[17].kernel" */
static size_t place_str(const struct atm__place *at, char *buf, size_t cap)
{
    size_t n;

    if (!at->up) {
        n = (size_t)snprintf(buf, cap, "%s", at->name);
    } else {
        n = place_str(at->up, buf, cap);
        if (at->name)
            n += (size_t)snprintf(buf + n, cap - n, "%s%s",
                                  at->up->up ? "." : ": ", at->name);
        else
            n += (size_t)snprintf(buf + n, cap - n, "[%zu]", at->index);
    }
    return n < cap ? n : cap - 1;
}

enum atm_status atm__json_fail(const struct atm__place *at, const char *fmt,
                               ...)
{
    char place[400], text[400];
    va_list args;

    (void)place_str(at, place, sizeof(place));
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return atm_fail(ATM_FORMAT, "%s: %s", place, text);
}

enum atm_status atm__json_parse(const char *file, const char *text,
                                size_t bytes, json_t **root)
{
    json_error_t e;

    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &e);
    if (*root)
        return ATM_OK;
    if (json_error_code(&e) == json_error_out_of_memory)
        return atm_fail(ATM_NOMEM, "%s: out of memory", file);
    return atm_fail(ATM_FORMAT, "%s: line %d, column %d: %s", file, e.line,
                    e.column, e.text);
}

enum atm_status atm__json_object(const struct atm__place *at, const json_t *v,
                                 const char *const *keys)
{
    void *it;
    size_t i;

    if (!json_is_object(v))
        return atm__json_fail(at, "must be an object");
    for (it = json_object_iter((json_t *)v); it;
         it = json_object_iter_next((json_t *)v, it)) {
        const char *key = json_object_iter_key(it);

        for (i = 0; keys[i]; i++)
            if (strcmp(keys[i] + (keys[i][0] == '?'), key) == 0)
                break;
        if (!keys[i])
            return atm__json_fail(at, "unknown key \"%s\"", key);
    }
    for (i = 0; keys[i]; i++)
        if (keys[i][0] != '?' && !json_object_get(v, keys[i]))
            return atm__json_fail(at, "the key \"%s\" is missing", keys[i]);
    return ATM_OK;
}

enum atm_status atm__json_array(const struct atm__place *at, const json_t *v,
                                size_t max, bool exact)
{
    if (!json_is_array(v))
        return atm__json_fail(at, "must be an array");
    if (json_array_size(v) > max || (exact && json_array_size(v) != max))
        return atm__json_fail(at, "%zu elements, %s %zu", json_array_size(v),
                              exact ? "must be" : "at most", max);
    return ATM_OK;
}

static enum atm_status get_u64(const struct atm__place *at, const json_t *v,
                               uint64_t max, uint64_t *out)
{
    json_int_t i;

    if (!json_is_integer(v))
        return atm__json_fail(at, "must be an integer");
    i = json_integer_value(v);
    if (i < 0 || (uint64_t)i > max)
        return atm__json_fail(
            at, "%" JSON_INTEGER_FORMAT " is not in 0..%" PRIu64, i, max);
    *out = (uint64_t)i;
    return ATM_OK;
}

static enum atm_status get_u32(const struct atm__place *at, const json_t *v,
                               uint32_t max, uint32_t *out)
{
    uint64_t wide = 0;
    enum atm_status st = get_u64(at, v, max, &wide);

    if (!st)
        *out = (uint32_t)wide;
    return st;
}

static enum atm_status get_real(const struct atm__place *at, const json_t *v,
                                bool nullable, double *out)
{
    if (nullable && json_is_null(v)) {
        *out = NAN;
        return ATM_OK;
    }
    if (!json_is_number(v))
        return atm__json_fail(at, "must be a number%s",
                              nullable ? " or null" : "");
    *out = json_number_value(v);
    return ATM_OK;
}

enum atm_status atm__json_u64(const struct atm__place *at, const json_t *obj,
                              const char *key, uint64_t max, uint64_t *out)
{
    const struct atm__place here = {at, key, 0};
    const json_t *v = json_object_get(obj, key);

    return v ? get_u64(&here, v, max, out) : ATM_OK;
}

enum atm_status atm__json_u32(const struct atm__place *at, const json_t *obj,
                              const char *key, uint32_t max, uint32_t *out)
{
    const struct atm__place here = {at, key, 0};
    const json_t *v = json_object_get(obj, key);

    return v ? get_u32(&here, v, max, out) : ATM_OK;
}

enum atm_status atm__json_real(const struct atm__place *at, const json_t *obj,
                               const char *key, bool nullable, double *out)
{
    const struct atm__place here = {at, key, 0};
    const json_t *v = json_object_get(obj, key);

    return v ? get_real(&here, v, nullable, out) : ATM_OK;
}

enum atm_status atm__json_bool(const struct atm__place *at, const json_t *obj,
                               const char *key, bool *out)
{
    const struct atm__place here = {at, key, 0};
    const json_t *v = json_object_get(obj, key);

    if (v && !json_is_boolean(v))
        return atm__json_fail(&here, "must be true or false");
    if (v)
        *out = json_is_true(v);
    return ATM_OK;
}

enum atm_status atm__json_str(const struct atm__place *at, const json_t *obj,
                              const char *key, struct atm_arena *arena,
                              const char **out)
{
    const struct atm__place here = {at, key, 0};
    const json_t *v = json_object_get(obj, key);

    if (!v)
        return ATM_OK;
    if (!json_is_string(v))
        return atm__json_fail(&here, "must be a string");
    *out = atm_arena_strdup(arena, json_string_value(v));
    return *out ? ATM_OK : ATM_NOMEM;
}

enum atm_status atm__json_at_u64(const struct atm__place *at,
                                 const json_t *array, size_t i, uint64_t max,
                                 uint64_t *out)
{
    const struct atm__place here = {at, NULL, i};

    return get_u64(&here, json_array_get(array, i), max, out);
}

enum atm_status atm__json_at_u32(const struct atm__place *at,
                                 const json_t *array, size_t i, uint32_t max,
                                 uint32_t *out)
{
    const struct atm__place here = {at, NULL, i};

    return get_u32(&here, json_array_get(array, i), max, out);
}

enum atm_status atm__json_at_real(const struct atm__place *at,
                                  const json_t *array, size_t i, double *out)
{
    const struct atm__place here = {at, NULL, i};

    return get_real(&here, json_array_get(array, i), false, out);
}

json_t *atm__json_number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}
