/* move.h - open pools of tiers, and the copies between them. */
#ifndef ATM_RUNTIME_MOVE_H
#define ATM_RUNTIME_MOVE_H

#include "autotm/tier.h"

struct atm__store {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    struct atm_tier_info info;
    uint64_t bytes;
    unsigned char *base; /* null: move-only */
};

/* A range of a store. */
struct atm__range {
    struct atm__store *store;
    uint64_t off, bytes;
};

/* Copies `from` to `to`, of one size, by the operation of the outer tier (the
 * one with the greater index is `outer`); one of the two must be memory. */
enum atm_status atm__move(const struct atm__range *from,
                          const struct atm__range *to, bool outward);

/* Modelled seconds of it: only emulated ends cost. */
double atm__move_seconds(const struct atm__range *from,
                         const struct atm__range *to);

/* Writes from memory, wherever the range is. */
enum atm_status atm__put(const struct atm__range *to, const void *src);

#define ATM__BOUNCE_BYTES ((uint64_t)256 << 10)

/* Fills the range with what no kernel can use unnoticed: 0xfff5 in each 16
 * bits is a NaN as float16, bfloat16, float and double, and as an integer an
 * index outside every table. `bounce`: ATM__BOUNCE_BYTES of that pattern. */
enum atm_status atm__poison(const struct atm__range *r, const void *bounce);
void atm__poison_fill(void *p, uint64_t bytes);

/* Hash of the range's bytes; `bounce` takes those of move-only tiers. */
enum atm_status atm__range_hash(const struct atm__range *r, void *bounce,
                                struct atm_hash *hash);

/* Test hook: flips one bit of byte `at` of the range. */
enum atm_status atm__flip(const struct atm__range *r, uint64_t at);

#endif
