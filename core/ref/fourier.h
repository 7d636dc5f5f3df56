/* fourier.h - the discrete Fourier transform of one line, by its sum. */
#ifndef ATM_CORE_REF_FOURIER_H
#define ATM_CORE_REF_FOURIER_H

#include "ref/elem.h"

/* n_in complex (or, with one part, real) elements of x from element `x_at` on
 * in steps of `x_step`, each perhaps times an element of `window` (null: none),
 * taken as n (the rest are zeros); the first n_out results go to y, in steps
 * likewise. Elements beyond n are not read. */
struct atm__fourier {
    const struct atm_view *x, *y, *window;
    int64_t x_at, x_step, y_at, y_step;
    int64_t n_in, n_out, n;
    uint32_t x_parts, y_parts; /* 2: real and imaginary; 1: real only */
    bool inverse;
    bool mirrored; /* the input is half a spectrum: the rest is conjugate */
};

/* Bytes of scratch for lines of up to n elements. */
uint64_t atm__fourier_scratch(int64_t n);
/* Fills the scratch for lines of n. */
void atm__fourier_begin(void *scratch, int64_t n);
void atm__fourier_line(const struct atm__fourier *f, const void *scratch);

#endif
