/* hash.c - XXH3-128 behind the project's own names. */
#include "hash.h"

#include "arena.h"

#include <string.h>
#include <xxhash.h>

struct atm_hasher {
    XXH3_state_t *state;
};

enum atm_status atm_hasher_new(struct atm_hasher **h)
{
    struct atm_hasher *n = atm_alloc(sizeof(*n));

    *h = NULL;
    if (!n)
        return ATM_NOMEM;
    n->state = XXH3_createState();
    if (!n->state) {
        atm_free(n);
        return atm_fail(ATM_NOMEM, "out of memory: hash state");
    }
    (void)XXH3_128bits_reset(n->state);
    *h = n;
    return ATM_OK;
}

void atm_hasher_delete(struct atm_hasher **h)
{
    if (!*h)
        return;
    (void)XXH3_freeState((*h)->state);
    atm_free(*h);
    *h = NULL;
}

void atm_hasher_u64(struct atm_hasher *h, uint64_t v)
{
    (void)XXH3_128bits_update(h->state, &v, sizeof(v));
}

void atm_hasher_bytes(struct atm_hasher *h, const void *p, size_t bytes)
{
    atm_hasher_u64(h, bytes);
    if (bytes)
        (void)XXH3_128bits_update(h->state, p, bytes);
}

void atm_hasher_str(struct atm_hasher *h, const char *s)
{
    atm_hasher_bytes(h, s, strlen(s));
}

void atm_hasher_f64(struct atm_hasher *h, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    atm_hasher_u64(h, bits);
}

void atm_hasher_hash(struct atm_hasher *h, struct atm_hash v)
{
    atm_hasher_u64(h, v.hi);
    atm_hasher_u64(h, v.lo);
}

struct atm_hash atm_hasher_end(const struct atm_hasher *h)
{
    XXH128_hash_t x = XXH3_128bits_digest(h->state);

    return (struct atm_hash){x.high64, x.low64};
}

struct atm_hash atm_hash_bytes(const void *p, size_t bytes)
{
    XXH128_hash_t x = XXH3_128bits(p, bytes);

    return (struct atm_hash){x.high64, x.low64};
}
