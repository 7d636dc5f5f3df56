/* planner.h - planners: problem -> placement; then placement -> schedule. */
#ifndef AUTOTM_PLANNER_H
#define AUTOTM_PLANNER_H

#include "autotm/problem.h"
#include "autotm/schedule.h"

/* Called at each improvement and about each second; return true to stop: the
 * best plan found so far is returned, status FEASIBLE. */
typedef bool atm_plan_progress_fn(void *user, double seconds, double best,
                                  double bound);

/* What one plan leaves for the next of the same problem at another budget, so
 * that it begins where that one ended. */
struct atm_plan_start;
enum atm_status atm_plan_start_new(struct atm_plan_start **start);
void atm_plan_start_delete(struct atm_plan_start **start);

/* Parts of the planners `sync` and `static` that a benchmark can leave out to
 * see what each buys (bench/ablation.c). Plans and bounds stay right. */
enum atm_plan_part {
    ATM_PART_FIT = 1,         /* entries that cannot fit are no columns */
    ATM_PART_LAZY = 2,        /* memory rows join when violated */
    ATM_PART_COVERS = 4,      /* lifted covers (C12) */
    ATM_PART_SWEEPS = 8,      /* sweeps at falling prices before the program */
    ATM_PART_DESCENT = 16,    /* of each rounding, onto best paths */
    ATM_PART_NEIGHBOURS = 32, /* neighbourhood search */
    ATM_PART_TREE = 64        /* tree of prices */
};

struct atm_plan_options {
    const char *planner;      /* row of planners.def; default "sync" */
    uint64_t budget_bytes;    /* hard limit of the fast pool */
    double gap_target;        /* stop when the gap is at most this; 0.001 */
    double time_limit_s;      /* 0: none. Makes the plan depend on the clock */
    uint64_t seed;            /* of `random` and of local searches */
    atm_plan_progress_fn *progress; /* may be null */
    void *user;
    struct atm_plan_start *start; /* borrows; used and renewed; may be null */
    unsigned without;         /* set of atm_plan_part; 0 but in benchmarks */
};
void atm_plan_options_init(struct atm_plan_options *o);

/* What a planner without a schedule says of one iteration. */
struct atm_prediction {
    double seconds;
    uint64_t moved_bytes; /* both directions */
};

/* Either plans or, simulated, only predicts: the other one is null. */
struct atm_planner {
    const char *name, *help;
    enum atm_status (*plan)(const struct atm_problem *p,
                            const struct atm_plan_options *o,
                            struct atm_placement **placement);
    enum atm_status (*predict)(const struct atm_problem *p,
                               const struct atm_plan_options *o,
                               struct atm_prediction *prediction);
};
const struct atm_planner *atm_planner_at(uint32_t index); /* null: end */
const struct atm_planner *atm_planner_find(const char *name); /* or null */

/* Plans, packs, certifies, checks. INFEASIBLE when no plan fits: the sentence
 * names the smallest feasible budget and the kernel that sets it. */
enum atm_status atm_plan(const struct atm_problem *p,
                         const struct atm_plan_options *o,
                         struct atm_placement **placement);

/* The independent checker of an answer: legality, objective, peaks, addresses
 * recomputed from the rules; shares no code with the planners. */
enum atm_status atm_placement_check(const struct atm_problem *p,
                                    const struct atm_placement *a);

/* Recomputes the bound of a certificate in floating point (scripts/
 * check_bound.py does it exactly), rounded down to 9 decimals. */
enum atm_status atm_certificate_bound(const struct atm_problem *p,
                                      const struct atm_certificate *c,
                                      double *bound);

/* The leaf of its certificate whose part of the plans the placement lies in:
 * the prices that hold around it. */
const struct atm_certificate *
atm_certificate_leaf(const struct atm_placement *a);
/* The same prices at another budget: cuts get the right side that is provable
 * there. Shares the lists of `c`; new cuts lie in `arena`. */
enum atm_status atm_certificate_at(const struct atm_problem *p,
                                   const struct atm_certificate *c,
                                   uint64_t budget, struct atm_arena *arena,
                                   struct atm_certificate *out);
/* The best of the bounds of n certificates at each budget, and which it is
 * (ATM_NONE: there is none). `p` may differ from the problem they were made
 * for in seconds: prices prove for any. */
enum atm_status atm_certificate_envelope(const struct atm_problem *p,
                                         uint32_t n,
                                         const struct atm_certificate *c,
                                         uint32_t n_budgets,
                                         const uint64_t *budget,
                                         double *bound, uint32_t *from);

/* Seconds of the placement's decisions under the tables and moves of `p`,
 * which may differ in these from the problem it was made for. */
enum atm_status atm_placement_seconds(const struct atm_problem *p,
                                      const struct atm_placement *a,
                                      double *seconds);

/* Which memory rows a written program has: all that others do not imply, or
 * only those, and the covers, that the linear program needed. The latter is a
 * relaxation: its optimum may hold more than the budget at some kernel. */
enum atm_lp_rows { ATM_LP_ALL_ROWS, ATM_LP_FINAL_ROWS };

/* The integer program of the problem at a budget as a CPLEX-LP file: for a
 * second opinion. Its comment says in which unit the objective is. As
 * atm_file_put writes; "-" is stdout. */
enum atm_status atm_problem_write_lp(const struct atm_problem *p,
                                     uint64_t budget, enum atm_lp_rows rows,
                                     const char *path, bool force);

/* Schedule of a placement: residences, steps, prologue, hashes, predictions.
 * all_fast_s and all_slow_s (NaN where forbidden) are filled from the
 * problem. */
enum atm_status atm_schedule_build(const struct atm_program *program,
                                   const struct atm_profile *profile,
                                   const struct atm_problem *problem,
                                   const struct atm_placement *placement,
                                   const struct atm_plan_options *options,
                                   struct atm_schedule **schedule);

/* ---- address assignment alone ---- */
struct atm_pack_box {
    uint64_t bytes, align;
    uint32_t lower, upper;   /* live in [lower, upper) */
    uint32_t lower2, upper2; /* second interval (over the boundary); empty when
                                equal */
    bool fixed;              /* offset is given */
    uint64_t offset;         /* result */
};
/* Minimises the height; stops early at `capacity` if it is not 0. Height and
 * lower bound (peak of live bytes) out. Deterministic. */
enum atm_status atm_pack(struct atm_pack_box *box, uint32_t n,
                         uint64_t capacity, uint64_t *height,
                         uint64_t *lower_bound);
/* Asked some hundred times a second; return true to stop. */
typedef bool atm_pack_stop_fn(void *user);
/* The same with far more exact search: some 10 s at most, or, with a time
 * limit > 0, about as long as that says (and then the clock decides). Stopped
 * (`stop` may be null) or out of time, the lowest packing found so far. */
enum atm_status atm_pack_hard(struct atm_pack_box *box, uint32_t n,
                              uint64_t capacity, double time_limit_s,
                              atm_pack_stop_fn *stop, void *user,
                              uint64_t *height, uint64_t *lower_bound);

/* A line a third-party library: name, version. */
const char *atm_solver_libraries(void);

#endif
