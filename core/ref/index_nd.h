/* index_nd.h - tuples of indices, as GatherND and ScatterND use them. */
#ifndef ATM_CORE_REF_INDEX_ND_H
#define ATM_CORE_REF_INDEX_ND_H

#include "ref/elem.h"

/* Row-major offset, in slices, of the `k` indices at element `at` of `index`
 * into the dimensions of `x` from `first` on. FORMAT if one is outside. */
enum atm_status atm__index_nd(const struct atm_view *index, int64_t at,
                              int64_t k, const struct atm_shape *x,
                              uint32_t first, int64_t *offset);

#endif
