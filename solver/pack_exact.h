/* pack_exact.h - address assignment by exact search. */
#ifndef ATM_SOLVER_PACK_EXACT_H
#define ATM_SOLVER_PACK_EXACT_H

#include "autotm/planner.h"

/* More boxes than this, those fixed not counted, are not searched. */
#define ATM__EXACT_MAX 2048

enum atm__exact {
    ATM__EXACT_FOUND,   /* offsets are written */
    ATM__EXACT_NONE,    /* proved: no packing is that low */
    ATM__EXACT_GAVE_UP, /* out of work or time */
    ATM__EXACT_TOO_LARGE
};

/* What ends a search before its work is done; all zero: nothing. */
struct atm__pack_limit {
    double deadline; /* seconds of the monotonic clock; 0: none */
    atm_pack_stop_fn *stop;
    void *user;
};

bool atm__pack_over(const struct atm__pack_limit *limit);

/* Searches a packing of height `capacity` at most. `work` counts looks at a
 * box and is reduced by what was spent. NOMEM. */
enum atm_status atm__pack_exact(const struct atm_pack_box *box, uint32_t n,
                                uint64_t capacity, uint64_t *work,
                                const struct atm__pack_limit *limit,
                                uint64_t *off, enum atm__exact *result);

#endif
