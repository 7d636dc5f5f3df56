/* tier.c - the registry of tiers, and specs. */
#include "tiers/tier.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct atm_tier_ops *const kinds[] = {
#define TIER(kind, help) &atm__tier_##kind,
#include "tiers/tiers.def"
#undef TIER
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct atm_tier_ops *atm_tier_kind_at(uint32_t index)
{
    return index < N_KINDS ? kinds[index] : NULL;
}

enum atm_status atm_tier_probe(const char *spec, double dram_read_bw,
                               double dram_write_bw, struct atm_tier_info *info,
                               const struct atm_tier_ops **ops)
{
    size_t n = strcspn(spec, ":"), i, at = 0;
    char list[256] = "";

    for (i = 0; i < N_KINDS; i++) {
        if (strlen(kinds[i]->kind) == n &&
            strncmp(kinds[i]->kind, spec, n) == 0) {
            *ops = kinds[i];
            return kinds[i]->probe(spec, dram_read_bw, dram_write_bw, info);
        }
        at += (size_t)snprintf(list + at, sizeof(list) - at, " %s",
                               kinds[i]->kind);
    }
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": no kind \"%.*s\"; there are:"
                    "%s",
                    spec, (int)(n < 32 ? n : 32), spec, list);
}

/* ---- specs ------------------------------------------------------------- */

static enum atm_status bad_value(const char *spec, const struct atm__key *k,
                                 const char *value, size_t n)
{
    static const char *const want[] = {
        "a size in bytes, like 4096, 512M or 4G",
        "a rate in bytes/s above 0, like 8G", "a number of at least 0",
        "a word of at most 31 characters", "a path of at most 199 characters"};

    return atm_fail(ATM_INVAL, "tier \"%.100s\": %s=%.*s: must be %s", spec,
                    k->name, (int)(n < 40 ? n : 40), value, want[k->type]);
}

/* A decimal number and perhaps K, M, G or T, powers of `step`. */
static bool parse_number(const char *value, size_t n, double step, double *out)
{
    static const char suffix[] = "KMGT";
    char text[40], *end;
    const char *s;

    if (n == 0 || n >= sizeof(text) || strchr("+-nNiI \t", value[0]))
        return false; /* strtod would take signs, blanks, nan and inf */
    memcpy(text, value, n);
    text[n] = '\0';
    if (text[1] == 'x' || text[1] == 'X')
        return false;
    *out = strtod(text, &end);
    if (end == text)
        return false;
    if (*end && step > 0) {
        s = strchr(suffix, *end);
        if (!s)
            return false;
        *out *= pow(step, (double)(s - suffix + 1));
        end++;
    }
    return *end == '\0' && isfinite(*out);
}

static enum atm_status parse_value(const char *spec, const struct atm__key *k,
                                   const char *value, size_t n)
{
    double v = 0;
    bool ok = false;

    switch (k->type) {
    case ATM__KEY_SIZE:
        ok = parse_number(value, n, 1024, &v) && v >= 0 && v < 0x1p62 &&
             v == floor(v);
        if (ok)
            *(uint64_t *)k->to = (uint64_t)v;
        break;
    case ATM__KEY_RATE:
        ok = parse_number(value, n, 1000, &v) && v > 0;
        if (ok)
            *(double *)k->to = v;
        break;
    case ATM__KEY_REAL:
        ok = parse_number(value, n, 0, &v) && v >= 0;
        if (ok)
            *(double *)k->to = v;
        break;
    case ATM__KEY_WORD:
        ok = n > 0 && n < 32;
        if (ok)
            (void)snprintf(k->to, 32, "%.*s", (int)n, value);
        break;
    case ATM__KEY_PATH:
        ok = n > 0 && n < ATM__PATH_BYTES;
        if (ok)
            (void)snprintf(k->to, ATM__PATH_BYTES, "%.*s", (int)n, value);
        break;
    }
    return ok ? ATM_OK : bad_value(spec, k, value, n);
}

static enum atm_status no_key(const char *spec, const struct atm__key *keys,
                              const char *key, size_t n)
{
    char list[256] = "";
    size_t at = 0;

    for (; keys->name; keys++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, " %s",
                               keys->name[0] ? keys->name : "PATH");
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": no key \"%.*s\"; there are:"
                    "%s",
                    spec, (int)(n < 32 ? n : 32), key, list);
}

enum atm_status atm__spec_parse(const char *spec, const struct atm__key *keys)
{
    const char *at = spec + strcspn(spec, ":");
    uint32_t seen = 0, i;
    enum atm_status st;

    if (at[0] && at[1] && keys[0].name && !keys[0].name[0] &&
        !memchr(at + 1, '=', strcspn(at + 1, ","))) { /* a path comes first */
        size_t n = strcspn(at + 1, ",");

        st = parse_value(spec, keys, at + 1, n);
        if (st)
            return st;
        at += 1 + n;
    }
    while (at[0] &&
           !(at[0] == ':' && !at[1] && keys[0].name && !keys[0].name[0])) {
        const char *key = at + 1; /* behind ':' or ',' */
        size_t n = strcspn(key, "=,"), len;

        for (i = 0; keys[i].name; i++)
            if (strlen(keys[i].name) == n && strncmp(keys[i].name, key, n) == 0)
                break;
        if (!keys[i].name)
            return no_key(spec, keys, key, n);
        if (key[n] != '=')
            return atm_fail(ATM_INVAL, "tier \"%.100s\": %s needs a value",
                            spec, keys[i].name);
        if (seen & 1u << i)
            return atm_fail(ATM_INVAL, "tier \"%.100s\": %s is given twice",
                            spec, keys[i].name);
        seen |= 1u << i;
        len = strcspn(key + n + 1, ",");
        st = parse_value(spec, &keys[i], key + n + 1, len);
        if (st)
            return st;
        at = key + n + 1 + len;
    }
    return ATM_OK;
}

enum atm_status atm__range_check(const char *spec, uint64_t bytes, uint64_t off,
                                 uint64_t len)
{
    if (len <= bytes && off <= bytes - len)
        return ATM_OK;
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": %" PRIu64 " bytes at %" PRIu64
                    " pass its end, %" PRIu64,
                    spec, len, off, bytes);
}

enum atm_status atm__size_check(const char *spec, uint64_t size, uint64_t bytes)
{
    if (bytes <= size)
        return ATM_OK;
    return atm_fail(ATM_CAPACITY,
                    "tier \"%.100s\": %" PRIu64
                    " bytes are needed, its size is %" PRIu64,
                    spec, bytes, size);
}
