/* profiler.h - measures the kernels of a program; keeps what it measured. */
#ifndef AUTOTM_PROFILER_H
#define AUTOTM_PROFILER_H

#include "autotm/profile.h"

/* The store: a SQLite database keyed by machine and kernel signature. */
struct atm_store;
/* Null path: $XDG_CACHE_HOME/autotm/profile.db. Creates missing folders. A
 * corrupt file is renamed aside and rebuilt; *warning (thread-local text, or
 * null) says so. */
enum atm_status atm_store_open(const char *path, struct atm_store **store,
                               const char **warning);
void atm_store_close(struct atm_store **store); /* accepts null */
/* DRAM bandwidth of this machine, bytes/s: calibrated once, then from the
 * store, so that tiers given relative to DRAM mean the same in each run. */
enum atm_status atm_store_dram(struct atm_store *store, int threads,
                               double *read_bw, double *write_bw);

/* Fills `data` (row-major, the input's dtype and shape) of graph input `input`
 * with seeded values: normal floats without denormals; integers in [0, 100),
 * or inside the table where a Gather-like node takes them as indices. What the
 * profiler measures with and what a run without --input is fed. */
enum atm_status atm_input_fill(const struct atm_graph *g, uint32_t input,
                               uint64_t seed, void *data);

/* "SQLite 3.40.1\n": a line a third-party library of this folder. */
const char *atm_profiler_libraries(void);

struct atm_profile_plan { /* what a profiling run will do */
    uint32_t kernels;  /* RUN kernels of the program */
    uint32_t distinct; /* vectors: kernel signature x slow operands */
    uint32_t known, to_measure; /* of the distinct ones */
    double estimated_seconds;   /* NaN: not known yet */
    uint32_t rounds;            /* over 1: all is measured again, since the
                                   machine was slower than a moment later */
};
/* Called first with the counts, again when a warm-up sweep has told how long
 * it will take, then after each sweep and about each second; return true to
 * stop (INTERRUPTED; what is measured is kept). */
typedef bool atm_profile_progress_fn(void *user,
                                     const struct atm_profile_plan *plan,
                                     uint32_t done, double elapsed_s);

struct atm_profiler_options {
    const char *slow_spec;    /* default "emu:profile=optane6" */
    const char *fast_spec;    /* default "dram" */
    uint32_t samples;         /* per kernel; default 9, at least 5 */
    uint64_t memory_bytes;    /* a program that needs more is measured kernel by
                                 kernel; 0: 80 % of what is available */
    bool fresh;               /* measure again what is known */
    bool known_only;          /* measure nothing; STALE if the store lacks a
                                 vector */
    bool dry_run;             /* plan only: progress is called once, after a
                                 warm-up sweep; the profile is null */
    atm_profile_progress_fn *progress;
    void *user;
};
void atm_profiler_options_init(struct atm_profiler_options *o);

/* Fills a profile for the program, measuring what the store lacks. Resumable:
 * each sweep is committed. */
enum atm_status atm_profile_program(const struct atm_program *p,
                                    struct atm_store *store,
                                    const struct atm_profiler_options *o,
                                    struct atm_profile **profile);
#endif
