/* random_normal.c - RandomNormal: normal deviates. */
#include "ref/random.h"

static const struct atm_attr_def attrs[] = {
    {.name = "dtype", .kind = ATM_ATTR_INT},
    {.name = "mean", .kind = ATM_ATTR_FLOAT},
    {.name = "scale", .kind = ATM_ATTR_FLOAT},
    {.name = "seed", .kind = ATM_ATTR_FLOAT},
    {.name = "shape", .kind = ATM_ATTR_INTS, .required = true},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_RandomNormal = {
    .attrs = attrs, .infer = atm__random_infer, .run = atm__random_normal};
