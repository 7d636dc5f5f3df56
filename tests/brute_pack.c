/* brute_pack.c - boxes are placed in the order of their offsets, each as low
 * as what lies there lets it: every packing can be slid down into one that is
 * found so. Boxes that share a place are placed as one. */
#include "brute_pack.h"

#define TRIES 20000

struct packer {
    struct brute_box *b;
    unsigned n;
    uint64_t capacity, align;
    bool placed[BRUTE_BOXES];
    uint64_t meets[BRUTE_BOXES]; /* bits: leaders' groups in one phase */
    unsigned long left;          /* tries */
};

static bool meet(const struct brute_box *a, const struct brute_box *b)
{
    if (a->first > a->last)
        return b->first > b->last || b->first <= a->last || b->last >= a->first;
    if (b->first > b->last)
        return meet(b, a);
    return a->first <= b->last && b->first <= a->last;
}

/* Lowest place of group a at or above `from`. */
static uint64_t lowest(const struct packer *p, unsigned a, uint64_t from)
{
    uint64_t at = from;
    bool moved;

    do {
        moved = false;
        for (unsigned j = 0; j < p->n; j++) {
            const struct brute_box *q = &p->b[j];

            if (!(p->meets[a] >> j & 1) || !p->placed[j] ||
                at >= q->offset + q->size || q->offset >= at + p->b[a].size)
                continue;
            at = q->offset + q->size;
            at = (at + p->align - 1) / p->align * p->align;
            moved = true;
        }
    } while (moved);
    return at;
}

/* In the order of (offset, index), from (from, after) on. */
static int place(struct packer *p, uint64_t from, unsigned after)
{
    bool any = false;

    for (unsigned i = 0; i < p->n; i++) {
        int found;
        uint64_t at;

        if (p->b[i].with != i || p->placed[i])
            continue;
        any = true;
        if (p->left == 0)
            return -1;
        p->left--;
        at = lowest(p, i, 0);
        if (at + p->b[i].size > p->capacity)
            return 0; /* it only gets higher */
        if (at < from || (at == from && i < after))
            continue;
        p->b[i].offset = at;
        p->placed[i] = true;
        found = place(p, at, i);
        p->placed[i] = false;
        if (found != 0)
            return found;
    }
    return any ? 0 : 1;
}

int brute_packs(struct brute_box *b, unsigned n, uint64_t capacity,
                uint64_t align)
{
    struct packer p = {
        .b = b, .n = n, .capacity = capacity, .align = align, .left = TRIES};

    for (unsigned i = 0; i < n; i++) {
        while (b[i].with != b[b[i].with].with)
            b[i].with = b[b[i].with].with;
        if (b[i].size == 0) {
            if (b[i].fixed && b[i].offset > capacity)
                return 0;
            p.placed[i] = true; /* anywhere */
            b[i].size = b[i].offset = 0;
        }
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < i; j++)
            if (b[i].size && b[j].size && meet(&b[i], &b[j])) {
                if (b[i].with == b[j].with)
                    return 0;
                p.meets[b[i].with] |= UINT64_C(1) << b[j].with;
                p.meets[b[j].with] |= UINT64_C(1) << b[i].with;
            }
    for (unsigned i = 0; i < n; i++) {
        struct brute_box *to = &b[b[i].with];

        if (!b[i].fixed || b[i].size == 0)
            continue;
        if (p.placed[b[i].with] && to->offset != b[i].offset)
            return 0;
        to->offset = b[i].offset;
        if (to->offset + to->size > capacity ||
            lowest(&p, b[i].with, to->offset) != to->offset)
            return 0;
        p.placed[b[i].with] = true;
    }
    return place(&p, 0, 0);
}
