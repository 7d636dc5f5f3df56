/* move.c - copies between pools, their modelled time, poison and hashes. */
#include "move.h"

#include "checked.h"
#include "hash.h"

#include <string.h>

/* Whole blocks of both ends, where the pools have room: a plan for a device
 * with blocks leaves the rest of a tensor's last one to nobody. */
static uint64_t whole_blocks(const struct atm__range *from,
                             const struct atm__range *to)
{
    uint64_t a = from->store->info.move_align, b = to->store->info.move_align;
    uint64_t bytes;

    a = a > b ? a : b;
    if (from->off % a || to->off % a || !atm_round_up(from->bytes, a, &bytes) ||
        bytes > from->store->bytes - from->off ||
        bytes > to->store->bytes - to->off)
        return from->bytes;
    return bytes;
}

enum atm_status atm__move(const struct atm__range *from,
                          const struct atm__range *to, bool outward)
{
    const struct atm__store *a = from->store, *b = to->store;
    uint64_t bytes = whole_blocks(from, to);

    if ((outward && a->base) || !b->base)
        return b->ops->write(b->tier, a->base + from->off, to->off, bytes);
    return a->ops->read(a->tier, b->base + to->off, from->off, bytes);
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
    return to->store->ops->write(to->store->tier, src, to->off, to->bytes);
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
