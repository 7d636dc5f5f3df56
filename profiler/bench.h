/* bench.h - a stretch of a program laid out in memory and run kernel by kernel
 * under a stopwatch. */
#ifndef ATM_PROFILER_BENCH_H
#define ATM_PROFILER_BENCH_H

#include "autotm/runtime.h"
#include "autotm/tier.h"

struct atm__bench;

/* Bytes of each pool for kernels lo..hi, everything fast. */
enum atm_status atm__bench_bytes(const struct atm_program *p, uint32_t lo,
                                 uint32_t hi, uint64_t *bytes);

/* Opens one pool in the fast tier and, if `masks`, one like it in the slow
 * one, which must be addressable; loads the weights that lo..hi use. What no
 * kernel inside the stretch produces is filled with seeded values. Borrows
 * `exec`. */
enum atm_status atm__bench_open(const struct atm_program *p, uint32_t lo,
                                uint32_t hi, const struct atm_tier_info tier[2],
                                const char *const spec[2], bool masks,
                                struct atm_exec *exec,
                                struct atm__bench **bench);
void atm__bench_close(struct atm__bench **bench); /* accepts null */
/* Gives the slow pool back: a device or a named file has one user at a time.
 * From now on only masks of 0 can be run. */
void atm__bench_close_slow(struct atm__bench *b);

/* Runs kernel k with the operands of `mask` (as atm_kernel_operands) in the
 * slow tier; a value is copied there before, or home after, outside the timed
 * region. */
enum atm_status atm__bench_run(struct atm__bench *b, uint32_t k, uint64_t mask,
                               double *seconds);

/* In place of running kernel k: values in what it would have written. */
void atm__bench_skip(const struct atm__bench *b, uint32_t k);

/* For a kernel measured alone: activations written afresh (so they are in the
 * caches, and in-place results do not pile up), weights out of the caches. */
void atm__bench_refresh(struct atm__bench *b, uint32_t k);

#endif
