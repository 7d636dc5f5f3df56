/* profile.h - measured costs of one program over a pair of tiers.
 *
 * Times in seconds. Filled by the profiler from its store, or by hand in
 * tests. Operand order is that of atm_kernel_operands.
 */
#ifndef AUTOTM_PROFILE_H
#define AUTOTM_PROFILE_H

#include "autotm/program.h"
#include "autotm/tier.h"

enum atm_time_source { ATM_TIME_MEASURED, ATM_TIME_MODELLED };

struct atm_time {
    double seconds, low, high; /* median and spread (quartiles) */
    uint32_t n;                /* samples */
};

struct atm_kernel_time {
    struct atm_hash signature;
    uint32_t n_operands, n_in;
    uint32_t *tensor;         /* per operand */
    struct atm_time fast;     /* all operands fast; measured */
    /* Modelled vectors: max(fast, sum of slow_s) + latencies over the slow
     * operands; slow_s[i] < 0: not allowed in the slow tier. */
    double *slow_s, *latency_s;
    struct atm_time *table;   /* measured vectors, 2^n entries indexed by the
                                 mask of slow operands; null: modelled */
};

/* What copies and kernels cost each other while both run. */
struct atm_overlap {
    double mixed_read, mixed_write; /* parts of its bandwidth that a direction
                                       keeps while both are active */
    double copy_slowdown;   /* >= 1: of a copy while a kernel runs */
    double kernel_slowdown; /* >= 1: of a kernel while a copy is active */
    double latency_s, loaded_latency_s; /* of a read of 64 KiB, alone and while
                                           writes are active; modelled: 0 */
    enum atm_time_source source;
};

struct atm_profile {
    struct atm_arena *arena;
    uint32_t n_kernels;
    struct atm_kernel_time *kernel; /* as program->kernel; LOAD, FEED: zeros */
    uint32_t n_tiers;               /* 2 today */
    struct atm_tier_info tier[2];   /* 0 fast, 1 slow, bandwidths filled */
    char spec[2][256];
    double dram_read_bw, dram_write_bw; /* at calibration, bytes/s */
    struct atm_overlap overlap;
    uint32_t n_measured, n_reused, n_modelled; /* vectors, by origin */
    uint32_t n_drifted; /* measured again: the store's times were off */
    struct atm_hash machine;        /* fingerprint: CPU, threads, libraries */
    struct atm_hash hash;           /* of all numbers above */
    struct atm_hash tiers_hash;     /* specs and bandwidths */
};

/* Empty profile for a program: operands and slow costs filled from the tiers
 * by the clock model, fast times `fast_s` each (0: unknown). What tests and
 * the profiler start from. specs are copied. */
enum atm_status atm_profile_new(const struct atm_program *program,
                                const struct atm_tier_info tier[2],
                                const char *const spec[2], double fast_s,
                                struct atm_profile **profile);
void atm_profile_delete(struct atm_profile **profile);

/* Seconds of kernel k with the operands of `mask` slow; < 0: not allowed. */
double atm_profile_kernel(const struct atm_profile *p, uint32_t k,
                          uint64_t mask);
double atm_profile_move(const struct atm_profile *p, uint64_t bytes,
                        bool write);
/* Where nothing is measured: the directions share the tier's time, and what
 * runs beside something else loses 5 %. MODELLED. */
struct atm_overlap atm_overlap_model(void);

/* Numbers finite, non-negative, complete; then fills the hashes. */
enum atm_status atm_profile_check(struct atm_profile *p,
                                  const struct atm_program *program);
enum atm_status atm_profile_to_json(const struct atm_profile *p, char **json);

#endif
