/* schedule_build.h - what the two halves of a schedule's making share: the
 * steps (schedule_steps.c), then residences and the rest (schedule_build.c). */
#ifndef ATM_SOLVER_SCHEDULE_BUILD_H
#define ATM_SOLVER_SCHEDULE_BUILD_H

#include "autotm/planner.h"

#include "problem_storage.h"

/* A residence in fast memory begins with a fetch, or ends with an eviction.
 * Gap g lies between kernels g - 1 and g; N is the end. */
struct atm__step_move {
    uint32_t box;
    bool in;
    uint32_t start_gap, wait_gap; /* of a synchronous plan the same */
    bool late;                    /* a fetch that takes what a wait frees */
    uint32_t start, wait;         /* steps; of a synchronous plan the same */
};

struct atm__builder {
    const struct atm_program *g;
    const struct atm_problem *p;
    const struct atm_placement *a;
    struct atm_storages st;
    struct atm_arena *tmp;
    struct atm_schedule *s;
    uint32_t n_moves;
    struct atm__step_move *move;
    uint32_t *run;               /* per kernel: its step */
    uint32_t *fetched, *evicted; /* per box: its move, or ATM_NONE */
    uint32_t *begins, *ends;     /* per box: residence at its edges */
    uint32_t *slow;              /* per tensor: residence in slow memory */
    bool *read_first;            /* per tensor: its slow copy is there at 0 */
    uint32_t cap_residences, cap_prologue;
};

const struct atm_storage *atm__box_storage(const struct atm__builder *b,
                                           const struct atm_box *x);

/* Does the storage stay in fast memory after its last station? */
bool atm__kept_to_end(const struct atm__builder *b,
                      const struct atm_storage *s);

/* Fills move, run, fetched, evicted and the kinds and kernels of the steps. */
enum atm_status atm__schedule_steps(struct atm__builder *b);

/* Seconds of each step of an asynchronous schedule, that of kernels alone and
 * that of copies alone given: what each takes beside the others, once the
 * iterations repeat. Their sum is predicted_s. */
enum atm_status atm__schedule_overlap(const struct atm__builder *b);

#endif
