/* normalize.h - what the normalisations that compute their own statistics
 * share. */
#ifndef ATM_CORE_REF_NORMALIZE_H
#define ATM_CORE_REF_NORMALIZE_H

#include "ref/elem.h"

struct atm__moments {
    double mean, var; /* of the population */
};

/* Of n elements that lie one behind the other from `at` on; two passes. */
struct atm__moments atm__moments_of(const struct atm_view *x, int64_t at,
                                    int64_t n);

#endif
