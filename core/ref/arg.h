/* arg.h - what ArgMax and ArgMin share. */
#ifndef ATM_CORE_REF_ARG_H
#define ATM_CORE_REF_ARG_H

#include "ref/elem.h"

#define ATM__ARG_TYPES (ATM_TYPES_NUMBER & ~ATM_TYPE(U64))

extern const struct atm_attr_def atm__arg_attrs[];
enum atm_status atm__arg_infer(struct atm_call *call);
/* Index of the first element (or the last, by attribute) that no other is
 * better than; sign 1: larger is better, -1: smaller. */
enum atm_status atm__arg_run(const struct atm_call *call, int sign);

#endif
