/* calibrate.c - what a tier gives: bandwidth of reads, writes and both at
 * once, by threads or queue depth and by the bytes of a request. */
#include "room.h"
#include "store.h"

#include "clock.h"

#include <pthread.h>
#include <string.h>

#define POOL_BYTES ((uint64_t)64 << 20)
#define PAR_MAX 32
#define REPEATS 3
/* of one measurement */
#define LEAST_S 0.02

static const uint64_t blocks[] = {256 << 10, 1 << 20, 4 << 20};
#define N_BLOCKS (sizeof(blocks) / sizeof(blocks[0]))

struct stream {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    unsigned char *memory;
    uint64_t from, to, request; /* offsets of the pool, in requests */
    bool write;
    volatile bool *stop; /* of the one that accompanies; else null */
    uint64_t bytes;
    enum atm_status st;
};

static void *stream(void *user)
{
    struct stream *s = user;
    double end = atm_now_s() + LEAST_S;
    uint64_t at = s->from;

    do {
        s->st = s->write ? s->ops->write(s->tier, s->memory, at, s->request)
                         : s->ops->read(s->tier, s->memory, at, s->request);
        s->bytes += s->request;
        at += s->request;
        if (at + s->request > s->to)
            at = s->from;
    } while (!s->st && (s->stop ? !*s->stop : atm_now_s() < end));
    return NULL;
}

/* Bytes a second of the direction, once. Reads use the lower half of the pool
 * where writes use the upper one beside them. */
static enum atm_status once(const struct atm_tier_ops *ops,
                            struct atm_tier *tier, unsigned char *memory,
                            enum atm_direction d, uint64_t request, double *bw)
{
    volatile bool stop = false;
    struct stream a = {.ops = ops,
                       .tier = tier,
                       .memory = memory,
                       .to = d == ATM_MIXED ? POOL_BYTES / 2 : POOL_BYTES,
                       .request = request,
                       .write = d == ATM_WRITE};
    struct stream b = a;
    double start = atm_now_s();
    pthread_t thread;

    b.from = POOL_BYTES / 2;
    b.to = POOL_BYTES;
    b.memory = memory + POOL_BYTES / 2;
    b.write = true;
    b.stop = &stop;
    if (d == ATM_MIXED && pthread_create(&thread, NULL, stream, &b) != 0)
        return atm_fail(ATM_NOMEM, "calibration: no thread");
    (void)stream(&a);
    if (d == ATM_MIXED) {
        stop = true;
        (void)pthread_join(thread, NULL);
    }
    *bw = (double)(a.bytes + b.bytes) / (atm_now_s() - start);
    return a.st ? a.st : b.st;
}

static double median3(double a, double b, double c)
{
    double lo = a < b ? a : b, hi = a < b ? b : a;

    return c < lo ? lo : c > hi ? hi : c;
}

/* Bytes of one transfer: of a drive, a block a place in its queue. */
static uint64_t request_bytes(const struct atm_tier_info *info, int par,
                              uint32_t block)
{
    return info->caps & ATM_TIER_ADDRESSABLE ? blocks[block]
                                             : blocks[block] * (uint64_t)par;
}

/* Sizes of a block, the least first, that leave room for two transfers. */
static uint32_t blocks_that_fit(const struct atm_tier_info *info, int par)
{
    uint32_t n = N_BLOCKS;

    while (n > 1 && request_bytes(info, par, n - 1) > POOL_BYTES / 2)
        n--;
    return n;
}

/* Turn by turn: what the machine does meanwhile falls on all points alike. */
static enum atm_status at_depth(const char *spec,
                                const struct atm_tier_ops *ops,
                                const struct atm_tier_info *info, int par,
                                unsigned char *memory,
                                struct atm_curve_point *p, uint32_t *points)
{
    double bw[REPEATS][3 * N_BLOCKS];
    struct atm_tier_info i = *info;
    struct atm_tier *tier;
    enum atm_status st;
    uint32_t r, n, sizes = blocks_that_fit(info, par);

    *points = 3 * sizes;
    i.read_par = i.write_par = par;
    st = ops->open(spec, &i, POOL_BYTES, &tier);
    if (st)
        return st;
    /* what was never written is read without asking a drive */
    st = ops->write(tier, memory, 0, POOL_BYTES);
    for (r = 0; r < REPEATS && !st; r++)
        for (n = 0; n < *points && !st; n++)
            st = once(ops, tier, memory, (enum atm_direction)(n / sizes),
                      request_bytes(info, par, n % sizes), &bw[r][n]);
    ops->close(tier);
    for (n = 0; n < *points && !st; n++)
        p[n] = (struct atm_curve_point){(enum atm_direction)(n / sizes), par,
                                        blocks[n % sizes],
                                        median3(bw[0][n], bw[1][n], bw[2][n])};
    return st;
}

enum atm_status atm_store_calibrate(struct atm_store *store, const char *spec,
                                    int threads, struct atm_curve_point *p,
                                    uint32_t cap, uint32_t *n)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm__room room;
    enum atm_status st;
    uint32_t points = 0;
    int par, most;

    *n = 0;
    st = atm_tier_probe(spec, 1e10, 1e10, &info, &ops);
    if (!st && info.caps & ATM_TIER_EMULATED)
        st = atm_fail(ATM_INVAL,
                      "tier \"%.100s\": emulated, its figures are "
                      "given, not measured",
                      spec);
    if (st)
        return st;
    st = atm__room_open(POOL_BYTES, &room);
    if (st)
        return st;
    most = info.caps & ATM_TIER_ADDRESSABLE ? threads : PAR_MAX;
    for (par = 1; par <= most && !st && *n + 3 * N_BLOCKS <= cap; par *= 2) {
        st = at_depth(spec, ops, &info, par, room.at, p + *n, &points);
        *n += points;
    }
    atm__room_close(&room);
    return st ? st : atm__store_curve_put(store, spec, p, *n);
}

void atm_curve_knee(const struct atm_curve_point *p, uint32_t n,
                    enum atm_direction d, double *bw, int *par)
{
    uint32_t i;

    *bw = 0;
    *par = 1;
    for (i = 0; i < n; i++)
        if (p[i].direction == d && p[i].bw > *bw)
            *bw = p[i].bw;
    for (*par = PAR_MAX * 128, i = 0; i < n; i++)
        if (p[i].direction == d && p[i].bw >= 0.95 * *bw && p[i].par < *par)
            *par = p[i].par;
}
