/* quantize.h - scale and zero point, of the tensor or along one axis. */
#ifndef ATM_CORE_REF_QUANTIZE_H
#define ATM_CORE_REF_QUANTIZE_H

#include "ref/elem.h"

extern const struct atm_attr_def atm__quantize_attrs[];

/* in[1] is a float scalar or one element a slice of the axis, and so is in[2]
 * where present. */
enum atm_status atm__quantize_check(const struct atm_call *call);

/* Which scale goes with element `at`. */
int64_t atm__quantize_slice(const struct atm_call *call, int64_t at);

#endif
