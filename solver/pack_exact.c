/* pack_exact.c - address assignment of a few boxes by trying all orders.
 *
 * Any packing can be pushed down box by box, lowest first, until each box lies
 * at the lowest free offset over those before it: so some order of lowest fits
 * reaches the optimum. What the heuristics miss by little on a handful of
 * boxes is found here.
 */
#include "pack_exact.h"

#include <string.h>

#define NODES 300000

struct exact {
    const struct atm_pack_box *box;
    uint32_t n, placed[ATM__EXACT_MAX], n_placed, nodes;
    uint64_t target, best, off[ATM__EXACT_MAX], best_off[ATM__EXACT_MAX];
};

static bool apart(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a >= b || c >= d || b <= c || d <= a;
}

static bool meet(const struct atm_pack_box *a, const struct atm_pack_box *b)
{
    return !(apart(a->lower, a->upper, b->lower, b->upper) &&
             apart(a->lower, a->upper, b->lower2, b->upper2) &&
             apart(a->lower2, a->upper2, b->lower, b->upper) &&
             apart(a->lower2, a->upper2, b->lower2, b->upper2));
}

/* The lowest aligned offset of box i that is free of those placed. */
static uint64_t lowest(const struct exact *x, uint32_t i)
{
    const struct atm_pack_box *b = &x->box[i];
    uint64_t align = b->align ? b->align : 1, off = 0;
    uint32_t j;
    bool moved = true;

    while (moved) {
        moved = false;
        for (j = 0; j < x->n_placed; j++) {
            uint32_t q = x->placed[j];
            uint64_t end = x->off[q] + x->box[q].bytes;

            if (off < end && x->off[q] < off + b->bytes &&
                meet(b, &x->box[q])) {
                off = (end + align - 1) / align * align;
                moved = true;
            }
        }
    }
    return off;
}

static void search(struct exact *x, uint32_t left, uint64_t height)
{
    uint32_t i, j;

    if (height >= x->best || x->best <= x->target || x->nodes++ > NODES)
        return;
    if (left == 0) {
        x->best = height;
        memcpy(x->best_off, x->off, sizeof(x->off));
        return;
    }
    for (i = 0; i < x->n; i++) {
        const struct atm_pack_box *b = &x->box[i];
        uint64_t top;

        for (j = 0; j < x->n_placed && x->placed[j] != i; j++)
            ;
        if (j < x->n_placed || b->fixed || b->bytes == 0)
            continue;
        x->off[i] = lowest(x, i);
        top = x->off[i] + b->bytes;
        x->placed[x->n_placed++] = i;
        search(x, left - 1, top > height ? top : height);
        x->n_placed--;
    }
}

bool atm__pack_exact(const struct atm_pack_box *box, uint32_t n,
                     uint64_t target, uint64_t *off, uint64_t *height)
{
    struct exact x = {.box = box, .n = n, .target = target, .best = *height};
    uint64_t top = 0;
    uint32_t i, left = 0;

    if (n > ATM__EXACT_MAX)
        return false;
    for (i = 0; i < n; i++) {
        x.off[i] = box[i].fixed ? box[i].offset : 0;
        if (box[i].fixed) {
            x.placed[x.n_placed++] = i;
            top = x.off[i] + box[i].bytes > top ? x.off[i] + box[i].bytes
                                                : top;
        } else if (box[i].bytes) {
            left++;
        }
    }
    search(&x, left, top);
    if (x.best >= *height)
        return false;
    memcpy(off, x.best_off, n * sizeof(*off));
    *height = x.best;
    return true;
}
