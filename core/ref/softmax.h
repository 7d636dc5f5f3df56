/* softmax.h - the softmax family: since opset 13 along one axis, before over
 * all dimensions from the axis on. */
#ifndef ATM_CORE_REF_SOFTMAX_H
#define ATM_CORE_REF_SOFTMAX_H

#include "ref/elem.h"

enum atm_status atm__softmax_infer(struct atm_call *call);

/* Calls `line` for each line of `n` elements that lie `step` apart from
 * element `at` on. */
enum atm_status atm__softmax_lines(const struct atm_call *call,
                                   void (*line)(const struct atm_view *x,
                                                const struct atm_view *y,
                                                int64_t at, int64_t n,
                                                int64_t step));

#endif
