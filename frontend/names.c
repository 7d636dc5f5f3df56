/* names.c - open addressing, at most half full. */
#include "names.h"

#include "arena.h"
#include "hash.h"

#include <string.h>

static struct atm__name *slot_of(const struct atm__names *t, const char *name)
{
    uint64_t i = atm_hash_bytes(name, strlen(name)).lo;

    for (;; i++) {
        struct atm__name *s = &t->slot[i & (t->cap - 1)];

        if (!s->name || strcmp(s->name, name) == 0)
            return s;
    }
}

uint32_t atm__names_find(const struct atm__names *t, const char *name)
{
    const struct atm__name *s = t->cap ? slot_of(t, name) : NULL;

    return s && s->name ? s->id : ATM_NONE;
}

static enum atm_status grow(struct atm__names *t)
{
    struct atm__names bigger = {0, t->cap ? t->cap * 2 : 64, NULL};
    uint32_t i;

    bigger.slot = atm_alloc_array(bigger.cap, sizeof(*bigger.slot));
    if (!bigger.slot)
        return ATM_NOMEM;
    for (i = 0; i < t->cap; i++)
        if (t->slot[i].name)
            *slot_of(&bigger, t->slot[i].name) = t->slot[i];
    bigger.n = t->n;
    atm_free(t->slot);
    *t = bigger;
    return ATM_OK;
}

enum atm_status atm__names_add(struct atm__names *t, const char *name,
                               uint32_t id)
{
    if (2 * (t->n + 1) > t->cap) {
        enum atm_status st = grow(t);

        if (st)
            return st;
    }
    *slot_of(t, name) = (struct atm__name){name, id};
    t->n++;
    return ATM_OK;
}

void atm__names_clear(struct atm__names *t)
{
    atm_free(t->slot);
    memset(t, 0, sizeof(*t));
}
