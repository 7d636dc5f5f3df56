/* quantize.h - scale and zero point: of the tensor, along one axis, or one a
 * block of an axis. */
#ifndef ATM_CORE_REF_QUANTIZE_H
#define ATM_CORE_REF_QUANTIZE_H

#include "ref/elem.h"

extern const struct atm_attr_def atm__quantize_attrs[];

/* in[1] is a scalar, one element a slice of the axis, or one a block of
 * `block_size` slices; in[2], where present, has its shape. */
enum atm_status atm__quantize_check(const struct atm_call *call);

/* Which scale goes with element `at`. */
int64_t atm__quantize_slice(const struct atm_call *call, int64_t at);

/* The type that attribute output_dtype names, or `otherwise` if it is absent;
 * UNSUPPORTED for one that is not among `types`. */
enum atm_status atm__quantize_type(const struct atm_node *node, uint32_t types,
                                   enum atm_dtype otherwise,
                                   enum atm_dtype *type);

#endif
