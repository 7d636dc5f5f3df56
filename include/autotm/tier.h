/* tier.h - memory tiers: a flat range of offsets that the planner owns.
 *
 * A tier is named by a spec, "KIND[:key=value,...]": "dram",
 * "emu:profile=optane6,clock=virtual", "emu:rd=8G,wr=3G,lat=300". One row of
 * runtime/tiers/tiers.def and one file tier_<kind>.c make a kind. Tier 0 of a
 * plan is the fast one; nothing here assumes that there are only two.
 */
#ifndef AUTOTM_TIER_H
#define AUTOTM_TIER_H

#include "autotm/types.h"

enum atm_tier_caps {
    ATM_TIER_ADDRESSABLE = 1, /* kernels may run on it in place */
    ATM_TIER_DURABLE = 2,
    ATM_TIER_CPU_FLUSH = 4,
    ATM_TIER_ASYNC = 8,
    ATM_TIER_CACHED = 16,
    ATM_TIER_EMULATED = 32,   /* times are modelled; always printed so */
    ATM_TIER_DISCARD = 64,
};

/* How time passes on a tier. */
enum atm_clock {
    ATM_CLOCK_REAL,    /* not emulated */
    ATM_CLOCK_VIRTUAL, /* modelled seconds are added to a simulated clock */
    ATM_CLOCK_WALL,    /* modelled seconds are waited for */
    ATM_CLOCK_TABLE,   /* kernel times too come from the profile: tests only */
};

struct atm_tier_info {
    char kind[16];
    uint64_t size;           /* bytes; UINT64_MAX: as large as needed */
    uint64_t map_align;      /* of the pool's base and size */
    uint64_t move_align;     /* of a transfer's offset and length */
    uint32_t caps;
    enum atm_clock clock;
    double read_bw, write_bw;  /* bytes/s of moves and in-place access */
    double latency_s;          /* per move, and per slow operand of a kernel */
    int read_par, write_par;   /* threads or queue depth at the knee */
    bool firmware;             /* bandwidths and latency are what the firmware
                                  tells (HMAT): a prior, not measured */
    char note[160];            /* how it falls short of what its kind promises,
                                  for people; "": it does not */
};

/* Opaque, opened by the session or the profiler. */
struct atm_tier;

struct atm_tier_ops {
    const char *kind, *help;
    /* Parses the spec and says what the tier would be; no side effects. On
     * failure the sentence is one line for people. For a spec given relative
     * to DRAM (profiles) read_bw and write_bw are filled from `dram_bw`
     * (bytes/s, from atm_dram_calibrate). */
    enum atm_status (*probe)(const char *spec, double dram_read_bw,
                             double dram_write_bw, struct atm_tier_info *info);
    /* Reserves all `bytes` or fails (CAPACITY). */
    enum atm_status (*open)(const char *spec, const struct atm_tier_info *info,
                            uint64_t bytes, struct atm_tier **tier);
    /* Address of [off, off+len); null unless ADDRESSABLE. */
    void *(*map)(struct atm_tier *tier, uint64_t off, uint64_t len);
    /* Synchronous copies between DRAM and the tier, non-temporal where the
     * tier is memory. Any offset and length; those that are multiples of
     * move_align, from addresses that are, go the short way. IO, naming tier
     * and offset, where the memory or the device failed. Several threads may
     * call them at once for ranges that share no move_align block. */
    enum atm_status (*read)(struct atm_tier *tier, void *dst, uint64_t off,
                            uint64_t len);
    enum atm_status (*write)(struct atm_tier *tier, const void *src,
                             uint64_t off, uint64_t len);
    /* What was written to the range survives a crash once this returns; null:
     * the kind is not DURABLE. */
    enum atm_status (*flush)(struct atm_tier *tier, uint64_t off, uint64_t len);
    /* [off, off+len) is from now on what lies at `at` of the open file `fd`,
     * which is borrowed until close: read from there, never written, and the
     * pool's own bytes there are given back. UNSUPPORTED where the alignment of
     * either forbids it; null: the kind cannot. Not beside transfers. */
    enum atm_status (*lend)(struct atm_tier *tier, uint64_t off, uint64_t len,
                            int fd, uint64_t at);
    void (*close)(struct atm_tier *tier);
};

const struct atm_tier_ops *atm_tier_kind_at(uint32_t index); /* null: end */

/* Splits the kind off and probes. INVAL with the list of kinds if unknown. */
enum atm_status atm_tier_probe(const char *spec, double dram_read_bw,
                               double dram_write_bw,
                               struct atm_tier_info *info,
                               const struct atm_tier_ops **ops);

/* Measures sequential read and write bandwidth of DRAM on `threads` threads,
 * median of several passes over a buffer beyond the caches; about 0.2 s. */
enum atm_status atm_dram_calibrate(int threads, double *read_bw,
                                   double *write_bw);

/* The one place where modelled time is computed (core/clock.c): seconds of a
 * kernel that takes `fast_s` with all operands fast, whose slow operands need
 * slow_s[i] = read/read_bw + written/write_bw and latency latency_s[i]. */
double atm_clock_kernel(double fast_s, uint32_t n, const double *slow_s,
                        const double *latency_s);
/* One move of `bytes`, from the slow tier (read) or to it (write). */
double atm_clock_move(const struct atm_tier_info *slow, uint64_t bytes,
                      bool write);

#endif
