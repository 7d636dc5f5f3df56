/* sweep.h - the curve of time against budget, between the verb that makes it
 * and what shows it. */
#ifndef ATM_CLI_SWEEP_H
#define ATM_CLI_SWEEP_H

#include "cli.h"

struct sweep_point {
    uint64_t bytes;
    double fraction;                 /* of the peak */
    struct atm_placement *placement; /* made here; null: none */
    uint32_t plan; /* the point whose plan is the best that fits here;
                      ATM_NONE: none fits */
    double seconds, bound, gap;
    uint32_t bound_from; /* the point whose certificate proves the bound */
    double price;        /* seconds that a byte saves by the prices of memory;
                            NaN: not known */
    double to_next;      /* ... on the way to the next point; NaN: the last */
    bool knee;
    double other_seconds, other_bound; /* --what-if */
    uint32_t other_from;
};

struct sweep {
    struct cli *c;
    const char *name;
    const struct atm_problem *problem;
    bool emulated;
    struct atm_plan_options options;
    uint64_t least; /* smallest feasible budget */
    uint32_t least_kernel;
    uint32_t n, cap;
    struct sweep_point *point; /* by budget */
    uint32_t *hull, n_planned;
    double solve_s;
    double read_bw, write_bw; /* --what-if; 0: as it is */
    struct atm_problem other; /* the problem with these */
};

/* In the format that was asked for. */
enum atm_status sweep_show(const struct sweep *s);

#endif
