/* window.h - visiting a sliding window: what pools share. */
#ifndef ATM_CORE_REF_WINDOW_H
#define ATM_CORE_REF_WINDOW_H

#include "ref/elem.h"

/* The part of one window that lies inside the image. Only that is stepped
 * through: a kernel that is mostly padding costs no more than the image. */
struct atm__reach {
    bool more;                    /* false: no element is left */
    int64_t corner[ATM_RANK_MAX]; /* position under the first element */
    int64_t lo[ATM_RANK_MAX], hi[ATM_RANK_MAX]; /* kernel positions inside */
    int64_t k[ATM_RANK_MAX];                    /* the current one */
};

/* Calls `one` for each (image, channel, output position) in row-major order:
 * `x` is the first element of the image's channel, `y` the output element. */
typedef void atm__window_fn(const struct atm_call *call,
                            const struct atm_window *w, int64_t x,
                            struct atm__reach *r, int64_t y);
enum atm_status atm__window_run(const struct atm_call *call,
                                const struct atm_window *w,
                                atm__window_fn *one);

/* The window over the output position `index` (spatial dimensions only). */
void atm__reach_begin(const struct atm_window *w, const int64_t *index,
                      struct atm__reach *r);

/* Offset in the channel of the current element, then steps on:
 *     while (r->more) use(x + atm__reach_next(w, r)); */
int64_t atm__reach_next(const struct atm_window *w, struct atm__reach *r);

/* Output shape: N, `channels`, then the window's. */
struct atm_shape atm__window_shape(const struct atm_shape *x, int64_t channels,
                                   const struct atm_window *w);

/* Window and output shape of a convolution of `x` with weights of shape `k`:
 * the channels must fit into the groups. */
enum atm_status atm__conv_shape(const struct atm_node *node,
                                const struct atm_shape *x,
                                const struct atm_shape *k, struct atm_window *w,
                                struct atm_shape *y);

/* One element of a convolution, at `index` (image, channel, space): the sum,
 * in double, of products of what remains over the zero points. */
double atm__conv_sum(const struct atm_view *x, double x_zero,
                     const struct atm_view *k, double k_zero,
                     const struct atm_window *w, int64_t group,
                     const int64_t *index);

#endif
