/* normalize.c - statistics of a run of elements. */
#include "ref/normalize.h"

struct atm__moments atm__moments_of(const struct atm_view *x, int64_t at,
                                    int64_t n)
{
    struct atm__moments m = {0, 0};
    int64_t i;

    for (i = 0; i < n; i++)
        m.mean += atm__get_f(x, at + i);
    m.mean /= (double)n;
    for (i = 0; i < n; i++) {
        double d = atm__get_f(x, at + i) - m.mean;

        m.var += d * d;
    }
    m.var /= (double)n;
    return m;
}
