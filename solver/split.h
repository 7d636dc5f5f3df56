/* split.h - what the splits of a certificate tree leave of paths and entries.
 */
#ifndef ATM_SOLVER_SPLIT_H
#define ATM_SOLVER_SPLIT_H

#include "model.h"

#define ATM__DEPTH_MAX 200 /* of trees */

struct atm__split {
    enum atm_split kind;
    uint32_t at, index; /* as in certificates */
    bool yes;
};

/* Sets of a kernel's uses that splits hold in fast, and in slow memory. */
struct atm__place_of_use {
    uint64_t fast, slow;
};

bool atm__split_valid(const struct atm__model *m, const struct atm__split *x);
/* Is the arc of storage s left by all n splits? */
bool atm__split_arc(const struct atm__model *m, uint32_t s,
                    const struct atm__arc *arc, const struct atm__split *x,
                    uint32_t n);
/* Is variant v of kernel k? */
bool atm__split_variant(uint32_t k, uint32_t v, const struct atm__split *x,
                        uint32_t n);
struct atm__place_of_use atm__split_uses(const struct atm__model *m, uint32_t k,
                                         const struct atm__split *x,
                                         uint32_t n);

/* The bound of prices over the plans that the splits leave; INFINITY: none is.
 */
enum atm_status atm__bound_leaf(const struct atm__model *m,
                                const struct atm_certificate *c,
                                uint64_t budget, const struct atm__split *split,
                                uint32_t n_split, double *bound);

#endif
