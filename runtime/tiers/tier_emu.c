/* tier_emu.c - a slow memory that is not there: DRAM with modelled times.
 *
 * The profiles are ratios to the DRAM of this machine (or, where a device has
 * its own scale, absolute): Optane from Izraelevitz et al. 2019
 * (arXiv:1903.05714); cxl and remote-numa are choices inside published
 * ranges; nvme4 is a PCIe 4 drive. Under clock=wall moves are throttled: one
 * device clock a direction advances by bytes/bandwidth, a copy ends no sooner
 * than the clock; time lost inside a copy is caught up, not added. With
 * lossy=1 only what was flushed survives atm__emu_crash: a test of the order
 * of writes and flushes, as no real machine can be crashed so exactly.
 */
#include "tiers/memory.h"

#include "arena.h"
#include "copy.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct profile {
    const char *name;
    double read, write; /* ratios to DRAM; above 10: bytes/s */
    double latency_s;
    int read_par, write_par;
    bool addressable;
};

static const struct profile profiles[] = {
    {"optane6", 0.37, 0.25, 200e-9, 17, 4, true},
    {"optane1", 0.06, 0.045, 220e-9, 4, 2, true},
    {"cxl-near", 0.65, 0.60, 130e-9, 16, 16, true},
    {"cxl-far", 0.40, 0.35, 300e-9, 16, 16, true},
    {"remote-numa", 0.65, 0.55, 60e-9, 16, 16, true},
    {"nvme4", 6.5e9, 4e9, 80e-6, 8, 8, false},
};
#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

/* Above this part of DRAM's bandwidth a copy is no faster than the tier that
 * it plays. */
#define WALL_LIMIT 0.8
#define SPIN_NS INT64_C(80000) /* a sleep overshoots by about as much */

static enum atm_status find_profile(const char *spec, const char *name,
                                    const struct profile **p)
{
    char list[256] = "";
    size_t i, at = 0;

    for (i = 0; i < N_PROFILES; i++) {
        *p = &profiles[i];
        if (strcmp(profiles[i].name, name) == 0)
            return ATM_OK;
        at += (size_t)snprintf(list + at, sizeof(list) - at, " %s",
                               profiles[i].name);
    }
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": no profile \"%s\"; there "
                    "are:%s",
                    spec, name, list);
}

static enum atm_status find_clock(const char *spec, const char *name,
                                  enum atm_clock *clock)
{
    if (strcmp(name, "virtual") == 0)
        *clock = ATM_CLOCK_VIRTUAL;
    else if (strcmp(name, "wall") == 0)
        *clock = ATM_CLOCK_WALL;
    else if (strcmp(name, "table") == 0)
        *clock = ATM_CLOCK_TABLE;
    else
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": no clock \"%s\"; there "
                        "are: virtual wall table",
                        spec, name);
    return ATM_OK;
}

/* A ratio of an unknown (0) bandwidth is unknown. */
static double bandwidth(double value, double dram)
{
    return value > 10 ? value : value * dram;
}

static enum atm_status emu_probe(const char *spec, double dram_read_bw,
                                 double dram_write_bw,
                                 struct atm_tier_info *info)
{
    char profile[32] = "", clock[32] = "virtual", target[32];
    double rd = 0, wr = 0, lat_ns = -1, lossy = 0;
    int cores = omp_get_num_procs();
    uint64_t size = UINT64_MAX;
    const struct atm__key keys[] = {
        {"profile", ATM__KEY_WORD, profile},
        {"clock", ATM__KEY_WORD, clock},
        {"size", ATM__KEY_SIZE, &size},
        {"rd", ATM__KEY_RATE, &rd},
        {"wr", ATM__KEY_RATE, &wr},
        {"lat", ATM__KEY_REAL, &lat_ns},
        {"lossy", ATM__KEY_REAL, &lossy},
        {"target", ATM__KEY_WORD, target}, /* a name, for readers */
        {NULL, ATM__KEY_SIZE, NULL}};
    enum atm_status st = atm__spec_parse(spec, keys);
    const struct profile *p;
    struct atm_tier_info t = {.kind = "emu",
                              .size = size,
                              .map_align = ATM_ALIGN,
                              .move_align = ATM_ALIGN};

    if (!st)
        st = find_profile(spec, profile[0] ? profile : "optane6", &p);
    if (!st)
        st = find_clock(spec, clock, &t.clock);
    if (st)
        return st;
    t.read_bw = rd > 0 ? rd : bandwidth(p->read, dram_read_bw);
    t.write_bw = wr > 0 ? wr : bandwidth(p->write, dram_write_bw);
    t.latency_s = lat_ns >= 0 ? lat_ns * 1e-9 : p->latency_s;
    t.caps = ATM_TIER_EMULATED | (p->addressable ? ATM_TIER_ADDRESSABLE : 0) |
             (lossy > 0 ? ATM_TIER_DURABLE : 0);
    t.read_par = p->read_par < cores ? p->read_par : cores;
    t.write_par = p->write_par < cores ? p->write_par : cores;
    if (t.clock == ATM_CLOCK_WALL &&
        ((dram_read_bw > 0 && t.read_bw > WALL_LIMIT * dram_read_bw) ||
         (dram_write_bw > 0 && t.write_bw > WALL_LIMIT * dram_write_bw)))
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": faster than %.0f %% of this "
                        "machine's memory (%.1f GB/s read, %.1f GB/s "
                        "written): copies cannot be throttled to it; use "
                        "clock=virtual",
                        spec, 100 * WALL_LIMIT, dram_read_bw * 1e-9,
                        dram_write_bw * 1e-9);
    *info = t;
    return ATM_OK;
}

static enum atm_status emu_open(const char *spec,
                                const struct atm_tier_info *info,
                                uint64_t bytes, struct atm_tier **tier)
{
    enum atm_status st =
        atm__memory_open(spec, info, bytes, ATM__ANY_NODE, 0, tier);

    if (st || !(info->caps & ATM_TIER_DURABLE))
        return st;
    (*tier)->durable = atm_alloc_array(1, (*tier)->map_bytes);
    if ((*tier)->durable)
        return ATM_OK;
    atm__memory_close(*tier);
    *tier = NULL;
    return ATM_NOMEM;
}

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void wait_until(int64_t due_ns)
{
    int64_t left = due_ns - now_ns() - SPIN_NS;

    if (left > 0) {
        struct timespec t = {left / 1000000000, left % 1000000000};

        (void)nanosleep(&t, NULL);
    }
    while (now_ns() < due_ns)
        ;
}

/* A move that began at `start` ends when the device that is played would have
 * ended it. */
static void throttle(struct atm_tier *t, int64_t start, uint64_t len,
                     bool write)
{
    double bw = write ? t->info.write_bw : t->info.read_bw;
    int64_t *clock = &t->free_ns[write], due;

    if (t->info.clock != ATM_CLOCK_WALL)
        return;
    start += (int64_t)(t->info.latency_s * 1e9);
    (void)pthread_mutex_lock(&t->lock);
    due = (*clock > start ? *clock : start) + (int64_t)((double)len / bw * 1e9);
    *clock = due;
    (void)pthread_mutex_unlock(&t->lock);
    wait_until(due);
}

static enum atm_status emu_read(struct atm_tier *t, void *dst, uint64_t off,
                                uint64_t len)
{
    int64_t start = now_ns();
    enum atm_status st = atm__memory_read(t, dst, off, len);

    if (!st)
        throttle(t, start, len, false);
    return st;
}

static enum atm_status emu_write(struct atm_tier *t, const void *src,
                                 uint64_t off, uint64_t len)
{
    int64_t start = now_ns();
    enum atm_status st = atm__memory_write(t, src, off, len);

    if (!st)
        throttle(t, start, len, true);
    return st;
}

static enum atm_status emu_flush(struct atm_tier *t, uint64_t off, uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    if (!st && t->durable)
        memcpy(t->durable + off, t->base + off, len);
    return st;
}

void atm__emu_crash(struct atm_tier *t)
{
    memcpy(t->base, t->durable, t->bytes);
}

const struct atm_tier_ops atm__tier_emu = {.kind = "emu",
                                           .help = atm__help_emu,
                                           .probe = emu_probe,
                                           .open = emu_open,
                                           .map = atm__memory_map,
                                           .read = emu_read,
                                           .write = emu_write,
                                           .flush = emu_flush,
                                           .close = atm__memory_close};
