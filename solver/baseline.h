/* baseline.h - what the planners without a solver share: a choice of one entry
 * (variant and mask) for each kernel alone, made into decisions. */
#ifndef ATM_SOLVER_BASELINE_H
#define ATM_SOLVER_BASELINE_H

#include "decide.h"

#include "arena.h"

/* Takes the place of `held` when it is better; `bytes` is what the entry needs
 * at least in fast memory. */
struct atm_entry {
    uint32_t variant;
    uint64_t mask, bytes, slow_bytes;
    double seconds;
};
typedef bool atm_better_fn(const struct atm_entry *entry,
                           const struct atm_entry *held);

/* A planner's working set: one arena, the storages, the decisions. */
struct atm_baseline {
    struct atm_arena *arena;
    const struct atm_problem *p;
    struct atm_storages st;
    struct atm_decisions d;
};
enum atm_status atm__baseline_new(const struct atm_problem *p,
                                  struct atm_baseline *b);
void atm__baseline_delete(struct atm_baseline *b);

/* Each kernel gets its best entry of those that need at most `limit` bytes
 * (fixed residents not counted); operands are fast or slow as it says. */
enum atm_status atm__choose(struct atm_baseline *b, uint64_t limit,
                            atm_better_fn *better);

/* The entry with the least in slow memory, then the fastest. */
bool atm__more_fast(const struct atm_entry *e, const struct atm_entry *held);

/* Each kernel with the least fast bytes, nothing kept: fits whenever any plan
 * does, since one-kernel residences stack without loss. */
enum atm_status atm__choose_slow(struct atm_baseline *b);

/* Makes decisions that fill at most `fill` bytes of fast memory. */
typedef enum atm_status atm_policy_fn(struct atm_baseline *b, uint64_t fill,
                                      const void *user);

/* A placement by the policy; where its packing misses, again with less to
 * fill, and at last atm__choose_slow. */
enum atm_status atm__baseline_plan(const struct atm_problem *p,
                                   const struct atm_plan_options *o,
                                   atm_policy_fn *policy, const void *user,
                                   struct atm_placement **placement);

/* Does the placement fit both pools? */
bool atm__fits(const struct atm_problem *p, const struct atm_placement *a,
               uint64_t budget);

/* INFEASIBLE for a packing of such heights: names the smallest feasible budget
 * and the kernel that sets it, or the slow pool where that is what lacks. */
enum atm_status atm__fail_fit(const struct atm_problem *p, uint64_t budget,
                              uint64_t fast_height, uint64_t slow_height);

#endif
