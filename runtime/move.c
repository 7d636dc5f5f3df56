/* move.c - copies between pools, their modelled time, poison and hashes. */
#include "move.h"

#include "copy.h"
#include "hash.h"

#include <string.h>

enum atm_status atm__move(const struct atm__range *from,
                          const struct atm__range *to, bool outward)
{
    const struct atm__store *a = from->store, *b = to->store;

    if ((outward && a->base) || !b->base)
        return b->ops->write(b->tier, a->base + from->off, to->off, to->bytes);
    return a->ops->read(a->tier, b->base + to->off, from->off, from->bytes);
}

double atm__move_seconds(const struct atm__range *from,
                         const struct atm__range *to)
{
    double s = 0;

    if (from->store->info.caps & ATM_TIER_EMULATED)
        s += atm_clock_move(&from->store->info, from->bytes, false);
    if (to->store->info.caps & ATM_TIER_EMULATED)
        s += atm_clock_move(&to->store->info, to->bytes, true);
    return s;
}

enum atm_status atm__put(const struct atm__range *to, const void *src)
{
    const struct atm__store *s = to->store;

    if (!s->base)
        return s->ops->write(s->tier, src, to->off, to->bytes);
    atm__copy(s->base + to->off, src, to->bytes, s->info.write_par);
    return ATM_OK;
}

void atm__poison_fill(void *p, uint64_t bytes)
{
    static const unsigned char pattern[16] = {
        0xf5, 0xff, 0xf5, 0xff, 0xf5, 0xff, 0xf5, 0xff,
        0xf5, 0xff, 0xf5, 0xff, 0xf5, 0xff, 0xf5, 0xff};
    unsigned char *at = p;
    uint64_t i;

    for (i = 0; i < bytes; i += sizeof(pattern))
        memcpy(at + i, pattern,
               bytes - i < sizeof(pattern) ? bytes - i : sizeof(pattern));
}

enum atm_status atm__poison(const struct atm__range *r, const void *bounce)
{
    const struct atm__store *s = r->store;
    enum atm_status st = ATM_OK;
    uint64_t at, n;

    if (s->base) {
        atm__poison_fill(s->base + r->off, r->bytes);
        return ATM_OK;
    }
    for (at = 0; !st && at < r->bytes; at += n) {
        n = r->bytes - at < ATM__BOUNCE_BYTES ? r->bytes - at
                                              : ATM__BOUNCE_BYTES;
        st = s->ops->write(s->tier, bounce, r->off + at, n);
    }
    return st;
}

enum atm_status atm__range_hash(const struct atm__range *r, void *bounce,
                                struct atm_hash *hash)
{
    const struct atm__store *s = r->store;
    /* in chunks on every tier, so that the two ends of a move agree */
    struct atm_hash chain[2] = {{0, 0}, {0, 0}};
    enum atm_status st = ATM_OK;
    uint64_t at, n;

    for (at = 0; !st && at < r->bytes; at += n) {
        n = r->bytes - at < ATM__BOUNCE_BYTES ? r->bytes - at
                                              : ATM__BOUNCE_BYTES;
        if (!s->base)
            st = s->ops->read(s->tier, bounce, r->off + at, n);
        chain[1] =
            atm_hash_bytes(s->base ? s->base + r->off + at : bounce, (size_t)n);
        chain[0] = atm_hash_bytes(chain, sizeof(chain));
    }
    *hash = chain[0];
    return st;
}

enum atm_status atm__flip(const struct atm__range *r, uint64_t at)
{
    const struct atm__store *s = r->store;
    unsigned char byte;
    enum atm_status st;

    if (s->base) {
        s->base[r->off + at] ^= 0x10;
        return ATM_OK;
    }
    st = s->ops->read(s->tier, &byte, r->off + at, 1);
    byte ^= 0x10;
    return st ? st : s->ops->write(s->tier, &byte, r->off + at, 1);
}
