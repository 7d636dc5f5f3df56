/* tier.c - the registry of tiers, specs, and pools of anonymous memory. */
#include "tiers/tier.h"

#include "checked.h"
#include "file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES ((uint64_t)2 << 20)

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
    static const char *const want[] = {"a size in bytes, like 4096, 512M or 4G",
                                       "a rate in bytes/s above 0, like 8G",
                                       "a number of at least 0",
                                       "a word of at most 31 characters"};

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
    }
    return ok ? ATM_OK : bad_value(spec, k, value, n);
}

static enum atm_status no_key(const char *spec, const struct atm__key *keys,
                              const char *key, size_t n)
{
    char list[256] = "";
    size_t at = 0;

    for (; keys->name; keys++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, " %s", keys->name);
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

    while (*at) {
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

/* ---- pools ------------------------------------------------------------- */

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

/* What can be had without pushing somebody out; 0: unknown. Asked first,
 * because memory that is not there is found by the OOM killer, not by
 * mmap. */
static uint64_t available_bytes(void)
{
    uint64_t kib = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");

    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
            break;
    (void)fclose(f);
    return kib * 1024;
}

/* Touches every page now: neither faults nor missing memory later. */
static bool populate(unsigned char *base, uint64_t bytes)
{
    uint64_t i;

#ifdef MADV_POPULATE_WRITE
    if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
#endif
    for (i = 0; i < bytes; i += 4096) /* before Linux 5.14 */
        ((volatile unsigned char *)base)[i] = 0;
    return true;
}

enum atm_status atm__pool_open(const char *spec, uint64_t size, uint64_t bytes,
                               struct atm__pool *pool)
{
    uint64_t have = available_bytes(), len, map;
    unsigned char *at, *base;

    memset(pool, 0, sizeof(*pool));
    if (bytes > size)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64
                        " bytes are needed, its size is %" PRIu64,
                        spec, bytes, size);
    if (have && bytes > have)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64
                        " bytes are needed, %" PRIu64 " are free; use less",
                        spec, bytes, have);
    if (!atm_round_up(bytes ? bytes : 1, 4096, &len) ||
        !atm_add_u64(len, HUGE_BYTES, &map) || map > SIZE_MAX)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64 " bytes are too many", spec,
                        bytes);
    at = mmap(NULL, map, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
              -1, 0);
    if (at == MAP_FAILED)
        goto err_full;
    /* cut what lies before and behind the aligned range */
    base = at + (-(uintptr_t)at & (HUGE_BYTES - 1));
    if (base > at)
        (void)munmap(at, (size_t)(base - at));
    if (at + map > base + len)
        (void)munmap(base + len, (size_t)(at + map - (base + len)));
    (void)madvise(base, len, MADV_HUGEPAGE); /* slower without, not wrong */
    pool->base = base;
    pool->bytes = bytes;
    pool->map_bytes = len;
    if (populate(base, len))
        return ATM_OK;
    atm__pool_close(pool);
err_full:
    return atm_fail(ATM_CAPACITY,
                    "tier \"%.100s\": no %" PRIu64 " bytes of memory: %s", spec,
                    bytes, strerror(errno));
}

void atm__pool_close(struct atm__pool *pool)
{
    if (pool->base)
        (void)munmap(pool->base, pool->map_bytes);
    memset(pool, 0, sizeof(*pool));
}
