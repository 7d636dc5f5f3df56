/* load.c - bytes over a limit at each of many moments. */
#include "load.h"

#include "arena.h"

#include <string.h>

bool atm__load_new(struct atm__load *l, uint32_t n, struct atm_arena *arena)
{
    l->n = n;
    l->n_blocks = n / ATM__BLOCK + 1;
    l->at = atm_arena_array(arena, n, sizeof(*l->at));
    l->base = atm_arena_array(arena, l->n_blocks, sizeof(*l->base));
    l->most = atm_arena_array(arena, l->n_blocks, sizeof(*l->most));
    l->stale = atm_arena_array(arena, l->n_blocks, 1);
    if (!l->at || !l->base || !l->most || !l->stale)
        return false;
    memset(l->stale, 1, l->n_blocks);
    return true;
}

void atm__load_copy(struct atm__load *to, const struct atm__load *from)
{
    if (from->n == 0)
        return;
    memcpy(to->at, from->at, from->n * sizeof(*to->at));
    memcpy(to->base, from->base, from->n_blocks * sizeof(*to->base));
    memset(to->stale, 1, to->n_blocks);
}

int64_t atm__load_at(const struct atm__load *l, uint32_t at)
{
    return l->at[at] + l->base[at / ATM__BLOCK];
}

/* End of the block of `at`, or `to` where that comes first. */
static uint32_t block_end(uint32_t at, uint32_t to)
{
    uint32_t end = (at / ATM__BLOCK + 1) * ATM__BLOCK;

    return end < to ? end : to;
}

void atm__load_add(struct atm__load *l, uint32_t from, uint32_t to,
                   int64_t bytes)
{
    while (from < to) {
        uint32_t b = from / ATM__BLOCK, end = block_end(from, to);

        if (end - from == ATM__BLOCK) {
            l->base[b] += bytes;
            from = end;
            continue;
        }
        l->stale[b] = 1;
        for (; from < end; from++)
            l->at[from] += bytes;
    }
}

static int64_t most(struct atm__load *l, uint32_t b)
{
    uint32_t i = b * ATM__BLOCK, end = block_end(i, l->n);

    if (l->stale[b]) {
        l->most[b] = INT64_MIN / 2;
        for (; i < end; i++)
            l->most[b] = l->at[i] > l->most[b] ? l->at[i] : l->most[b];
        l->stale[b] = 0;
    }
    return l->most[b] + l->base[b];
}

bool atm__load_above(struct atm__load *l, uint32_t from, uint32_t to,
                     int64_t bytes)
{
    while (from < to) {
        uint32_t b = from / ATM__BLOCK, end = block_end(from, to);

        if (end - from == ATM__BLOCK) {
            if (most(l, b) > bytes)
                return true;
            from = end;
            continue;
        }
        for (; from < end; from++)
            if (l->at[from] + l->base[b] > bytes)
                return true;
    }
    return false;
}

uint32_t atm__load_worst(struct atm__load *l)
{
    int64_t worst = 0;
    uint32_t b, i, at = l->n;

    for (b = 0; b < l->n_blocks; b++)
        if (b * ATM__BLOCK < l->n && most(l, b) > worst) {
            worst = most(l, b);
            at = b * ATM__BLOCK;
        }
    for (i = at; i < l->n && atm__load_at(l, i) != worst; i++)
        ;
    return i;
}
