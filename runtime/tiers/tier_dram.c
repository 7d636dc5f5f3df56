/* tier_dram.c - local memory, and how fast it is. */
#include "tiers/memory.h"

#include "arena.h"
#include "clock.h"
#include "copy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    uint64_t size, huge;
    double node; /* < 0: any */
};

static enum atm_status parse(const char *spec, struct options *o)
{
    const struct atm__key keys[] = {{"size", ATM__KEY_SIZE, &o->size},
                                    {"node", ATM__KEY_REAL, &o->node},
                                    {"huge", ATM__KEY_SIZE, &o->huge},
                                    {NULL, ATM__KEY_SIZE, NULL}};

    *o = (struct options){UINT64_MAX, 0, ATM__ANY_NODE};
    return atm__spec_parse(spec, keys);
}

static enum atm_status dram_probe(const char *spec, double dram_read_bw,
                                  double dram_write_bw,
                                  struct atm_tier_info *info)
{
    struct options o;
    enum atm_status st = parse(spec, &o);
    uint64_t all, free_bytes;

    if (!st && o.node >= 0)
        st = atm__node_check(spec, (int)o.node, &all, &free_bytes);
    if (st)
        return st;
    atm__memory_info("dram", dram_read_bw, dram_write_bw, info);
    info->size = o.size;
    return atm__huge_check(spec, o.huge, info);
}

static enum atm_status dram_open(const char *spec,
                                 const struct atm_tier_info *info,
                                 uint64_t bytes, struct atm_tier **tier)
{
    struct options o;
    enum atm_status st = parse(spec, &o);

    *tier = NULL;
    return st ? st
              : atm__memory_open(spec, info, bytes, (int)o.node, o.huge, tier);
}

const struct atm_tier_ops atm__tier_dram = {.kind = "dram",
                                            .help = atm__help_dram,
                                            .probe = dram_probe,
                                            .open = dram_open,
                                            ATM__MEMORY_OPS};

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
        (void)atm__copy(base + (uint64_t)i * WRITE_BYTES, src, WRITE_BYTES, 1);
}

enum atm_status atm_dram_calibrate(int threads, double *read_bw,
                                   double *write_bw)
{
    uint64_t bytes = buffer_bytes();
    double start = atm_now_s(), t0, t1, t2;
    volatile unsigned long long sink;
    const struct atm_tier_info any = {.size = UINT64_MAX};
    struct atm_tier *pool;
    enum atm_status st;
    void *src;
    int i;

    if (threads < 1)
        threads = 1;
    st = atm__memory_open("dram", &any, bytes, ATM__ANY_NODE, 0, &pool);
    if (st)
        return st;
    src = atm_alloc(WRITE_BYTES);
    if (!src) {
        atm__memory_close(pool);
        return ATM_NOMEM;
    }
    memset(src, 0x5a, WRITE_BYTES);
    *read_bw = *write_bw = 0;
    /* the best pass: all that disturbs a pass makes it slower */
    for (i = 0; i < PASSES || atm_now_s() - start < CALIBRATE_S; i++) {
        t0 = atm_now_s();
        write_all(pool->base, bytes, src, threads);
        t1 = atm_now_s();
        sink = atm__read(pool->base, bytes, threads);
        t2 = atm_now_s();
        *write_bw = fmax(*write_bw, (double)bytes / (t1 - t0));
        *read_bw = fmax(*read_bw, (double)bytes / (t2 - t1));
    }
    (void)sink;
    atm_free(src);
    atm__memory_close(pool);
    return ATM_OK;
}
