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

/* ---- the store as rows -------------------------------------------------- */

struct atm_store_summary { /* of a machine and a tier ("": all fast) */
    const char *description, *tier;
    bool this_machine;
    uint64_t vectors, samples;
};
typedef enum atm_status atm_store_summary_fn(void *user,
                                             const struct atm_store_summary *r);
enum atm_status atm_store_list(struct atm_store *store,
                               atm_store_summary_fn *fn, void *user);

struct atm_store_row { /* one sample, of any machine; texts are borrowed */
    struct atm_hash machine, signature;
    const char *description, *tier;
    uint64_t mask;
    uint32_t sweep, instance;
    double seconds;
};
typedef enum atm_status atm_store_row_fn(void *user,
                                         const struct atm_store_row *row);
enum atm_status atm_store_export(struct atm_store *store, atm_store_row_fn *fn,
                                 void *user);
/* Between begin and end, which takes all of it back unless `st` is OK, and
 * returns `st`. A sample that is there already stays as it is. */
enum atm_status atm_store_import_begin(struct atm_store *store);
enum atm_status atm_store_import_end(struct atm_store *store,
                                     enum atm_status st);
enum atm_status atm_store_import(struct atm_store *store,
                                 const struct atm_store_row *row);
/* Forgets what other machines measured; *samples: how many went. */
enum atm_status atm_store_prune(struct atm_store *store, uint64_t *samples);

/* ---- calibration of real tiers ------------------------------------------ */

enum atm_direction { ATM_READ, ATM_WRITE, ATM_MIXED };
struct atm_curve_point {
    enum atm_direction direction; /* mixed: both sums */
    int par;                      /* threads; of a drive: requests under way */
    uint64_t block;               /* bytes of a request */
    double bw;                    /* bytes/s, median of 3 */
};
#define ATM_CURVE_MAX 64
/* Measures reads, writes and both at once, and stores the curve: a few
 * seconds. INVAL for an emulated tier. */
enum atm_status atm_store_calibrate(struct atm_store *store, const char *spec,
                                    int threads, struct atm_curve_point *p,
                                    uint32_t cap, uint32_t *n);
/* What was calibrated last; *n = 0: never. */
enum atm_status atm_store_curve(struct atm_store *store, const char *spec,
                                struct atm_curve_point *p, uint32_t cap,
                                uint32_t *n);
/* The best bandwidth of a direction, and the least par within 5 % of it. */
void atm_curve_knee(const struct atm_curve_point *p, uint32_t n,
                    enum atm_direction d, double *bw, int *par);

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
    uint32_t drifted; /* known ones that take another time now: to measure */
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
    uint32_t samples;         /* per kernel; default 9, at least 5; of one that
                                 takes over 50 ms 5, over 500 ms 3 are enough */
    uint64_t memory_bytes;    /* a program that needs more is measured kernel by
                                 kernel; 0: 80 % of what is available */
    bool fresh;               /* measure again what is known */
    const struct atm_overlap *overlap; /* described; null: modelled */
    bool recheck;             /* time what is known, too, and measure again
                                 what takes another time than the store says */
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
