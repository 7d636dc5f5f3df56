/* random.h - operators that draw numbers. Draws are a function of the seed and
 * the element alone, so that a run repeats, at every placement. */
#ifndef ATM_CORE_REF_RANDOM_H
#define ATM_CORE_REF_RANDOM_H

#include "ref/elem.h"
#include "rng.h"

/* Attribute `seed`, or where that is missing the number of the output value:
 * nodes of one graph draw differently. */
uint64_t atm__random_seed(const struct atm_call *call);

/* out[0] has the type of attribute `dtype`, or where that is missing of input
 * 0 (float without one), and the shape of input 0 or of attribute `shape`. */
enum atm_status atm__random_infer(struct atm_call *call);

enum atm_status atm__random_uniform(const struct atm_call *call);
enum atm_status atm__random_normal(const struct atm_call *call);

#endif
