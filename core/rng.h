/* rng.h - counter-based random numbers: the i-th draw of a seed is a pure
 * function of (seed, i), so that any slice of a generated tensor can be made
 * alone. splitmix64 (Steele, Lea, Flood 2014) on seed and counter. */
#ifndef ATM_CORE_RNG_H
#define ATM_CORE_RNG_H

#include <stdint.h>

static inline uint64_t atm_rng_u64(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform in [0, 1). */
static inline double atm_rng_f64(uint64_t seed, uint64_t i)
{
    return (double)(atm_rng_u64(seed, i) >> 11) * 0x1p-53;
}

/* Standard normal values i..i+n-1 of the seed (Box-Muller on pairs of
 * counters), as floats, no denormals. */
void atm_rng_normal(uint64_t seed, uint64_t i, uint64_t n, float *out);

#endif
