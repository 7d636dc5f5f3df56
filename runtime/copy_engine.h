/* copy_engine.h - two threads that copy beside the kernels: one queue a
 * direction, first in, first out, no longer than there are jobs. */
#ifndef ATM_RUNTIME_COPY_ENGINE_H
#define ATM_RUNTIME_COPY_ENGINE_H

#include "autotm/status.h"

#include <stdbool.h>
#include <stdint.h>

struct atm_arena;
struct atm__engine;

/* Called by one of the threads; what atm_errmsg says there on failure is said
 * again to whoever waits. Must be safe beside itself for the other direction.
 */
typedef enum atm_status atm__copy_fn(void *user, uint32_t job);

/* Jobs are 0..n_jobs-1. Nothing is allocated after this. */
enum atm_status atm__engine_open(struct atm_arena *arena, uint32_t n_jobs,
                                 atm__copy_fn *copy, void *user,
                                 struct atm__engine **engine);
/* Waits for the copy under way, forgets those in the queues. */
void atm__engine_close(struct atm__engine **engine);

/* All by one thread. A job may be started again once it has been waited for.
 * Waiting for one that was never started returns at once. */
void atm__engine_start(struct atm__engine *e, uint32_t job, bool to_fast);
enum atm_status atm__engine_wait(struct atm__engine *e, uint32_t job);

#endif
