/* cosine_window.h - Hann, Hamming and Blackman windows: a sum of cosines. */
#ifndef ATM_CORE_REF_COSINE_WINDOW_H
#define ATM_CORE_REF_COSINE_WINDOW_H

#include "ref/elem.h"

extern const struct atm_attr_def atm__cosine_window_attrs[];

enum atm_status atm__cosine_window_infer(struct atm_call *call);
/* out[n] = a[0] - a[1] cos(2 pi n / N) + a[2] cos(4 pi n / N) */
enum atm_status atm__cosine_window_run(const struct atm_call *call,
                                       const double a[3]);

#endif
