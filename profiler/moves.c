/* moves.c - what a move to and from a slow tier costs, where the tier is real:
 * two sizes in each direction give a latency and a bandwidth. Emulated tiers
 * know both by definition. */
#include "moves.h"

#include "room.h"

#include "clock.h"
#include "hash.h"

#include <inttypes.h>
#include <stdio.h>

#define SAMPLES 9
#define DIRECTIONS 2 /* read, write */
#define SIZES 3
/* Bytes a second of which no cache has a part. */
#define NO_CACHE 2e8

/* Small enough to show the latency; large enough for a tier that is slower
 * than NO_CACHE; large enough to leave the caches. */
static const uint64_t size_of[SIZES] = {64u << 10, 4u << 20, 64u << 20};

struct bench {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    uint64_t bytes; /* of the tier's pool and of the room */
    struct atm__room room;
};

/* `par`: at what depth, where the tier was calibrated; else 0. */
static struct atm__vector vector_of(const char *spec, int write, int size,
                                    int threads, int par)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "pool move %s %" PRIu64 " threads %d",
                     write ? "write" : "read", size_of[size], threads);

    if (par)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " at %d", par);

    return (struct atm__vector){atm_hash_bytes(text, (size_t)n), spec, 0};
}

static enum atm_status one(struct bench *b, int write, int size,
                           double *seconds)
{
    double start = atm_now_s();
    enum atm_status st =
        write ? b->ops->write(b->tier, b->room.at, 0, size_of[size])
              : b->ops->read(b->tier, b->room.at, 0, size_of[size]);

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

static void bench_close(struct bench *b)
{
    if (b->tier)
        b->ops->close(b->tier);
    atm__room_close(&b->room);
    *b = (struct bench){.bytes = 0};
}

/* Makes room for transfers of `bytes`; without effect where there is. */
static enum atm_status bench_open(const char *spec,
                                  const struct atm_tier_info *info,
                                  uint64_t bytes, struct bench *b)
{
    struct atm_tier_info unused;
    enum atm_status st;

    if (bytes <= b->bytes)
        return ATM_OK;
    bench_close(b);
    st = atm_tier_probe(spec, info->read_bw, info->write_bw, &unused, &b->ops);
    if (st)
        return st;
    st = atm__room_open((size_t)bytes, &b->room);
    if (st)
        return st;
    b->bytes = bytes;
    st = b->ops->open(spec, info, bytes, &b->tier);
    /* what was never written is read without asking a drive */
    return st ? st : b->ops->write(b->tier, b->room.at, 0, bytes);
}

struct asked {
    struct atm_store *store;
    const char *spec;
    int threads;
    bool points; /* the tier was calibrated */
    bool may_measure;
    const struct atm_tier_info *info;
};

/* The median of the transfers of one size, from the store where it has
 * them. */
static enum atm_status median_of(const struct asked *a, struct bench *b,
                                 int write, int size, double *median)
{
    int par = write ? a->info->write_par : a->info->read_par;
    struct atm__vector v =
        vector_of(a->spec, write, size, a->threads, a->points ? par : 0);
    double s[SAMPLES];
    uint32_t n, sweeps;
    enum atm_status st;

    st = atm__store_samples(a->store, &v, s, SAMPLES, &n, &sweeps);
    if (!st && n < SAMPLES) {
        if (!a->may_measure)
            return atm_fail(ATM_STALE,
                            "profile store: moves to %s are not "
                            "measured on this machine",
                            a->spec);
        st = bench_open(a->spec, a->info, size_of[size], b);
        if (!st)
            st = measure(b, a->store, &v, write, size);
        if (!st)
            st = atm__store_samples(a->store, &v, s, SAMPLES, &n, &sweeps);
    }
    *median = st ? 0 : s[SAMPLES / 2];
    return st;
}

/* Bandwidth and latency of one direction. */
static enum atm_status line_of(const struct asked *a, struct bench *b,
                               int write, double *bw, double *latency)
{
    double few, many;
    int size = 1;
    enum atm_status st = median_of(a, b, write, 0, &few);

    if (!st)
        st = median_of(a, b, write, size, &many);
    if (!st && (double)size_of[size] / many > NO_CACHE)
        st = median_of(a, b, write, ++size, &many);
    if (st)
        return st;
    *bw = many > few ? (double)(size_of[size] - size_of[0]) / (many - few)
                     : (double)size_of[size] / many;
    few -= (double)size_of[0] / *bw;
    *latency = few > 0 ? few : 0;
    return ATM_OK;
}

enum atm_status atm__moves_know(struct atm_store *store, const char *spec,
                                int threads, bool may_measure,
                                struct atm_tier_info *info)
{
    double bw[DIRECTIONS], latency[DIRECTIONS];
    struct asked a = {store, spec, threads, false, may_measure, info};
    struct bench b = {.bytes = 0};
    struct atm_curve_point curve[ATM_CURVE_MAX];
    enum atm_status st;
    uint32_t points = 0;
    int write;

    st = atm_store_curve(store, spec, curve, ATM_CURVE_MAX, &points);
    if (!st && points > 0) { /* as many at once as it takes, and no more */
        double unused;

        a.points = true;
        atm_curve_knee(curve, points, ATM_READ, &unused, &info->read_par);
        atm_curve_knee(curve, points, ATM_WRITE, &unused, &info->write_par);
    }
    for (write = 0; write < DIRECTIONS && !st; write++)
        st = line_of(&a, &b, write, &bw[write], &latency[write]);
    bench_close(&b);
    if (st)
        return st;
    info->read_bw = bw[0];
    info->write_bw = bw[1];
    info->latency_s = (latency[0] + latency[1]) / DIRECTIONS;
    return ATM_OK;
}
