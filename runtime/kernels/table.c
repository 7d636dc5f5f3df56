/* table.c - the rows of kernels.def as an array. */
#include "kernels.h"

const struct atm__kernel_impl *const atm__kernel_impls[] = {
#define X(name) &atm__impl_##name,
#include "kernels.def"
#undef X
    NULL};
