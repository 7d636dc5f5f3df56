/* pack_exact.h - address assignment of a few boxes, exactly. */
#ifndef ATM_SOLVER_PACK_EXACT_H
#define ATM_SOLVER_PACK_EXACT_H

#include "autotm/planner.h"

#define ATM__EXACT_MAX 16

/* Finds a packing lower than *height, down to `target`: its offsets and height;
 * false: none was found within the work that is allowed. */
bool atm__pack_exact(const struct atm_pack_box *box, uint32_t n,
                     uint64_t target, uint64_t *off, uint64_t *height);

#endif
