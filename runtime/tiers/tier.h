/* tier.h - what all kinds of tiers share: spec parsing, checks of ranges. */
#ifndef ATM_RUNTIME_TIERS_TIER_H
#define ATM_RUNTIME_TIERS_TIER_H

#include "autotm/tier.h"

enum atm__key_type {
    ATM__KEY_SIZE, /* uint64_t bytes: 4096, 512M, 1.5G (powers of 1024) */
    ATM__KEY_RATE, /* double bytes/s: 39G (powers of 1000, as vendors do) */
    ATM__KEY_REAL, /* double, as it stands */
    ATM__KEY_WORD, /* char[32] */
    ATM__KEY_PATH, /* char[ATM__PATH_BYTES]; name "", first row: the text
                      behind the colon, without a key */
};
#define ATM__PATH_BYTES 200

struct atm__key {
    const char *name;
    enum atm__key_type type;
    void *to; /* untouched when the key is absent */
};

/* Parses "KIND[:key=value,...]" by a table that ends with a null name. INVAL
 * names the key and lists those that there are. */
enum atm_status atm__spec_parse(const char *spec, const struct atm__key *keys);

/* [off, off+len) lies inside `bytes`; INVAL with the tier's spec if not. */
enum atm_status atm__range_check(const char *spec, uint64_t bytes, uint64_t off,
                                 uint64_t len);
/* A pool of `bytes` is within the tier's size; CAPACITY if not. */
enum atm_status atm__size_check(const char *spec, uint64_t size,
                                uint64_t bytes);

#define TIER(kind, help) extern const struct atm_tier_ops atm__tier_##kind;
#include "tiers/tiers.def"
#undef TIER
/* The help of a row, for its ops table. */
#define TIER(kind, help)                                                       \
    static const char atm__help_##kind[] __attribute__((unused)) = help;
#include "tiers/tiers.def"
#undef TIER

#endif
