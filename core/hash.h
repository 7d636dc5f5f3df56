/* hash.h - building 128-bit content hashes from typed pieces. Each piece is
 * hashed with its length, so that no two lists of pieces run together. */
#ifndef ATM_CORE_HASH_H
#define ATM_CORE_HASH_H

#include "autotm/types.h"

struct atm_hasher; /* a streaming XXH3-128 state */

enum atm_status atm_hasher_new(struct atm_hasher **h);
void atm_hasher_delete(struct atm_hasher **h); /* accepts null */
void atm_hasher_bytes(struct atm_hasher *h, const void *p, size_t bytes);
void atm_hasher_str(struct atm_hasher *h, const char *s);
void atm_hasher_u64(struct atm_hasher *h, uint64_t v);
void atm_hasher_f64(struct atm_hasher *h, double v);
void atm_hasher_hash(struct atm_hasher *h, struct atm_hash v);
struct atm_hash atm_hasher_end(const struct atm_hasher *h);

/* One block; no allocation. */
struct atm_hash atm_hash_bytes(const void *p, size_t bytes);

#endif
