/* moves.c - what a move to and from a slow tier costs, where the tier is real:
 * two sizes in each direction give a latency and a bandwidth. Emulated tiers
 * know both by definition. */
#include "moves.h"

#include "arena.h"
#include "clock.h"
#include "hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES 9
#define DIRECTIONS 2 /* read, write */
#define SIZES 2
#define ALIGN ((uintptr_t)4096)

/* Small enough to show the latency, large enough to leave the caches. */
static const uint64_t size_of[SIZES] = {64u << 10, 64u << 20};

struct bench {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    unsigned char *room, *dram; /* aligned in it, as a pool is */
};

/* `par`: at what depth, where the tier was calibrated; else 0. */
static struct atm__vector vector_of(const char *spec, int write, int size,
                                    int threads, int par)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "move %s %" PRIu64 " threads %d",
                     write ? "write" : "read", size_of[size], threads);

    if (par)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " at %d", par);

    return (struct atm__vector){atm_hash_bytes(text, (size_t)n), spec, 0};
}

static enum atm_status one(struct bench *b, int write, int size,
                           double *seconds)
{
    double start = atm_now_s();
    enum atm_status st = write
                             ? b->ops->write(b->tier, b->dram, 0, size_of[size])
                             : b->ops->read(b->tier, b->dram, 0, size_of[size]);

    *seconds = atm_now_s() - start;
    if (!(*seconds > 0))
        *seconds = 1e-9;
    return st;
}

static enum atm_status measure(struct bench *b, struct atm_store *store,
                               const struct atm__vector *v, int write, int size)
{
    double seconds[SAMPLES + 1];
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i <= SAMPLES && !st; i++) /* the first one warms up */
        st = one(b, write, size, &seconds[i]);
    if (!st)
        st = atm__store_begin(store);
    for (i = 1; i <= SAMPLES && !st; i++)
        st = atm__store_add(store, v, i - 1, 0, seconds[i]);
    if (!st)
        st = atm__store_commit(store);
    if (st)
        atm__store_rollback(store);
    return st;
}

static enum atm_status
bench_open(const char *spec, const struct atm_tier_info *info, struct bench *b)
{
    struct atm_tier_info unused;
    enum atm_status st;

    st = atm_tier_probe(spec, info->read_bw, info->write_bw, &unused, &b->ops);
    if (st)
        return st;
    b->room = atm_alloc((size_t)size_of[SIZES - 1] + ALIGN);
    if (!b->room)
        return ATM_NOMEM;
    b->dram = b->room + (-(uintptr_t)b->room & (ALIGN - 1));
    memset(b->dram, 1, (size_t)size_of[SIZES - 1]);
    st = b->ops->open(spec, info, size_of[SIZES - 1], &b->tier);
    /* what was never written is read without asking a drive */
    return st ? st : b->ops->write(b->tier, b->dram, 0, size_of[SIZES - 1]);
}

static void bench_close(struct bench *b)
{
    if (b->tier)
        b->ops->close(b->tier);
    atm_free(b->room);
}

enum atm_status atm__moves_know(struct atm_store *store, const char *spec,
                                int threads, bool may_measure,
                                struct atm_tier_info *info)
{
    double median[DIRECTIONS][SIZES], bw[DIRECTIONS], latency = 0;
    struct bench b = {NULL, NULL, NULL, NULL};
    struct atm_curve_point curve[ATM_CURVE_MAX];
    enum atm_status st;
    uint32_t points = 0;
    int write, size;

    st = atm_store_curve(store, spec, curve, ATM_CURVE_MAX, &points);
    if (!st && points > 0) { /* as many at once as it takes, and no more */
        double unused;

        atm_curve_knee(curve, points, ATM_READ, &unused, &info->read_par);
        atm_curve_knee(curve, points, ATM_WRITE, &unused, &info->write_par);
    }
    for (write = 0; write < DIRECTIONS && !st; write++)
        for (size = 0; size < SIZES && !st; size++) {
            int par = !points ? 0 : write ? info->write_par : info->read_par;
            struct atm__vector v = vector_of(spec, write, size, threads, par);
            double s[SAMPLES];
            uint32_t n, sweeps;

            st = atm__store_samples(store, &v, s, SAMPLES, &n, &sweeps);
            if (!st && n < SAMPLES && !may_measure)
                st = atm_fail(ATM_STALE,
                              "profile store: moves to %s are not "
                              "measured on this machine",
                              spec);
            if (!st && n < SAMPLES && !b.tier)
                st = bench_open(spec, info, &b);
            if (!st && n < SAMPLES)
                st = measure(&b, store, &v, write, size);
            if (!st)
                st = atm__store_samples(store, &v, s, SAMPLES, &n, &sweeps);
            if (!st)
                median[write][size] = s[SAMPLES / 2];
        }
    bench_close(&b);
    if (st)
        return st;
    for (write = 0; write < DIRECTIONS; write++) {
        double more = median[write][1] - median[write][0];

        bw[write] = more > 0 ? (double)(size_of[1] - size_of[0]) / more
                             : (double)size_of[1] / median[write][1];
        more = median[write][0] - (double)size_of[0] / bw[write];
        latency += more > 0 ? more / DIRECTIONS : 0;
    }
    info->read_bw = bw[0];
    info->write_bw = bw[1];
    info->latency_s = latency;
    return ATM_OK;
}
