/* copy_clock.h - simulated time where copies run beside kernels: what a plan
 * predicts and what a session under a simulated clock counts.
 *
 * One queue a direction, first in, first out. A copy advances at 1 alone, at
 * its part of the bandwidth while both directions are active, and slower while
 * a kernel runs; a kernel slower while any copy is active. A started copy is
 * of what is there already: none waits for another (planning problem,
 * section 3, where a plan has been made into steps).
 */
#ifndef ATM_CORE_COPY_CLOCK_H
#define ATM_CORE_COPY_CLOCK_H

#include "autotm/profile.h"

struct atm_arena;
struct atm_copy_clock;

/* Jobs are 0..n_jobs-1, each in a queue at most once. */
enum atm_status atm_copy_clock_new(struct atm_arena *arena, uint32_t n_jobs,
                                   const struct atm_overlap *overlap,
                                   struct atm_copy_clock **c);

/* Enqueues a copy that takes `seconds` alone. */
void atm_copy_clock_start(struct atm_copy_clock *c, uint32_t job, bool to_fast,
                          double seconds);

/* A kernel that takes `seconds` alone; until a job is over (at once where it
 * is in no queue). Both return the seconds that went by. */
double atm_copy_clock_run(struct atm_copy_clock *c, double seconds);
double atm_copy_clock_wait(struct atm_copy_clock *c, uint32_t job);

#endif
