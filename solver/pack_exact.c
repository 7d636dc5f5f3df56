/* pack_exact.c - address assignment by exact search, after the ideas of
 * MiniMalloc (Moffitt 2023, "MiniMalloc: A Lightweight Memory Allocator for
 * Hardware-Accelerated Machine Learning", ASPLOS).
 *
 * From it: only packings pushed down as far as they go (canonical ones) are
 * looked at; time is cut into sections, and what is free below the lowest box
 * that is still to come in a section is lost there, so that the lowest offset
 * and the bytes to come prune; parts of time that no box joins any more are
 * solved one by one. The branching is that of set times in scheduling (Le Pape
 * et al. 1994): a box that nothing can go below lies at its lowest offset, or
 * it rests on a neighbour that is still to come, which raises its lowest
 * offset. Sections are propagated like one-machine problems: no box is the
 * lowest in a section that would then overflow.
 *
 * Why this is complete: push down any packing. Each box then lies at the
 * lowest place above the boxes below it that fixed boxes leave free. A box c
 * is chosen only while its lowest offset is below the top of each neighbour
 * to come, so none of these is below c if c lies there; else one is.
 */
#include "pack_exact.h"

#include "arena.h"
#include "clock.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_WORK 100000             /* looks between two at the clock */
#define FIRST_SLICE UINT64_C(2000000) /* of work, each rule; then doubled */
#define SHAKE 0.4

/* Which of the lowest boxes is placed first: the first and second key of three
 * orders, each with and without the fullest section before all. None solves
 * all of MiniMalloc's sets; each solves one that the others do not. */
enum { BY_LIFE, BY_TOTAL_AREA, BY_TOTAL_LIFE, ORDERS, RULES = 2 * ORDERS };

struct old { /* a lowest offset, or from n on a section's height, before */
    uint32_t item;
    uint64_t off;
};

struct item {
    uint32_t box;
    uint32_t lo[2], hi[2]; /* sections [lo, hi), perhaps two runs */
    uint64_t bytes, align, off;
    double key[2]; /* of the rule; greater is first */
    bool placed;
};

struct exact {
    const struct atm_pack_box *box;
    struct atm_arena *arena;
    uint64_t capacity, work, stop, next_clock;
    double deadline;
    bool gave_up, no_memory, fullest_first;
    uint32_t n, n_sections;
    struct item *item;               /* by first section */
    uint64_t *low;                   /* per section: bound on its height */
    double *total;                   /* per section: bytes of all */
    uint32_t *first_member, *member; /* of each section */
    uint32_t *first_near, *near;     /* neighbours of each item */
    uint32_t *first_wall, *wall;     /* fixed boxes that an item meets */
    uint32_t n_dirty, *dirty;
    uint8_t *is_dirty;
    uint32_t *by_off;
    struct old *trail;
    uint32_t n_trail, cap_trail;
};

static bool spent(struct exact *x)
{
    if (x->work > x->stop)
        x->gave_up = true;
    if (x->deadline > 0 && x->work > x->next_clock) {
        x->next_clock = x->work + CLOCK_WORK;
        if (atm_now_s() > x->deadline)
            x->gave_up = true;
    }
    return x->gave_up;
}

static void touch(struct exact *x, const struct item *a)
{
    uint32_t r, t;

    for (r = 0; r < 2; r++)
        for (t = a->lo[r]; t < a->hi[r]; t++)
            if (!x->is_dirty[t]) {
                x->is_dirty[t] = 1;
                x->dirty[x->n_dirty++] = t;
            }
}

/* The lowest offset from `off` that is aligned and free of fixed boxes, which
 * are listed from low to high. */
static uint64_t fit(const struct exact *x, uint32_t i, uint64_t off)
{
    const struct item *a = &x->item[i];
    uint64_t align = a->align;
    uint32_t j;

    off = (off + align - 1) / align * align;
    for (j = x->first_wall[i]; j < x->first_wall[i + 1]; j++) {
        const struct atm_pack_box *w = &x->box[x->wall[j]];

        if (w->offset < off + a->bytes && off < w->offset + w->bytes)
            off = (w->offset + w->bytes + align - 1) / align * align;
    }
    return off;
}

/* Raises the lowest offset of an item; false: it ends above the capacity. */
static bool raise_to(struct exact *x, uint32_t i, uint64_t off)
{
    struct item *a = &x->item[i];

    if (off <= a->off)
        return true;
    off = fit(x, i, off);
    x->trail[x->n_trail++] = (struct old){i, a->off};
    a->off = off;
    touch(x, a);
    return off + a->bytes <= x->capacity;
}

/* One section: false where what is to come cannot fit; raises what cannot be
 * the lowest. */
static bool section(struct exact *x, uint32_t t)
{
    uint64_t top1 = UINT64_MAX, top2 = UINT64_MAX, after = 0, low = 0, top;
    uint32_t n = 0, i, j, lowest = 0;

    for (j = x->first_member[t]; j < x->first_member[t + 1]; j++) {
        uint32_t at;

        i = x->member[j];
        x->work++;
        if (x->item[i].placed)
            continue;
        for (at = n++; at && x->item[x->by_off[at - 1]].off > x->item[i].off;
             at--)
            x->by_off[at] = x->by_off[at - 1];
        x->by_off[at] = i;
        top = x->item[i].off + x->item[i].bytes;
        if (top < top1) {
            top2 = top1;
            top1 = top;
            lowest = i;
        } else if (top < top2) {
            top2 = top;
        }
    }
    for (j = n; j-- > 0;) {
        after += x->item[x->by_off[j]].bytes;
        top = x->item[x->by_off[j]].off + after;
        low = top > low ? top : low;
    }
    if (low != x->low[t]) {
        x->trail[x->n_trail++] = (struct old){x->n + t, x->low[t]};
        x->low[t] = low;
    }
    if (low > x->capacity)
        return false;
    for (j = n; j-- > 0;) {
        i = x->by_off[j];
        if (x->item[i].off + after <= x->capacity)
            break;
        if (!raise_to(x, i, i == lowest ? top2 : top1))
            return false;
    }
    return true;
}

/* Room on the trail for raising every item once, and a section's height. */
static void make_room(struct exact *x)
{
    struct old *grown;

    if (x->n_trail + x->n < x->cap_trail)
        return;
    grown = atm_arena_grow(x->arena, x->trail, &x->cap_trail, 2 * x->cap_trail,
                           sizeof(*grown));
    if (grown)
        x->trail = grown;
    else
        x->no_memory = x->gave_up = true;
}

/* Empties the queue of sections, even where `ok` is false already. */
static bool propagate(struct exact *x, bool ok)
{
    while (x->n_dirty) {
        uint32_t t = x->dirty[--x->n_dirty];

        x->is_dirty[t] = 0;
        if (ok)
            make_room(x);
        ok = ok && !spent(x) && section(x, t);
    }
    return ok;
}

static void undo(struct exact *x, uint32_t mark)
{
    while (x->n_trail > mark) {
        struct old o = x->trail[--x->n_trail];

        if (o.item < x->n)
            x->item[o.item].off = o.off;
        else
            x->low[o.item - x->n] = o.off;
    }
}

static bool place(struct exact *x, uint32_t i)
{
    uint64_t top = x->item[i].off + x->item[i].bytes;
    bool ok;
    uint32_t j;

    x->item[i].placed = true;
    touch(x, &x->item[i]);
    make_room(x);
    ok = !x->gave_up;
    for (j = x->first_near[i]; j < x->first_near[i + 1] && ok; j++)
        if (!x->item[x->near[j]].placed)
            ok = raise_to(x, x->near[j], top);
    x->work += x->first_near[i + 1] - x->first_near[i];
    return propagate(x, ok);
}

/* The least top of the neighbours to come; UINT64_MAX: there are none. */
static uint64_t least_top(struct exact *x, uint32_t i)
{
    uint64_t least = UINT64_MAX, top;
    uint32_t j;

    for (j = x->first_near[i]; j < x->first_near[i + 1]; j++) {
        const struct item *b = &x->item[x->near[j]];

        top = b->off + b->bytes;
        if (!b->placed && top < least)
            least = top;
    }
    x->work += x->first_near[i + 1] - x->first_near[i];
    return least;
}

static uint64_t fullest(struct exact *x, const struct item *a)
{
    uint64_t most = 0;
    uint32_t r, t;

    for (r = 0; r < 2; r++)
        for (t = a->lo[r]; t < a->hi[r]; t++)
            most = x->low[t] > most ? x->low[t] : most;
    x->work += a->hi[0] - a->lo[0];
    return most;
}

static bool goes_first(const struct item *a, const struct item *b)
{
    return a->key[0] > b->key[0] ||
           (a->key[0] == b->key[0] && a->key[1] > b->key[1]);
}

/* The box to branch on, one of the lowest, and where it lies if not there. */
static uint32_t choose(struct exact *x, const uint32_t *set, uint32_t n,
                       uint64_t *top)
{
    uint64_t low = UINT64_MAX, f, best_f = 0;
    uint32_t best = set[0], i, j;

    for (i = 0; i < n; i++)
        low = x->item[set[i]].off < low ? x->item[set[i]].off : low;
    for (i = j = 0; i < n; i++) {
        const struct item *a = &x->item[set[i]];

        if (a->off > low)
            continue;
        f = x->fullest_first ? fullest(x, a) : 0;
        if (!j++ || f > best_f ||
            (f == best_f && goes_first(a, &x->item[best]))) {
            best = set[i];
            best_f = f;
        }
    }
    x->work += 4 * (uint64_t)n; /* with what solve does for each */
    *top = least_top(x, best);
    return best;
}

static bool solve(struct exact *x, const uint32_t *set, uint32_t n,
                  uint32_t *stack);

/* Runs of time that no box to come joins are solved one by one: false where
 * there is one run only. */
static bool solve_runs(struct exact *x, const uint32_t *set, uint32_t n,
                       uint32_t *stack, bool *ok)
{
    uint32_t i, end = 0, begin = 0;

    *ok = true;
    for (i = 0; i < n; i++) /* over the boundary: joins both ends */
        if (x->item[set[i]].lo[1] < x->item[set[i]].hi[1])
            return false;
    for (i = 0; i < n && *ok; i++) {
        if (i && x->item[set[i]].lo[0] >= end) {
            *ok = solve(x, set + begin, i - begin, stack);
            begin = i;
        }
        if (x->item[set[i]].hi[0] > end)
            end = x->item[set[i]].hi[0];
    }
    if (!begin)
        return false;
    *ok = *ok && solve(x, set + begin, n - begin, stack);
    return true;
}

/* Places the items of the set, which is in the order of their begins; the
 * stack is free. On failure all is as it was. */
static bool solve(struct exact *x, const uint32_t *set, uint32_t n,
                  uint32_t *stack)
{
    uint32_t mark = x->n_trail, branch, c, i, m;
    uint64_t top;
    bool ok;

    if (n == 1) {
        x->item[set[0]].placed = true;
        return true;
    }
    if (n == 0 || solve_runs(x, set, n, stack, &ok)) {
        if (n == 0 || ok)
            return true;
        for (i = 0; i < n; i++)
            x->item[set[i]].placed = false;
        undo(x, mark);
        return false;
    }
    while (!spent(x)) {
        c = choose(x, set, n, &top);
        branch = x->n_trail;
        for (i = m = 0; i < n; i++)
            if (set[i] != c)
                stack[m++] = set[i];
        if (place(x, c) && solve(x, stack, m, stack + m))
            return true;
        x->item[c].placed = false;
        undo(x, branch);
        make_room(x);
        if (x->gave_up || top == UINT64_MAX ||
            !propagate(x, raise_to(x, c, top)))
            break;
    }
    undo(x, mark);
    return false;
}

/* ---- setting up ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int by_begin(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->lo[0] != y->lo[0])
        return x->lo[0] < y->lo[0] ? -1 : 1;
    return x->box < y->box ? -1 : x->box > y->box;
}

static uint32_t section_of(const uint32_t *time, uint32_t n, uint32_t t)
{
    return (
        uint32_t)((const uint32_t *)bsearch(&t, time, n, sizeof(t), by_number) -
                  time);
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

static void make_item(struct item *a, const struct atm_pack_box *b,
                      const uint32_t *time, uint32_t nt)
{
    *a = (struct item){.bytes = b->bytes, .align = b->align ? b->align : 1};
    if (b->lower < b->upper) {
        a->lo[0] = section_of(time, nt, b->lower);
        a->hi[0] = section_of(time, nt, b->upper);
    }
    if (b->lower2 < b->upper2) {
        a->lo[1] = section_of(time, nt, b->lower2);
        a->hi[1] = section_of(time, nt, b->upper2);
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
    uint32_t *time = atm_arena_array(x->arena, 4 * (size_t)n, sizeof(*time));
    uint32_t nt = 0, all = 0, i;
    struct item *w = atm_arena_array(x->arena, n, sizeof(*w));

    x->item = atm_arena_array(x->arena, n, sizeof(*x->item));
    if (!time || !x->item || !w)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        if (is_live(&x->box[i])) {
            const struct atm_pack_box *b = &x->box[i];

            memcpy(&time[all], (uint32_t[]){b->lower, b->upper}, 8);
            all += b->lower < b->upper ? 2 : 0;
            memcpy(&time[all], (uint32_t[]){b->lower2, b->upper2}, 8);
            all += b->lower2 < b->upper2 ? 2 : 0;
        }
    qsort(time, all, sizeof(*time), by_number);
    for (i = 0; i < all; i++)
        if (!i || time[i] != time[nt - 1])
            time[nt++] = time[i];
    x->n_sections = nt;
    for (*n_wall = i = 0; i < n; i++) {
        struct item *a = x->box[i].fixed ? &w[*n_wall] : &x->item[x->n];

        if (!is_live(&x->box[i]))
            continue;
        make_item(a, &x->box[i], time, nt);
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

static enum atm_status set_up(struct exact *x, uint32_t n)
{
    struct item *wall;
    uint32_t n_wall;
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
    x->by_off = atm_arena_array(x->arena, x->n, sizeof(*x->by_off));
    x->cap_trail = 4 * x->n + 64;
    x->trail = atm_arena_array(x->arena, x->cap_trail, sizeof(*x->trail));
    return x->low && x->dirty && x->is_dirty && x->by_off && x->trail
               ? ATM_OK
               : ATM_NOMEM;
}

/* From the second round on, keys are shaken: what a rule misses by an
 * unlucky choice near the root, another draw finds. */
static void set_keys(struct exact *x, uint32_t order, uint32_t round)
{
    uint32_t i, r, t;

    for (i = 0; i < x->n; i++) {
        struct item *a = &x->item[i];
        const struct atm_pack_box *b = &x->box[a->box];
        double life =
            (double)(b->upper - b->lower) + (double)(b->upper2 - b->lower2);
        double shake = 1 + SHAKE * (atm_rng_f64(round, i) - 0.5);
        double most = 0;

        for (r = 0; r < 2; r++)
            for (t = a->lo[r]; t < a->hi[r]; t++)
                most = x->total[t] > most ? x->total[t] : most;
        shake = round ? shake : 1;
        a->key[0] = shake * (order == BY_LIFE ? life : most);
        a->key[1] =
            shake * (order == BY_TOTAL_LIFE ? life : life * (double)a->bytes);
    }
}

/* One try: from the root, by one rule, with so much work. */
static bool try_rule(struct exact *x, uint32_t *stack, uint32_t rule,
                     uint32_t round)
{
    uint32_t i;
    bool ok = true;

    set_keys(x, rule % ORDERS, round);
    x->fullest_first = rule >= ORDERS;
    x->gave_up = false;
    x->n_trail = x->n_dirty = 0;
    for (i = 0; i < x->n; i++) {
        stack[i] = i;
        x->item[i].placed = false;
        x->item[i].off = fit(x, i, 0);
        ok = ok && x->item[i].off + x->item[i].bytes <= x->capacity;
        touch(x, &x->item[i]);
    }
    return propagate(x, ok) && solve(x, stack, x->n, stack + x->n);
}

enum atm_status atm__pack_exact(const struct atm_pack_box *box, uint32_t n,
                                uint64_t capacity, uint64_t *work,
                                double deadline, uint64_t *off,
                                enum atm__exact *result)
{
    struct exact x = {.box = box,
                      .capacity = capacity,
                      .deadline = deadline,
                      .arena = atm_arena_new()};
    enum atm_status st = ATM_NOMEM;
    uint64_t slice = FIRST_SLICE;
    uint32_t *stack, i;

    *result = ATM__EXACT_GAVE_UP;
    if (!x.arena)
        return ATM_NOMEM;
    if (n > ATM__EXACT_MAX) {
        *result = ATM__EXACT_TOO_LARGE;
        st = ATM_OK;
        goto err_delete_arena;
    }
    st = set_up(&x, n);
    stack = atm_arena_array(x.arena, (size_t)x.n * (x.n + 1) / 2 + x.n + 1,
                            sizeof(*stack));
    if (!stack)
        st = ATM_NOMEM;
    for (i = 0; !st && x.work < *work; i++) {
        x.stop = x.work + slice < *work ? x.work + slice : *work;
        if (try_rule(&x, stack, i % RULES, i / RULES))
            *result = ATM__EXACT_FOUND;
        else if (!x.gave_up)
            *result = ATM__EXACT_NONE;
        if (x.no_memory)
            st = ATM_NOMEM;
        if (*result != ATM__EXACT_GAVE_UP ||
            (deadline > 0 && atm_now_s() > deadline))
            break;
        slice += i % RULES == RULES - 1 ? slice : 0;
    }
    *work -= x.work < *work ? x.work : *work;
    for (i = 0; !st && *result == ATM__EXACT_FOUND && i < n; i++)
        off[i] = box[i].fixed ? box[i].offset : 0;
    for (i = 0; !st && *result == ATM__EXACT_FOUND && i < x.n; i++)
        off[x.item[i].box] = x.item[i].off;

err_delete_arena:
    atm_arena_delete(x.arena);
    return st;
}
