/* tier_dram.c - local memory, and how fast it is. */
#include "tiers/tier.h"

#include "arena.h"
#include "clock.h"
#include "copy.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct atm_tier {
    struct atm__pool pool;
    int threads;
    char spec[104];
};

static enum atm_status dram_probe(const char *spec, double dram_read_bw,
                                  double dram_write_bw,
                                  struct atm_tier_info *info)
{
    uint64_t size = UINT64_MAX;
    const struct atm__key keys[] = {{"size", ATM__KEY_SIZE, &size},
                                    {NULL, ATM__KEY_SIZE, NULL}};
    enum atm_status st = atm__spec_parse(spec, keys);
    int threads = omp_get_num_procs();

    if (st)
        return st;
    *info = (struct atm_tier_info){.kind = "dram",
                                   .size = size,
                                   .map_align = ATM_ALIGN,
                                   .move_align = ATM_ALIGN,
                                   .caps = ATM_TIER_ADDRESSABLE,
                                   .clock = ATM_CLOCK_REAL,
                                   .read_bw = dram_read_bw,
                                   .write_bw = dram_write_bw,
                                   .read_par = threads,
                                   .write_par = threads};
    return ATM_OK;
}

static enum atm_status dram_open(const char *spec,
                                 const struct atm_tier_info *info,
                                 uint64_t bytes, struct atm_tier **tier)
{
    struct atm_tier *t;
    enum atm_status st;

    *tier = NULL;
    t = atm_alloc(sizeof(*t));
    if (!t)
        return ATM_NOMEM;
    st = atm__pool_open(spec, info->size, bytes, &t->pool);
    if (st) {
        atm_free(t);
        return st;
    }
    t->threads = info->write_par;
    (void)snprintf(t->spec, sizeof(t->spec), "%.100s", spec);
    *tier = t;
    return ATM_OK;
}

static void *dram_map(struct atm_tier *t, uint64_t off, uint64_t len)
{
    return atm__range_check(t->spec, t->pool.bytes, off, len)
               ? NULL
               : t->pool.base + off;
}

static enum atm_status dram_read(struct atm_tier *t, void *dst, uint64_t off,
                                 uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->pool.bytes, off, len);

    if (!st)
        atm__copy(dst, t->pool.base + off, len, t->threads);
    return st;
}

static enum atm_status dram_write(struct atm_tier *t, const void *src,
                                  uint64_t off, uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->pool.bytes, off, len);

    if (!st)
        atm__copy(t->pool.base + off, src, len, t->threads);
    return st;
}

static void dram_close(struct atm_tier *t)
{
    atm__pool_close(&t->pool);
    atm_free(t);
}

const struct atm_tier_ops atm__tier_dram = {.kind = "dram",
                                            .help = atm__help_dram,
                                            .probe = dram_probe,
                                            .open = dram_open,
                                            .map = dram_map,
                                            .read = dram_read,
                                            .write = dram_write,
                                            .close = dram_close};

/* ---- calibration ------------------------------------------------------- */

#define PASSES 7                        /* at least, */
#define CALIBRATE_S 0.25                /* and for so long */
#define WRITE_BYTES ((size_t)256 << 10) /* source of writes: in the L2 */

/* Four times the last cache, within reason. */
static uint64_t buffer_bytes(void)
{
    long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    uint64_t n = l3 > 0 ? (uint64_t)l3 * 4 : 0;

    n = n < (64u << 20) ? 64u << 20 : n;
    n = n > (512u << 20) ? 512u << 20 : n;
    return n / WRITE_BYTES * WRITE_BYTES;
}

/* Every thread writes its own part from the one small source. */
static void write_all(unsigned char *base, uint64_t bytes, const void *src,
                      int threads)
{
    int64_t i, n = (int64_t)(bytes / WRITE_BYTES);

#pragma omp parallel for num_threads(threads) schedule(static)
    for (i = 0; i < n; i++)
        atm__copy(base + (uint64_t)i * WRITE_BYTES, src, WRITE_BYTES, 1);
}

enum atm_status atm_dram_calibrate(int threads, double *read_bw,
                                   double *write_bw)
{
    uint64_t bytes = buffer_bytes();
    double start = atm_now_s(), t0, t1, t2;
    volatile unsigned long long sink;
    struct atm__pool pool;
    enum atm_status st;
    void *src;
    int i;

    if (threads < 1)
        threads = 1;
    st = atm__pool_open("dram", UINT64_MAX, bytes, &pool);
    if (st)
        return st;
    src = atm_alloc(WRITE_BYTES);
    if (!src) {
        atm__pool_close(&pool);
        return ATM_NOMEM;
    }
    memset(src, 0x5a, WRITE_BYTES);
    *read_bw = *write_bw = 0;
    /* the best pass: all that disturbs a pass makes it slower */
    for (i = 0; i < PASSES || atm_now_s() - start < CALIBRATE_S; i++) {
        t0 = atm_now_s();
        write_all(pool.base, bytes, src, threads);
        t1 = atm_now_s();
        sink = atm__read(pool.base, bytes, threads);
        t2 = atm_now_s();
        *write_bw = fmax(*write_bw, (double)bytes / (t1 - t0));
        *read_bw = fmax(*read_bw, (double)bytes / (t2 - t1));
    }
    (void)sink;
    atm_free(src);
    atm__pool_close(&pool);
    return ATM_OK;
}
