/* overlap.c - copies beside copies and beside kernels, timed.
 *
 * Each quantity is timed in turn, round after round, so that a slow moment of
 * the machine falls on all of them. The store keeps them as samples of made-up
 * signatures, as it keeps moves. */
#include "overlap.h"

#include "room.h"

#include "affinity.h"
#include "clock.h"
#include "hash.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define ROUNDS 5
#define BLOCK_MOST ((uint64_t)4 << 20) /* of a copy */
#define SMALL ((uint64_t)64 << 10)
#define LEAST_S 0.02 /* a timing goes on for */
#define KERNELS_S 1.0

/* Seconds of: a block read, written; the same while the other direction is
 * active; the program's kernels, alone and beside reads; a block read beside
 * them; a small read, alone and while blocks are written. */
enum what {
    READ,
    WRITE,
    READ_MIXED,
    WRITE_MIXED,
    KERNELS,
    KERNELS_BESIDE,
    READ_BESIDE,
    SMALL_READ,
    SMALL_LOADED,
    WHATS
};
static const char *const what_name[WHATS] = {
    "read",           "write",       "read mixed", "write mixed", "kernels",
    "kernels beside", "read beside", "small read", "small loaded"};

struct copier {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    unsigned char *dram; /* a block for each direction */
    uint64_t block;      /* bytes: no more than LEAST_S takes */
    atomic_bool stop;
    bool write;       /* what the thread does */
    uint32_t kernels; /* of the program, that are timed; 0: not known yet */
    uint64_t blocks;
    double seconds; /* that they took */
    enum atm_status st;
};

static enum atm_status copy(struct copier *c, bool write, uint64_t bytes)
{
    return write ? c->ops->write(c->tier, c->dram + c->block, c->block, bytes)
                 : c->ops->read(c->tier, c->dram, 0, bytes);
}

static void *copy_on(void *user)
{
    struct copier *c = user;
    double start;

    atm__cores_all(); /* as the session's copy threads */
    start = atm_now_s();
    do {
        c->st = copy(c, c->write, c->block);
        c->blocks++;
        (void)sched_yield(); /* a real-time thread would starve the kernels */
    } while (!c->st && !atomic_load(&c->stop));
    c->seconds = atm_now_s() - start;
    return NULL;
}

/* Seconds of a copy of `bytes`, the mean over LEAST_S. */
static enum atm_status time_copy(struct copier *c, bool write, uint64_t bytes,
                                 double *seconds)
{
    double start = atm_now_s(), now;
    enum atm_status st;
    uint32_t n = 0;

    do {
        st = copy(c, write, bytes);
        now = atm_now_s();
        n++;
    } while (!st && now - start < LEAST_S);
    *seconds = (now - start) / n;
    return st;
}

/* A sweep of the program's kernels, everything fast, the mean over LEAST_S; of
 * a long program as many kernels as the first timing has done in KERNELS_S. */
static enum atm_status time_kernels(const struct job *j, struct atm__bench *b,
                                    struct copier *c, double *seconds)
{
    uint32_t k, n = c->kernels ? c->kernels : j->p->n_kernels, sweeps = 0;
    enum atm_status st = ATM_OK;
    double sum = 0, s;

    do {
        for (k = 0; k < n && !st && (c->kernels || sum < KERNELS_S); k++) {
            st = atm__bench_run(b, k, 0, &s);
            sum += s;
        }
        sweeps++;
        c->kernels = k;
    } while (!st && sum > 0 && sum < LEAST_S);
    *seconds = sum > 0 ? sum / sweeps : 1e-9;
    return st;
}

/* Times one of them beside a thread that copies; `b` null: a copy. */
static enum atm_status beside(const struct job *j, struct atm__bench *b,
                              struct copier *c, bool thread_writes,
                              uint64_t bytes, double *seconds, double *block_s)
{
    enum atm_status st;
    pthread_t thread;

    c->write = thread_writes;
    c->blocks = 0;
    atomic_store(&c->stop, false);
    if (pthread_create(&thread, NULL, copy_on, c) != 0)
        return atm_fail(ATM_NOMEM, "profiling copies: no thread");
    st = b ? time_kernels(j, b, c, seconds)
           : time_copy(c, !thread_writes, bytes, seconds);
    atomic_store(&c->stop, true);
    (void)pthread_join(thread, NULL);
    *block_s = c->seconds / (double)c->blocks;
    return st ? st : c->st;
}

static enum atm_status one_round(const struct job *j, struct atm__bench *b,
                                 struct copier *c, double *s)
{
    double unused;
    enum atm_status st = time_copy(c, false, c->block, &s[READ]);

    if (!st)
        st = time_copy(c, true, c->block, &s[WRITE]);
    if (!st) /* the thread reads, this one writes */
        st = beside(j, NULL, c, false, c->block, &s[WRITE_MIXED],
                    &s[READ_MIXED]);
    if (!st)
        st = time_kernels(j, b, c, &s[KERNELS]);
    if (!st)
        st = beside(j, b, c, false, 0, &s[KERNELS_BESIDE], &s[READ_BESIDE]);
    if (!st)
        st = time_copy(c, false, SMALL, &s[SMALL_READ]);
    if (!st)
        st = beside(j, NULL, c, true, SMALL, &s[SMALL_LOADED], &unused);
    return st;
}

static struct atm__vector vector_of(const struct job *j, enum what w)
{
    char text[128], program[ATM_HASH_STR];
    int n = snprintf(text, sizeof(text), "overlap %s threads %d program %s",
                     what_name[w], j->p->threads,
                     atm_hash_str(j->p->hash, program));

    return (struct atm__vector){atm_hash_bytes(text, (size_t)n),
                                j->profile->spec[1], 0};
}

static double part(double alone, double together)
{
    return alone < together ? alone / together : 1;
}

static double times(double alone, double together)
{
    return together > alone ? together / alone : 1;
}

enum atm_status atm__overlap_know(struct job *j, bool *known)
{
    struct atm_overlap *o = &j->profile->overlap;
    double median[WHATS];
    enum atm_status st = ATM_OK;
    int w;

    *known = true;
    for (w = 0; w < WHATS && !st && *known; w++) {
        struct atm__vector v = vector_of(j, (enum what)w);
        double s[ROUNDS];
        uint32_t n, sweeps;

        st = atm__store_samples(j->store, &v, s, ROUNDS, &n, &sweeps);
        *known = !st && n == ROUNDS;
        if (*known)
            median[w] = s[ROUNDS / 2];
    }
    if (st || !*known)
        return st;
    *o = (struct atm_overlap){
        .mixed_read = part(median[READ], median[READ_MIXED]),
        .mixed_write = part(median[WRITE], median[WRITE_MIXED]),
        .copy_slowdown = times(median[READ], median[READ_BESIDE]),
        .kernel_slowdown = times(median[KERNELS], median[KERNELS_BESIDE]),
        .latency_s = median[SMALL_READ],
        .loaded_latency_s = median[SMALL_LOADED],
        .source = ATM_TIME_MEASURED};
    return ATM_OK;
}

static enum atm_status keep(struct job *j, double s[ROUNDS][WHATS])
{
    enum atm_status st = atm__store_begin(j->store);
    uint32_t r;
    int w;

    for (w = 0; w < WHATS && !st; w++) {
        struct atm__vector v = vector_of(j, (enum what)w);

        st = atm__store_forget(j->store, &v);
        for (r = 0; r < ROUNDS && !st; r++)
            st = atm__store_add(j->store, &v, r, 0, s[r][w]);
    }
    if (!st)
        st = atm__store_commit(j->store);
    if (st)
        atm__store_rollback(j->store);
    return st;
}

static uint64_t block_of(const struct atm_tier_info *info)
{
    double bw = info->read_bw < info->write_bw ? info->read_bw : info->write_bw;
    double most = bw * LEAST_S;

    return most >= (double)BLOCK_MOST ? BLOCK_MOST
           : most <= (double)SMALL    ? SMALL
                                      : (uint64_t)most / SMALL * SMALL;
}

enum atm_status atm__overlap_measure(struct job *j, struct atm__bench *b)
{
    const struct atm_tier_info *info = &j->profile->tier[1];
    const char *spec = j->profile->spec[1];
    struct atm__room room;
    struct atm_tier_info unused;
    double s[ROUNDS][WHATS];
    struct copier c = {NULL};
    enum atm_status st;
    uint32_t r;

    atm__bench_close_slow(b); /* kernels run on fast memory alone here */
    c.block = block_of(info);
    st = atm__room_open((size_t)(2 * c.block), &room);
    if (st)
        return st;
    c.dram = room.at;
    st = atm_tier_probe(spec, info->read_bw, info->write_bw, &unused, &c.ops);
    if (!st)
        st = c.ops->open(spec, info, 2 * c.block, &c.tier);
    if (st)
        goto out;
    st = c.ops->write(c.tier, c.dram, 0, 2 * c.block);
    for (r = 0; r < ROUNDS && !st; r++) {
        st = one_round(j, b, &c, s[r]);
        if (!st)
            st = atm__tell(j);
    }
    c.ops->close(c.tier);
    if (!st)
        st = keep(j, s);
out:
    atm__room_close(&room);
    return st;
}
