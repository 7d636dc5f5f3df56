/* random_uniform_like.c - RandomUniformLike: numbers evenly spread in [low,
 * high). */
#include "ref/random.h"

static const struct atm_attr_def attrs[] = {
    {.name = "dtype", .kind = ATM_ATTR_INT},
    {.name = "low", .kind = ATM_ATTR_FLOAT},
    {.name = "high", .kind = ATM_ATTR_FLOAT},
    {.name = "seed", .kind = ATM_ATTR_FLOAT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_RandomUniformLike = {
    .attrs = attrs, .infer = atm__random_infer, .run = atm__random_uniform};
