/* unary.h - elementwise operators of one input. */
#ifndef ATM_CORE_REF_UNARY_H
#define ATM_CORE_REF_UNARY_H

#include "ref/elem.h"

/* `f` computes floating types in double, `i` integers; `p` is passed on. */
enum atm_status atm__unary_run(const struct atm_call *call,
                               double (*f)(double x, const double *p),
                               int64_t (*i)(int64_t x), const double *p);

#endif
