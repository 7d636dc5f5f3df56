/* async_clock.h - the time of one iteration with moves beside the kernels: an
 * event simulation whose rates are constant between events (planning problem,
 * section 3). */
#ifndef ATM_SOLVER_ASYNC_CLOCK_H
#define ATM_SOLVER_ASYNC_CLOCK_H

#include "autotm/problem.h"

struct atm_arena;

struct atm__job {
    bool to_fast;
    double work;    /* seconds alone, while no kernel runs */
    int32_t start;  /* enqueued when this kernel has ended; -1..N-1 */
    uint32_t wait;  /* this kernel starts after it; <= start + N, where >= N
                       means of the next iteration (not cyclic: the end) */
    uint32_t after; /* a fetch: the job that writes its slow copy; ATM_NONE */
};

struct atm__clock {
    const struct atm_problem *p;
    uint32_t n_jobs; /* of equal starts the earlier wait goes first */
    struct atm__job *job;
    double *kernel_s; /* per kernel */
    uint64_t events;  /* of all calls: the work done */
    struct atm__clock_space *space;
};

/* Room for at most `n_jobs` jobs and the problem's kernels; both arrays are
 * the caller's to fill. */
enum atm_status atm__clock_new(const struct atm_problem *p, uint32_t n_jobs,
                               struct atm_arena *arena, struct atm__clock *c);

/* Seconds of an iteration once the queues repeat, or of the one pass. INFINITY:
 * a kernel waits for ever, or nothing repeats within a few iterations. */
double atm__clock_seconds(struct atm__clock *c);

#endif
