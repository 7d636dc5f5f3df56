/* binary.h - elementwise operators of two broadcast inputs. */
#ifndef ATM_CORE_REF_BINARY_H
#define ATM_CORE_REF_BINARY_H

#include "ref/elem.h"

/* Attributes that opsets before 7 aligned the second input with. */
#define ATM__BINARY_ATTRS                                                      \
    {.name = "broadcast", .kind = ATM_ATTR_INT, .until = 6},                   \
        {.name = "axis", .kind = ATM_ATTR_INT, .until = 6},                    \
        {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},        \
    {                                                                          \
        .name = NULL                                                           \
    }

/* out[0] has type `out`, or that of the inputs if ATM_DTYPE_NONE. */
enum atm_status atm__binary_infer(struct atm_call *call, uint32_t types,
                                  enum atm_dtype out);

/* `f` computes floating types (rounded once to the result's), `i` all
 * integers and bool; uint64 comes as bit patterns, with `is_unsigned`. A null
 * one is never called: infer refused the types. */
enum atm_status
atm__binary_run(const struct atm_call *call, double (*f)(double, double),
                int64_t (*i)(int64_t, int64_t, bool is_unsigned));

#endif
