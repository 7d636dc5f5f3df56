/* fourier.c - the discrete Fourier transform of one line, by its sum. The
 * angles come from a table of n, so that none grows inexact. */
#include "ref/fourier.h"

#include <math.h>

uint64_t atm__fourier_scratch(int64_t n)
{
    return 2 * (uint64_t)n * sizeof(double);
}

void atm__fourier_begin(void *scratch, int64_t n)
{
    double *table = scratch;
    int64_t i;

    for (i = 0; i < n; i++) {
        table[2 * i] = cos(2 * M_PI * (double)i / (double)n);
        table[2 * i + 1] = -sin(2 * M_PI * (double)i / (double)n);
    }
}

/* Element j of the input, its parts apart. */
static void element(const struct atm__fourier *f, int64_t j, double *re,
                    double *im)
{
    int64_t from = f->mirrored && j > f->n / 2 ? f->n - j : j;
    int64_t at = f->x_at + from * f->x_step;
    double w = 1;

    *re = *im = 0;
    if (from >= f->n_in)
        return;
    if (f->window)
        w = atm__get_f(f->window, from);
    *re = w * atm__get_f(f->x, at);
    if (f->x_parts == 2)
        *im = (from == j ? w : -w) * atm__get_f(f->x, at + 1);
}

void atm__fourier_line(const struct atm__fourier *f, const void *scratch)
{
    const double *table = scratch;
    double scale = f->inverse ? 1 / (double)f->n : 1;
    int64_t used = f->n_in < f->n && !f->mirrored ? f->n_in : f->n;
    int64_t i, j;

    for (i = 0; i < f->n_out; i++) {
        double re = 0, im = 0;
        int64_t angle = 0; /* i * j modulo n */

        for (j = 0; j < used; j++) {
            double c = table[2 * angle], s = table[2 * angle + 1], a, b;

            s = f->inverse ? -s : s;
            element(f, j, &a, &b);
            re += a * c - b * s;
            im += a * s + b * c;
            angle += i;
            angle -= angle >= f->n ? f->n : 0;
        }
        atm__put_f(f->y, f->y_at + i * f->y_step, re * scale);
        if (f->y_parts == 2)
            atm__put_f(f->y, f->y_at + i * f->y_step + 1, im * scale);
    }
}
