/* window.h - visiting a sliding window: what pools share. */
#ifndef ATM_CORE_REF_WINDOW_H
#define ATM_CORE_REF_WINDOW_H

#include "ref/elem.h"

/* Calls `one` for each (image, channel, output position) in row-major order:
 * `x` is the first element of the image's channel, `corner` the input
 * position under the window's first element (may be negative), `y` the output
 * element. */
typedef void atm__window_fn(const struct atm_call *call,
                            const struct atm_window *w, int64_t x,
                            const int64_t *corner, int64_t y);
enum atm_status atm__window_run(const struct atm_call *call,
                                const struct atm_window *w,
                                atm__window_fn *one);

/* Steps `k` (all zero at first) through the window's positions; false after
 * the last. */
bool atm__window_next(const struct atm_window *w, int64_t *k);

/* Offset in the channel of the element under position `k`; -1: padding. */
int64_t atm__window_at(const struct atm_window *w, const int64_t *corner,
                       const int64_t *k);

/* Output shape: N, `channels`, then the window's. */
struct atm_shape atm__window_shape(const struct atm_shape *x, int64_t channels,
                                   const struct atm_window *w);

#endif
