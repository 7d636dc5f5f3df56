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
#include "pack_state.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_WORK 100000 /* between two at the clock */
#define TRY_NODES 2      /* of the shortest tries, for each box */

/* Which of the lowest boxes is placed first: that of the greatest
 *     log life + by_bytes log bytes + by_total log total + noise,
 * total being the most bytes at once in its life, perhaps after those of the
 * fullest section. No one rule solves all of MiniMalloc's sets, and what one
 * misses by an unlucky choice near the root costs it all its time. So there
 * are many short tries, each with a rule that is drawn; of each the lengths
 * are those of Luby et al. 1993. Ranges that hold what solved a set in some
 * hundred draws on five of them. */
struct rule {
    double by_bytes, by_total, noise;
    bool fullest_first;
};

bool atm__pack_over(const struct atm__pack_limit *limit)
{
    return (limit->deadline > 0 && atm_now_s() > limit->deadline) ||
           (limit->stop && limit->stop(limit->user));
}

static bool spent(struct exact *x)
{
    if (x->work > x->stop || x->nodes > x->stop_nodes)
        x->gave_up = true;
    if (x->work > x->next_look) {
        x->next_look = x->work + LOOK_WORK;
        if (atm__pack_over(x->limit))
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
                uint32_t at = x->first_dirty + x->n_dirty++;

                x->is_dirty[t] = 1;
                x->dirty[at < x->n_sections ? at : at - x->n_sections] = t;
            }
}

/* The lowest offset from `off` that is aligned and free of walls, which are
 * listed from low to high. */
static uint64_t fit(struct exact *x, uint32_t i, uint64_t off)
{
    const struct item *a = &x->item[i];
    uint64_t align = a->align;
    uint32_t j;

    off = (off + align - 1) / align * align;
    x->work += x->first_wall[i + 1] - x->first_wall[i];
    for (j = x->first_wall[i]; j < x->first_wall[i + 1]; j++) {
        const struct wall *w = &x->wall[j];

        if (w->low < off + a->bytes && off < w->high)
            off = (w->high + align - 1) / align * align;
    }
    return off;
}

/* Raises the lowest offset of an item; false: it ends above the capacity. */
static bool raise_to(struct exact *x, uint32_t i, uint64_t off)
{
    if (off <= x->off[i])
        return true;
    off = fit(x, i, off);
    x->trail[x->n_trail++] = (struct old){i, x->off[i]};
    x->off[i] = off;
    touch(x, &x->item[i]);
    return off + x->bytes[i] <= x->capacity;
}

/* The open members of a section by their offsets: kept so, and changed little
 * since the last time. */
static void sort_open(struct exact *x, uint32_t *member, uint32_t n)
{
    uint32_t i, j;

    for (i = 1; i < n; i++) {
        uint32_t id = member[i];

        for (j = i; j && x->off[member[j - 1]] > x->off[id]; j--)
            member[j] = member[j - 1];
        member[j] = id;
        x->work += i - j;
    }
}

/* One section: false where what is to come cannot fit; raises what cannot be
 * the lowest. */
static bool section(struct exact *x, uint32_t t)
{
    uint64_t top1 = UINT64_MAX, top2 = UINT64_MAX, after = 0, low = 0, top;
    uint32_t *member = x->member + x->first_open[t], i, j, lowest = 0;
    uint32_t n = x->first_member[t + 1] - x->first_open[t];

    sort_open(x, member, n);
    x->work += n;
    for (j = n; j-- > 0;) {
        i = member[j];
        top = x->off[i] + x->bytes[i];
        after += x->bytes[i];
        low = x->off[i] + after > low ? x->off[i] + after : low;
        if (top < top1) {
            top2 = top1;
            top1 = top;
            lowest = i;
        } else if (top < top2) {
            top2 = top;
        }
    }
    if (low != x->low[t]) {
        x->trail[x->n_trail++] = (struct old){x->n + t, x->low[t]};
        x->low[t] = low;
    }
    if (low > x->capacity)
        return false;
    for (j = n; j-- > 0;) {
        i = member[j];
        if (x->off[i] + after <= x->capacity)
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
        uint32_t t = x->dirty[x->first_dirty++];

        x->n_dirty--;
        if (x->first_dirty == x->n_sections)
            x->first_dirty = 0;
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
            x->off[o.item] = o.off;
        else
            x->low[o.item - x->n] = o.off;
    }
}

/* The item leaves the open members of its sections. */
static void close_item(struct exact *x, uint32_t i)
{
    struct item *a = &x->item[i];
    uint32_t r, t, j;

    a->placed = true;
    x->placed[x->n_placed++] = i;
    for (r = 0; r < 2; r++)
        for (t = a->lo[r]; t < a->hi[r]; t++) {
            uint32_t *member = x->member + x->first_open[t]++;

            for (j = 0; member[j] != i; j++)
                ;
            for (; j; j--)
                member[j] = member[j - 1];
            member[0] = i;
        }
}

static void reopen_to(struct exact *x, uint32_t n_placed)
{
    uint32_t r, t;

    while (x->n_placed > n_placed) {
        struct item *a = &x->item[x->placed[--x->n_placed]];

        a->placed = false;
        for (r = 0; r < 2; r++)
            for (t = a->lo[r]; t < a->hi[r]; t++)
                x->first_open[t]--;
    }
}

static bool place(struct exact *x, uint32_t i)
{
    uint64_t top = x->off[i] + x->bytes[i];
    bool ok;
    uint32_t j;

    close_item(x, i);
    touch(x, &x->item[i]);
    make_room(x);
    ok = !x->gave_up;
    for (j = x->first_near[i]; j < x->first_near[i + 1] && ok; j++)
        if (!x->item[x->near[j]].placed)
            ok = raise_to(x, x->near[j], top);
    x->work += x->first_near[i + 1] - x->first_near[i];
    return propagate(x, ok);
}

/* What a branch on an item leads to where the item is not at its lowest. */
struct other {
    uint64_t top; /* it rests on something, here at least */
    bool pays;    /* false: something is that low, or nothing minds it there */
};

static struct other other_branch(struct exact *x, uint32_t i)
{
    uint64_t top = UINT64_MAX, low = UINT64_MAX;
    uint32_t j;

    for (j = x->first_near[i]; j < x->first_near[i + 1]; j++) {
        uint32_t b = x->near[j];

        if (x->item[b].placed)
            continue;
        top = x->off[b] + x->bytes[b] < top ? x->off[b] + x->bytes[b] : top;
        low = x->off[b] < low ? x->off[b] : low;
    }
    x->work += x->first_near[i + 1] - x->first_near[i];
    return (struct other){top, low < x->off[i] + x->bytes[i]};
}

/* The item, and with it its twins, rests on something. */
static bool raise_twins(struct exact *x, uint32_t i, uint64_t top)
{
    bool ok = raise_to(x, i, top);
    uint32_t j;

    for (j = x->first_near[i]; j < x->first_near[i + 1] && ok; j++) {
        const struct item *b = &x->item[x->near[j]];

        if (!b->placed && b->twin == x->item[i].twin)
            ok = raise_to(x, x->near[j], top);
    }
    return propagate(x, ok);
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

/* The box to branch on, one of the lowest. */
static uint32_t choose(struct exact *x, const uint32_t *set, uint32_t n)
{
    uint64_t low = UINT64_MAX, f, best_f = 0;
    uint32_t best = ATM_NONE, i;

    for (i = 0; i < n; i++)
        low = x->off[set[i]] < low ? x->off[set[i]] : low;
    for (i = 0; i < n; i++) {
        const struct item *a = &x->item[set[i]];

        if (x->off[set[i]] > low)
            continue;
        f = x->fullest_first ? fullest(x, a) : 0;
        if (best == ATM_NONE || f > best_f ||
            (f == best_f && a->key > x->item[best].key)) {
            best = set[i];
            best_f = f;
        }
    }
    x->work += 2 * (uint64_t)n; /* with what solve does for each */
    x->nodes++;
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
    uint32_t mark = x->n_trail, n_placed = x->n_placed, branch, c, i, m;
    struct other other;
    bool ok;

    if (n == 0)
        return true;
    if (n == 1) {
        close_item(x, set[0]);
        return true;
    }
    if (solve_runs(x, set, n, stack, &ok)) {
        if (!ok) {
            reopen_to(x, n_placed);
            undo(x, mark);
        }
        return ok;
    }
    while (!spent(x)) {
        c = choose(x, set, n);
        other = other_branch(x, c);
        branch = x->n_trail;
        for (i = m = 0; i < n; i++)
            if (set[i] != c)
                stack[m++] = set[i];
        if (place(x, c) && solve(x, stack, m, stack + m))
            return true;
        reopen_to(x, n_placed);
        undo(x, branch);
        make_room(x);
        if (x->gave_up || !other.pays || !raise_twins(x, c, other.top))
            break;
    }
    undo(x, mark);
    return false;
}

/* ---- tries ---- */

/* The first two tries are plain. */
static struct rule draw_rule(uint32_t try)
{
    double u = atm_rng_f64(try, 1);

    if (try < 2)
        return (struct rule){.fullest_first = try == 0};
    return (struct rule){.by_bytes =
                             0.8 * atm_rng_f64(try, 0) - (try % 4 ? 0.2 : -0.4),
                         .by_total = u < 0.5 ? 0 : 4 * u - 2,
                         .noise = 1.5 * atm_rng_f64(try, 2),
                         .fullest_first = atm_rng_u64(try, 3) & 1};
}

static void set_keys(struct exact *x, const struct rule *rule, uint32_t try)
{
    uint32_t i, r, t;

    for (i = 0; i < x->n; i++) {
        struct item *a = &x->item[i];
        const struct atm_pack_box *b = &x->box[a->box];
        double life =
            (double)(b->upper - b->lower) + (double)(b->upper2 - b->lower2);
        double most = 0;

        for (r = 0; r < 2; r++)
            for (t = a->lo[r]; t < a->hi[r]; t++)
                most = x->total[t] > most ? x->total[t] : most;
        a->key = log(life) + rule->by_bytes * log((double)b->bytes) +
                 rule->by_total * log(most) +
                 rule->noise * (atm_rng_f64(try, i + 4) - 0.5);
    }
}

/* 1 1 2 1 1 2 4 ..: the n-th, from 1 on. */
static uint64_t luby(uint64_t n)
{
    uint64_t whole = 1; /* 2^k - 1: the length of a whole run */

    while (whole < n)
        whole = 2 * whole + 1;
    for (; whole > n; n -= whole < n ? whole : 0)
        whole /= 2;
    return (whole + 1) / 2;
}

/* One try: from the root, by one rule. */
static bool solve_once(struct exact *x, uint32_t *stack, uint32_t try)
{
    struct rule rule = draw_rule(try);
    uint32_t i;
    bool ok = true;

    set_keys(x, &rule, try);
    x->fullest_first = rule.fullest_first;
    x->nodes = 0;
    x->stop_nodes = TRY_NODES * luby(try + 1) * x->n;
    x->gave_up = false;
    reopen_to(x, 0);
    x->n_trail = 0;
    for (i = 0; i < x->n; i++) {
        stack[i] = i;
        x->off[i] = fit(x, i, 0);
        ok = ok && x->off[i] + x->bytes[i] <= x->capacity;
        touch(x, &x->item[i]);
    }
    return propagate(x, ok) && solve(x, stack, x->n, stack + x->n);
}

enum atm_status atm__pack_exact(const struct atm_pack_box *box, uint32_t n,
                                uint64_t capacity, uint64_t *work,
                                const struct atm__pack_limit *limit,
                                uint64_t *off, enum atm__exact *result)
{
    struct exact x = {.box = box,
                      .capacity = capacity,
                      .limit = limit,
                      .arena = atm_arena_new()};
    enum atm_status st = ATM_NOMEM;
    uint32_t *stack, n_free = 0, i;

    *result = ATM__EXACT_GAVE_UP;
    if (!x.arena)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        n_free += !box[i].fixed;
    if (n_free > ATM__EXACT_MAX) {
        *result = ATM__EXACT_TOO_LARGE;
        st = ATM_OK;
        goto err_delete_arena;
    }
    st = atm__exact_set_up(&x, n);
    stack = atm_arena_array(x.arena, (size_t)x.n * (x.n + 1) / 2 + x.n + 1,
                            sizeof(*stack));
    if (!stack)
        st = ATM_NOMEM;
    x.stop = *work;
    for (i = 0; !st && x.work < *work; i++) {
        if (solve_once(&x, stack, i))
            *result = ATM__EXACT_FOUND;
        else if (!x.gave_up)
            *result = ATM__EXACT_NONE;
        if (x.no_memory)
            st = ATM_NOMEM;
        if (*result != ATM__EXACT_GAVE_UP || atm__pack_over(limit))
            break;
    }
    *work -= x.work < *work ? x.work : *work;
    for (i = 0; !st && *result == ATM__EXACT_FOUND && i < n; i++)
        off[i] = box[i].fixed ? box[i].offset : 0;
    for (i = 0; !st && *result == ATM__EXACT_FOUND && i < x.n; i++)
        off[x.item[i].box] = x.off[i];

err_delete_arena:
    atm_arena_delete(x.arena);
    return st;
}
