/* variadic.h - elementwise operators of one or more broadcast inputs. */
#ifndef ATM_CORE_REF_VARIADIC_H
#define ATM_CORE_REF_VARIADIC_H

#include "ref/elem.h"

enum atm_status atm__variadic_infer(struct atm_call *call, uint32_t types);

/* out[0] = in[0] joined with each further input. `i` joins int64, or the bit
 * patterns of uint64 with `is_unsigned`; it may be null where the types that
 * infer allowed are floating. */
enum atm_status
atm__variadic_run(const struct atm_call *call, double (*f)(double, double),
                  int64_t (*i)(int64_t, int64_t, bool is_unsigned));

#endif
