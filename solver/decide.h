/* decide.h - from decisions to a placement: what every planner ends with.
 *
 * A planner decides, per tensor of the problem, `resident`, `fast_at_use` and
 * `kept_after`, per kernel `variant`, and the may pairs that share. From these
 * alone follow the boxes, their addresses, the objective and the peaks.
 */
#ifndef ATM_SOLVER_DECIDE_H
#define ATM_SOLVER_DECIDE_H

#include "autotm/planner.h"
#include "problem_storage.h"

struct atm_arena;

/* Decisions per storage: a chain of must pairs moves as one. */
struct atm_path {
    bool resident;
    uint8_t *fast; /* per station */
    uint8_t *kept; /* per gap; kept means fast at both its ends */
};

struct atm_decisions {
    const struct atm_problem *p;
    const struct atm_storages *st;
    struct atm_path *path;   /* per storage */
    uint32_t *variant;       /* per kernel */
    uint32_t n_shared, cap_shared;
    struct atm_shared_pair *shared;
};

/* All slow, nothing kept, first variants; lives in `arena`. */
enum atm_status atm__decisions_new(const struct atm_problem *p,
                                   const struct atm_storages *st,
                                   struct atm_arena *arena,
                                   struct atm_decisions *d);

/* Is storage `s` an operand of the chosen variant of kernel `k`? */
bool atm__uses(const struct atm_decisions *d, uint32_t k, uint32_t s);

/* Operands of the chosen variant that are slow, as a mask. */
uint64_t atm__mask(const struct atm_decisions *d, uint32_t k);

/* Lets each may pair share that the rules allow (planning problem, 2.5):
 * sharing costs nothing and only frees memory. Replaces d->shared. */
enum atm_status atm__share(struct atm_decisions *d, struct atm_arena *arena);

/* What the decisions cost and hold, without addresses. fast_at (per kernel, in
 * bytes) may be null. INVAL if they break a rule: the sentence says which. */
struct atm_tally {
    double seconds;
    uint64_t moved_bytes, fast_peak, slow_peak;
    uint64_t *fast_at;
};
enum atm_status atm__tally(const struct atm_decisions *d, struct atm_tally *t);

/* The placement: boxes, both packings, objective, peaks. Lower bound 0 and no
 * certificate; status FEASIBLE. packing.height may be above the budget: the
 * caller decides what to do. d->shared is what atm__share left there. */
enum atm_status atm__decide(const struct atm_decisions *d, uint64_t budget,
                            struct atm_placement **placement);

/* The decisions of a placement; everything is in `arena`. */
enum atm_status atm__decisions_of(const struct atm_problem *p,
                                  const struct atm_storages *st,
                                  const struct atm_placement *a,
                                  struct atm_arena *arena,
                                  struct atm_decisions *d);

/* Offsets for the boxes of a placement of these decisions, whose phases may
 * have been stretched, and both heights; a slow pool of at most `slow_bytes` is
 * as good as any. */
enum atm_status atm__place(const struct atm_decisions *d,
                           struct atm_placement *a, uint64_t slow_bytes);

#endif
