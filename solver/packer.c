/* packer.c - what there is to pack: checks, lives, the bound, the overlap
 * graph. */
#include "packer.h"

#include "arena.h"
#include "checked.h"

#include <inttypes.h>
#include <stdlib.h>

#define EDGES_MAX (UINT64_C(1) << 22)    /* neighbour entries that are kept */

static int by_lower(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    if (x->lower != y->lower)
        return x->lower < y->lower ? -1 : 1;
    return x->box < y->box ? -1 : x->box > y->box;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a < b && c < d && a < d && c < b;
}

static bool meet(const struct atm_pack_box *a, const struct atm_pack_box *b)
{
    return overlap(a->lower, a->upper, b->lower, b->upper) ||
           overlap(a->lower, a->upper, b->lower2, b->upper2) ||
           overlap(a->lower2, a->upper2, b->lower, b->upper) ||
           overlap(a->lower2, a->upper2, b->lower2, b->upper2);
}

static enum atm_status check_boxes(const struct atm_pack_box *box, uint32_t n)
{
    uint64_t sum = 0, top, up;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct atm_pack_box *b = &box[i];

        if (b->lower > b->upper || b->lower2 > b->upper2)
            return atm_fail(ATM_INVAL, "box %" PRIu32 ": it ends before it "
                            "begins", i);
        /* the sum of all sizes, each rounded, bounds every offset */
        if (!atm_round_up(b->bytes, atm__box_align(b), &up) ||
            !atm_add_u64(sum, up, &sum) ||
            !atm_add_u64(sum, atm__box_align(b), &sum) ||
            (b->fixed && (!atm_add_u64(b->offset, b->bytes, &top) ||
                          !atm_add_u64(sum, top, &sum))) ||
            sum > INT64_MAX)
            return atm_fail(ATM_INVAL, "box %" PRIu32 ": the sizes add up to "
                            "more than 2^63 bytes", i);
        if (b->fixed && b->offset % atm__box_align(b))
            return atm_fail(ATM_INVAL, "box %" PRIu32 ": its fixed offset "
                            "%" PRIu64 " is no multiple of %" PRIu64, i,
                            b->offset, atm__box_align(b));
    }
    return ATM_OK;
}

static enum atm_status check_fixed(const struct packer *p)
{
    uint32_t i, j;

    for (i = 0; i < p->n; i++) {
        const struct atm_pack_box *a = &p->box[i], *b;

        if (!a->fixed || !a->bytes)
            continue;
        for (j = 0; j < i; j++) {
            b = &p->box[j];
            if (b->fixed && b->bytes && a->offset < b->offset + b->bytes &&
                b->offset < a->offset + a->bytes && meet(a, b))
                return atm_fail(ATM_INVAL, "boxes %" PRIu32 " and %" PRIu32
                                ": their fixed places overlap", j, i);
        }
    }
    return ATM_OK;
}

static enum atm_status make_intervals(struct packer *p)
{
    uint32_t i;

    p->interval = atm_arena_array(p->arena, 2 * (size_t)p->n,
                                  sizeof(*p->interval));
    if (!p->interval)
        return ATM_NOMEM;
    for (i = 0; i < p->n; i++) {
        const struct atm_pack_box *b = &p->box[i];

        if (!b->bytes)
            continue;
        if (b->lower < b->upper)
            p->interval[p->n_intervals++] =
                (struct interval){b->lower, b->upper, i};
        if (b->lower2 < b->upper2)
            p->interval[p->n_intervals++] =
                (struct interval){b->lower2, b->upper2, i};
    }
    qsort(p->interval, p->n_intervals, sizeof(*p->interval), by_lower);
    return ATM_OK;
}

/* Counts the edges of each box, or with `fill` (where each box's next edge
 * goes) writes them; stops beyond EDGES_MAX. */
static uint64_t sweep_pairs(struct packer *p, uint32_t *live, uint64_t *fill)
{
    uint64_t pairs = 0;
    uint32_t n_live = 0, i, j;

    for (i = 0; i < p->n_intervals; i++) {
        const struct interval *a = &p->interval[i];

        for (j = 0; j < n_live;) {
            const struct interval *b = &p->interval[live[j]];

            if (b->upper <= a->lower) {
                live[j] = live[--n_live];
                continue;
            }
            j++;
            if (a->box == b->box)
                continue;
            pairs += 2;
            if (fill) {
                p->edge[fill[a->box]++] = b->box;
                p->edge[fill[b->box]++] = a->box;
            } else {
                p->first_edge[a->box + 1]++;
                p->first_edge[b->box + 1]++;
            }
        }
        live[n_live++] = i;
        if (pairs > EDGES_MAX)
            break;
    }
    return pairs;
}

static enum atm_status make_edges(struct packer *p)
{
    uint32_t *live = atm_arena_array(p->arena, p->n_intervals, sizeof(*live));
    uint64_t *fill, pairs;
    uint32_t i;

    p->first_edge = atm_arena_array(p->arena, (size_t)p->n + 1,
                                    sizeof(*p->first_edge));
    fill = atm_arena_array(p->arena, p->n, sizeof(*fill));
    if (!live || !p->first_edge || !fill)
        return ATM_NOMEM;
    pairs = sweep_pairs(p, live, NULL);
    if (pairs > EDGES_MAX) {
        p->first_edge = NULL;
        return ATM_OK;
    }
    for (i = 0; i < p->n; i++) {
        p->first_edge[i + 1] += p->first_edge[i];
        fill[i] = p->first_edge[i];
    }
    p->edge = atm_arena_array(p->arena, pairs, sizeof(*p->edge));
    if (!p->edge)
        return ATM_NOMEM;
    (void)sweep_pairs(p, live, fill);
    return ATM_OK;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t find_time(const uint32_t *time, uint32_t n, uint32_t t)
{
    uint32_t lo = 0, hi = n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (time[mid] < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Live bytes over compressed time: the bound, and for each box the greatest
 * sum that it is part of (a sparse table answers range maxima). */
static enum atm_status live_profile(struct packer *p)
{
    uint32_t n = p->n_intervals, nt = 0, i, level, levels = 1;
    uint32_t *time = atm_arena_array(p->arena, 2 * (size_t)n + 1,
                                     sizeof(*time));
    uint64_t **max;

    while ((UINT64_C(1) << levels) <= 2 * (uint64_t)n + 1)
        levels++;
    max = atm_arena_array(p->arena, levels, sizeof(*max));
    p->contention = atm_arena_array(p->arena, p->n, sizeof(double));
    if (!time || !max || !p->contention)
        return ATM_NOMEM;
    for (i = 0; i < n; i++) {
        time[2 * i] = p->interval[i].lower;
        time[2 * i + 1] = p->interval[i].upper;
    }
    qsort(time, 2 * (size_t)n, sizeof(*time), by_time);
    for (i = 0; i < 2 * n; i++)
        if (!i || time[i] != time[nt - 1])
            time[nt++] = time[i];
    for (level = 0; level < levels; level++) {
        max[level] = atm_arena_array(p->arena, (size_t)nt + 1, sizeof(**max));
        if (!max[level])
            return ATM_NOMEM;
    }
    for (i = 0; i < n; i++) { /* differences, modulo 2^64 */
        const struct interval *v = &p->interval[i];

        max[0][find_time(time, nt, v->lower)] += p->box[v->box].bytes;
        max[0][find_time(time, nt, v->upper)] -= p->box[v->box].bytes;
    }
    for (i = 1; i < nt; i++)
        max[0][i] += max[0][i - 1];
    for (i = 0; i < nt; i++)
        if (max[0][i] > p->bound)
            p->bound = max[0][i];
    for (level = 1; level < levels; level++)
        for (i = 0; i < nt; i++) {
            uint32_t other = i + (UINT32_C(1) << (level - 1));
            uint64_t a = max[level - 1][i];
            uint64_t b = other < nt ? max[level - 1][other] : 0;

            max[level][i] = a > b ? a : b;
        }
    for (i = 0; i < n; i++) {
        const struct interval *v = &p->interval[i];
        uint32_t lo = find_time(time, nt, v->lower);
        uint32_t len = find_time(time, nt, v->upper) - lo;
        uint64_t a, b;

        for (level = 0; UINT32_C(2) << level <= len; level++)
            ;
        a = max[level][lo];
        b = max[level][lo + len - (UINT32_C(1) << level)];
        a = a > b ? a : b;
        if ((double)a > p->contention[v->box])
            p->contention[v->box] = (double)a;
    }
    return ATM_OK;
}

static enum atm_status make_lists(struct packer *p)
{
    uint32_t i;

    p->order = atm_arena_array(p->arena, p->n, sizeof(*p->order));
    p->pos = atm_arena_array(p->arena, p->n, sizeof(*p->pos));
    p->off = atm_arena_array(p->arena, p->n, sizeof(*p->off));
    p->best_off = atm_arena_array(p->arena, p->n, sizeof(*p->off));
    p->saved_off = atm_arena_array(p->arena, p->n, sizeof(*p->off));
    p->high = atm_arena_array(p->arena, p->n, sizeof(*p->high));
    p->level = atm_arena_array(p->arena, p->n, sizeof(*p->level));
    p->saved_high = atm_arena_array(p->arena, p->n, sizeof(*p->high));
    p->span = atm_arena_array(p->arena, 4 * (size_t)p->n, sizeof(*p->span));
    if (!p->order || !p->pos || !p->off || !p->best_off || !p->saved_off ||
        !p->span || !p->high || !p->saved_high || !p->level)
        return ATM_NOMEM;
    for (i = 0; i < p->n; i++) {
        const struct atm_pack_box *b = &p->box[i];
        uint64_t top = b->bytes;

        p->pos[i] = -1;
        if (b->fixed) {
            p->off[i] = b->offset;
            top += b->offset;
        } else if (b->bytes) {
            p->order[p->n_order++] = i;
        }
        /* every box lies inside the pool, even one that is never live */
        if (top > p->floor)
            p->floor = top;
    }
    return ATM_OK;
}

enum atm_status atm__packer_init(struct packer *p)
{
    enum atm_status st = check_boxes(p->box, p->n);

    if (st == ATM_OK)
        st = check_fixed(p);
    if (st == ATM_OK)
        st = make_intervals(p);
    if (st == ATM_OK)
        st = live_profile(p);
    if (st == ATM_OK)
        st = make_lists(p);
    if (st == ATM_OK)
        st = make_edges(p);
    if (p->floor > p->bound)
        p->bound = p->floor;
    return st;
}
