/* pack_state.c - what the exact search of pack_exact.c works on: items,
 * sections of time, who meets whom. */
#include "pack_state.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

static int by_begin(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->lo[0] != y->lo[0])
        return x->lo[0] < y->lo[0] ? -1 : 1;
    return x->box < y->box ? -1 : x->box > y->box;
}

/* A moment at which lives begin or end, and the sections there. A section is a
 * run of moments at which none has ended since the first that began: all that
 * is live in the run is live at once. */
struct moment {
    uint32_t time, begin, end;
    bool begins, ends;
};

static int by_time(const void *a, const void *b)
{
    uint32_t x = ((const struct moment *)a)->time;
    uint32_t y = ((const struct moment *)b)->time;

    return x < y ? -1 : x > y;
}

static const struct moment *moment_of(const struct moment *m, uint32_t n,
                                      uint32_t time)
{
    struct moment key = {.time = time};

    return bsearch(&key, m, n, sizeof(*m), by_time);
}

/* Sorts the moments, joins those of one time, numbers the sections. */
static uint32_t number_sections(struct moment *m, uint32_t *n)
{
    uint32_t joined = 0, sections = 0, i;
    bool ended = true;

    qsort(m, *n, sizeof(*m), by_time);
    for (i = 0; i < *n; i++)
        if (joined && m[joined - 1].time == m[i].time) {
            m[joined - 1].begins |= m[i].begins;
            m[joined - 1].ends |= m[i].ends;
        } else {
            m[joined++] = m[i];
        }
    for (i = 0; i < joined; i++) {
        m[i].end = sections;
        ended |= m[i].ends;
        sections += ended && m[i].begins;
        ended &= !m[i].begins;
        m[i].begin = sections - 1;
    }
    *n = joined;
    return sections;
}

static bool meet(const struct item *a, const struct item *b)
{
    uint32_t i, j;

    for (i = 0; i < 2; i++)
        for (j = 0; j < 2; j++)
            if (a->lo[i] < b->hi[j] && b->lo[j] < a->hi[i] &&
                a->lo[i] < a->hi[i] && b->lo[j] < b->hi[j])
                return true;
    return false;
}

static bool is_live(const struct atm_pack_box *b)
{
    return b->bytes && (b->lower < b->upper || b->lower2 < b->upper2);
}

static uint32_t add_moments(struct moment *m, uint32_t n, uint32_t lower,
                            uint32_t upper)
{
    if (lower >= upper)
        return n;
    m[n++] = (struct moment){.time = lower, .begins = true};
    m[n++] = (struct moment){.time = upper, .ends = true};
    return n;
}

static void make_item(struct item *a, const struct atm_pack_box *b,
                      const struct moment *m, uint32_t n)
{
    *a = (struct item){.bytes = b->bytes, .align = b->align ? b->align : 1};
    if (b->lower < b->upper) {
        a->lo[0] = moment_of(m, n, b->lower)->begin;
        a->hi[0] = moment_of(m, n, b->upper)->end;
    }
    if (b->lower2 < b->upper2) {
        a->lo[1] = moment_of(m, n, b->lower2)->begin;
        a->hi[1] = moment_of(m, n, b->upper2)->end;
    }
    if (a->lo[0] == a->hi[0]) { /* one interval is the first */
        a->lo[0] = a->lo[1];
        a->hi[0] = a->hi[1];
        a->lo[1] = a->hi[1] = 0;
    }
}

static bool is_item(const struct atm_pack_box *b)
{
    return !b->fixed && is_live(b);
}

static enum atm_status make_items(struct exact *x, uint32_t n)
{
    struct moment *m = atm_arena_array(x->arena, 4 * (size_t)n, sizeof(*m));
    uint32_t nm = 0, i;

    x->item = atm_arena_array(x->arena, n, sizeof(*x->item));
    if (!m || !x->item)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        if (is_item(&x->box[i])) {
            const struct atm_pack_box *b = &x->box[i];

            nm = add_moments(m, nm, b->lower, b->upper);
            nm = add_moments(m, nm, b->lower2, b->upper2);
        }
    x->n_sections = number_sections(m, &nm);
    for (i = 0; i < n; i++)
        if (is_item(&x->box[i])) {
            make_item(&x->item[x->n], &x->box[i], m, nm);
            x->item[x->n++].box = i;
        }
    qsort(x->item, x->n, sizeof(*x->item), by_begin);
    return ATM_OK;
}

static enum atm_status make_members(struct exact *x)
{
    uint32_t *fill =
        atm_arena_array(x->arena, (size_t)x->n_sections + 1, sizeof(*fill));
    uint64_t all = 0;
    uint32_t pass, i, r, t;

    x->first_member = fill;
    x->total = atm_arena_array(x->arena, x->n_sections, sizeof(*x->total));
    if (!fill || !x->total)
        return ATM_NOMEM;
    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < x->n; i++)
            for (r = 0; r < 2; r++)
                for (t = x->item[i].lo[r]; t < x->item[i].hi[r]; t++) {
                    all++;
                    x->total[t] += pass ? (double)x->item[i].bytes : 0;
                    if (pass)
                        x->member[fill[t]++] = i;
                    else
                        fill[t + 1]++;
                }
        if (pass)
            break;
        for (t = 0; t < x->n_sections; t++)
            fill[t + 1] += fill[t];
        x->member = atm_arena_array(x->arena, all, sizeof(*x->member));
        if (!x->member)
            return ATM_NOMEM;
    }
    memmove(fill + 1, fill, x->n_sections * sizeof(*fill));
    fill[0] = 0;
    return ATM_OK;
}

/* Lists the items that each item meets. */
static enum atm_status make_near(struct exact *x)
{
    uint32_t cap = 0, n = 0, i, j, *grown;

    x->first_near =
        atm_arena_array(x->arena, (size_t)x->n + 1, sizeof(*x->first_near));
    if (!x->first_near)
        return ATM_NOMEM;
    for (i = 0; i < x->n; i++) {
        grown =
            atm_arena_grow(x->arena, x->near, &cap, n + x->n, sizeof(*grown));
        if (!grown)
            return ATM_NOMEM;
        x->near = grown;
        for (j = 0; j < x->n; j++)
            if (j != i && meet(&x->item[i], &x->item[j]))
                grown[n++] = j;
        x->first_near[i + 1] = n;
    }
    return ATM_OK;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a < b && c < d && a < d && c < b;
}

static bool boxes_meet(const struct atm_pack_box *a,
                       const struct atm_pack_box *b)
{
    return overlap(a->lower, a->upper, b->lower, b->upper) ||
           overlap(a->lower, a->upper, b->lower2, b->upper2) ||
           overlap(a->lower2, a->upper2, b->lower, b->upper) ||
           overlap(a->lower2, a->upper2, b->lower2, b->upper2);
}

static int by_offset(const void *a, const void *b)
{
    const struct atm_pack_box *x = *(const struct atm_pack_box *const *)a;
    const struct atm_pack_box *y = *(const struct atm_pack_box *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Lists the walls of each item, from low to high: fixed boxes that it meets,
 * as one where nothing of its size fits between. */
static enum atm_status make_walls(struct exact *x, uint32_t n)
{
    const struct atm_pack_box **fixed =
        atm_arena_array(x->arena, n, sizeof(*fixed));
    uint32_t cap = 0, n_fixed = 0, all = 0, i, j;

    x->first_wall =
        atm_arena_array(x->arena, (size_t)x->n + 1, sizeof(*x->first_wall));
    if (!fixed || !x->first_wall)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        if (x->box[i].fixed && is_live(&x->box[i]))
            fixed[n_fixed++] = &x->box[i];
    qsort(fixed, n_fixed, sizeof(*fixed), by_offset);
    for (i = 0; i < x->n; i++) {
        for (j = 0; j < n_fixed; j++) {
            uint64_t low = fixed[j]->offset, high = low + fixed[j]->bytes;
            struct wall *w;

            if (!boxes_meet(&x->box[x->item[i].box], fixed[j]))
                continue;
            w = all > x->first_wall[i] ? &x->wall[all - 1] : NULL;
            if (w && low < w->high + x->item[i].bytes) {
                w->high = high > w->high ? high : w->high;
                continue;
            }
            w = atm_arena_grow(x->arena, x->wall, &cap, all + 1, sizeof(*w));
            if (!w)
                return ATM_NOMEM;
            x->wall = w;
            w[all++] = (struct wall){low, high};
        }
        x->first_wall[i + 1] = all;
    }
    return ATM_OK;
}

/* Boxes of one life, size and alignment can be told from each other by their
 * number only. */
static uint32_t first_twin(const struct exact *x, uint32_t i)
{
    const struct item *a = &x->item[i];
    uint32_t j;

    for (j = x->first_near[i]; j < x->first_near[i + 1]; j++) {
        const struct item *b = &x->item[x->near[j]];

        if (x->near[j] < i && a->bytes == b->bytes && a->align == b->align &&
            memcmp(a->lo, b->lo, sizeof(a->lo)) == 0 &&
            memcmp(a->hi, b->hi, sizeof(a->hi)) == 0)
            return x->near[j];
    }
    return i;
}

enum atm_status atm__exact_set_up(struct exact *x, uint32_t n)
{
    enum atm_status st = make_items(x, n);
    uint32_t i;

    if (!st)
        st = make_members(x);
    if (!st)
        st = make_near(x);
    if (!st)
        st = make_walls(x, n);
    if (st)
        return st;
    x->low = atm_arena_array(x->arena, x->n_sections, sizeof(*x->low));
    x->dirty = atm_arena_array(x->arena, x->n_sections, sizeof(*x->dirty));
    x->is_dirty = atm_arena_array(x->arena, x->n_sections, 1);
    x->first_open = atm_arena_memdup(x->arena, x->first_member,
                                     x->n_sections * sizeof(*x->first_open));
    x->placed = atm_arena_array(x->arena, x->n, sizeof(*x->placed));
    x->off = atm_arena_array(x->arena, x->n, sizeof(*x->off));
    x->bytes = atm_arena_array(x->arena, x->n, sizeof(*x->bytes));
    x->cap_trail = 4 * x->n + 64;
    x->trail = atm_arena_array(x->arena, x->cap_trail, sizeof(*x->trail));
    if (!x->low || !x->dirty || !x->is_dirty || !x->first_open || !x->placed ||
        !x->off || !x->bytes || !x->trail)
        return ATM_NOMEM;
    for (i = 0; i < x->n; i++) {
        x->bytes[i] = x->item[i].bytes;
        x->item[i].twin = first_twin(x, i);
    }
    return ATM_OK;
}
