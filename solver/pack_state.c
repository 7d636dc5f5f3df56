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

/* Items, and after them the live fixed boxes in `wall`. */
static enum atm_status make_items(struct exact *x, uint32_t n,
                                  struct item **wall, uint32_t *n_wall)
{
    struct moment *m = atm_arena_array(x->arena, 4 * (size_t)n, sizeof(*m));
    struct item *w = atm_arena_array(x->arena, n, sizeof(*w));
    uint32_t nm = 0, i;

    x->item = atm_arena_array(x->arena, n, sizeof(*x->item));
    if (!m || !x->item || !w)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        if (is_live(&x->box[i])) {
            const struct atm_pack_box *b = &x->box[i];

            nm = add_moments(m, nm, b->lower, b->upper);
            nm = add_moments(m, nm, b->lower2, b->upper2);
        }
    x->n_sections = number_sections(m, &nm);
    for (*n_wall = i = 0; i < n; i++) {
        struct item *a = x->box[i].fixed ? &w[*n_wall] : &x->item[x->n];

        if (!is_live(&x->box[i]))
            continue;
        make_item(a, &x->box[i], m, nm);
        a->box = i;
        *(x->box[i].fixed ? n_wall : &x->n) += 1;
    }
    qsort(x->item, x->n, sizeof(*x->item), by_begin);
    *wall = w;
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

/* Lists, for each item, of those of `other` that it meets. */
static enum atm_status make_lists(struct exact *x, const struct item *other,
                                  uint32_t n_other, uint32_t **first,
                                  uint32_t **list, bool boxes)
{
    uint32_t cap = 0, n = 0, i, j, *grown;

    *list = NULL;
    *first = atm_arena_array(x->arena, (size_t)x->n + 1, sizeof(**first));
    if (!*first)
        return ATM_NOMEM;
    for (i = 0; i < x->n; i++) {
        for (j = 0; j < n_other; j++) {
            if (&other[j] == &x->item[i] || !meet(&x->item[i], &other[j]))
                continue;
            grown =
                atm_arena_grow(x->arena, *list, &cap, n + 1, sizeof(*grown));
            if (!grown)
                return ATM_NOMEM;
            *list = grown;
            grown[n++] = boxes ? other[j].box : j;
        }
        (*first)[i + 1] = n;
    }
    return ATM_OK;
}

static int by_offset(const void *a, const void *b, void *box)
{
    const struct atm_pack_box *all = box;
    uint64_t x = all[((const struct item *)a)->box].offset;
    uint64_t y = all[((const struct item *)b)->box].offset;

    return x < y ? -1 : x > y;
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
    struct item *wall;
    uint32_t n_wall, i;
    enum atm_status st = make_items(x, n, &wall, &n_wall);

    if (!st)
        st = make_members(x);
    if (!st)
        st = make_lists(x, x->item, x->n, &x->first_near, &x->near, false);
    if (st)
        return st;
    qsort_r(wall, n_wall, sizeof(*wall), by_offset, (void *)x->box);
    st = make_lists(x, wall, n_wall, &x->first_wall, &x->wall, true);
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
