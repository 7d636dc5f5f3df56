/* rng.c - normal deviates from the counter-based generator. */
#include "rng.h"

#include <math.h>

void atm_rng_normal(uint64_t seed, uint64_t i, uint64_t n, float *out)
{
    uint64_t k;

    for (k = 0; k < n; k++) {
        uint64_t at = i + k, pair = at / 2;
        double u = 1.0 - atm_rng_f64(seed, 2 * pair); /* (0, 1] */
        double v = 6.283185307179586 * atm_rng_f64(seed, 2 * pair + 1);
        double r = sqrt(-2.0 * log(u));
        double x = at & 1 ? r * sin(v) : r * cos(v);

        out[k] = fabs(x) < 1e-30 ? 0.0f : (float)x;
    }
}
