/* store.h - what profiler.c needs of the store, and tests. SQLite stays in
 * store.c. */
#ifndef ATM_PROFILER_STORE_H
#define ATM_PROFILER_STORE_H

#include "autotm/profiler.h"

/* One vector of one kernel: which operands lay in which slow tier. The tier is
 * its spec, "" when all operands were fast (then the mask is 0): such a time
 * does not depend on the slow tier. */
struct atm__vector {
    struct atm_hash signature;
    const char *tier;
    uint64_t mask;
};

/* CPU, caches, cores: times measured on another machine are kept and never
 * used. */
enum atm_status atm__machine_fingerprint(struct atm_hash *hash,
                                         char description[256]);

/* Which machine the following calls speak of; open chooses this one. */
enum atm_status atm__store_use_machine(struct atm_store *s,
                                       struct atm_hash fingerprint,
                                       const char *description);
struct atm_hash atm__store_machine(const struct atm_store *s);

/* Samples of a vector, sorted; at most `cap` are written; all are counted. */
enum atm_status atm__store_samples(struct atm_store *s,
                                   const struct atm__vector *v, double *seconds,
                                   uint32_t cap, uint32_t *n, uint32_t *sweeps);
enum atm_status atm__store_begin(struct atm_store *s);
enum atm_status atm__store_commit(struct atm_store *s);
void atm__store_rollback(struct atm_store *s);
enum atm_status atm__store_add(struct atm_store *s, const struct atm__vector *v,
                               uint32_t sweep, uint32_t instance,
                               double seconds);
enum atm_status atm__store_forget(struct atm_store *s,
                                  const struct atm__vector *v);

/* Replaces the curve of a tier on this machine. */
enum atm_status atm__store_curve_put(struct atm_store *s, const char *tier,
                                     const struct atm_curve_point *p,
                                     uint32_t n);

#endif
