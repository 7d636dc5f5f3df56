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
void atm_store_close(struct atm_store **store);

struct atm_profile_plan { /* what a profiling run will do */
    uint32_t kernels, distinct, known, to_measure;
    double estimated_seconds;
};
/* Called before the first measurement and then after each sweep or at most
 * each second; return true to stop (INTERRUPTED; what is measured is kept). */
typedef bool atm_profile_progress_fn(void *user,
                                     const struct atm_profile_plan *plan,
                                     uint32_t done, double elapsed_s);

struct atm_profiler_options {
    const char *slow_spec;    /* default "emu:profile=optane6" */
    const char *fast_spec;    /* default "dram" */
    uint32_t samples;         /* per kernel; default 9, at least 5 */
    bool fresh;               /* measure again what is known */
    bool dry_run;             /* plan only: progress is called once */
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
