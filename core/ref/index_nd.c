/* index_nd.c - tuples of indices. */
#include "ref/index_nd.h"

#include <inttypes.h>

enum atm_status atm__index_nd(const struct atm_view *index, int64_t at,
                              int64_t k, const struct atm_shape *x,
                              uint32_t first, int64_t *offset)
{
    int64_t i;

    *offset = 0;
    for (i = 0; i < k; i++) {
        int64_t size = x->dim[first + i], v = atm__get_i(index, at + i);

        if (v < -size || v >= size)
            return atm_fail(ATM_FORMAT,
                            "index %" PRId64
                            " is outside a dimension of %" PRId64,
                            v, size);
        *offset = *offset * size + (v < 0 ? v + size : v);
    }
    return ATM_OK;
}
