/* global_pool.h - what the pools over the whole image share. */
#ifndef ATM_CORE_REF_GLOBAL_POOL_H
#define ATM_CORE_REF_GLOBAL_POOL_H

#include "ref/elem.h"

enum atm_status atm__global_pool_infer(struct atm_call *call);

/* out[c] = pool(x, first element, elements) for each image and channel. */
enum atm_status atm__global_pool_run(const struct atm_call *call,
                                     double (*pool)(const struct atm_view *x,
                                                    int64_t at, int64_t n));

#endif
