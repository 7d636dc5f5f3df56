/* pack.c - address assignment: boxes (lifetime x bytes) into one pool of least
 * height.
 *
 * Offline dynamic storage allocation is NP-hard, and no single order of
 * placement is safe (first fit by size is exact on one network and 40 % over
 * on the next). So: the lower bound (peak of live bytes), six orders each
 * with first and best fit, rounds in which what ended too high goes earlier;
 * then, where the overlap graph is small enough to keep, windows around the
 * highest box (pack_window.c), the exact search (pack_exact.c), and from the
 * best orders a local search that moves the top-most box before one of those
 * it rests on; where it is too large, boxes are taken out for others below a
 * goal near the bound (pack_eject.c). Every limit counts work (entries looked
 * at), never time, so that the result depends on the input alone.
 */
#include "autotm/planner.h"

#include "arena.h"
#include "clock.h"
#include "pack_eject.h"
#include "pack_exact.h"
#include "pack_time.h"
#include "pack_window.h"
#include "packer.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

#define SEARCH_WORK (UINT64_C(10000000)) /* neighbours visited, each search */
#define SEARCH_MOVES UINT64_C(3000)     /* times all neighbours, if less */
#define SEARCH_LEAST 100 /* moves that pay; fewer are not begun */
#define STARTS 3                        /* orders that the search begins at */
#define PROMOTIONS 8
#define NEAR 5  /* parts of 1000 above the target */
#define RISE 30 /* by so much more while the work goes */
#define TIME_WORK UINT64_C(1400000000) /* looks, without edges */
#define EXACT_WORK UINT64_C(8000000)    /* looks of the exact search */
#define HARD_WORK UINT64_C(2400000000)  /* a capacity that must be met */
#define LEAST_WORK UINT64_C(600000000)  /* the least height in some seconds */

enum {
    BY_BYTES, BY_CONTENTION, BY_AREA, BY_AREA_LIFE, BY_LIFE, BY_START, ORDERS
};

/* Sorts every gap-th span by its low end; false: more than `most` shifts. */
static bool insert_spans(struct span *span, uint32_t n, uint32_t gap,
                         uint64_t most)
{
    uint32_t i, j;

    for (i = gap; i < n; i++) {
        struct span s = span[i];

        for (j = i; j >= gap && span[j - gap].low > s.low; j -= gap)
            span[j] = span[j - gap];
        span[j] = s;
        if (i - j > most)
            return false;
        most -= i - j;
    }
    return true;
}

/* By their low ends. A few to a few hundred spans, sorted millions of times:
 * where they come nearly in order insertion is enough, else Shell's. */
static void sort_spans(struct span *span, uint32_t n)
{
    static const uint32_t gaps[] = {1968, 861, 336, 112, 48, 21, 7, 3, 1};
    uint32_t g;

    if (insert_spans(span, n, 1, UINT64_C(4) * n))
        return;
    for (g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
        (void)insert_spans(span, n, gaps[g], UINT64_MAX);
}

struct keyed {
    uint32_t level;
    double key;
    uint64_t bytes;
    uint32_t lower, box;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->lower != y->lower)
        return x->lower < y->lower ? -1 : 1;
    return x->box < y->box ? -1 : x->box > y->box;
}

/* The place for box b among n sorted spans: lowest gap, or tightest gap. */
static uint64_t fit(const struct packer *p, const struct atm_pack_box *b,
                    uint32_t n)
{
    uint64_t at = 0, best = UINT64_MAX, best_gap = UINT64_MAX, align, r;
    uint32_t i;

    align = atm__box_align(b);
    for (i = 0; i < n; i++) {
        if (p->span[i].low >= at && p->span[i].low - at >= b->bytes) {
            if (!p->best_fit)
                return at;
            if (p->span[i].low - at < best_gap) {
                best_gap = p->span[i].low - at;
                best = at;
            }
        }
        if (p->span[i].high > at) {
            at = p->span[i].high;
            r = at % align;
            at += r ? align - r : 0;
        }
    }
    return best != UINT64_MAX ? best : at;
}

/* The neighbours of a box stay in the order of their places: next time they
 * come nearly sorted. */
static void place(struct packer *p, uint32_t id)
{
    uint64_t e, end = p->first_edge[id + 1], last = end;
    uint32_t n = 0, i;

    for (e = p->first_edge[id]; e < last;) {
        uint32_t o = p->edge[e];

        if (p->pos[o] < p->pos[id]) {
            p->span[n++] = (struct span){p->off[o],
                                         p->off[o] + p->box[o].bytes, o};
            e++;
        } else {
            p->edge[e] = p->edge[--last];
            p->edge[last] = o;
        }
    }
    p->work += end - p->first_edge[id] + 1;
    sort_spans(p->span, n);
    for (i = 0; i < n; i++)
        p->edge[p->first_edge[id] + i] = p->span[i].box;
    p->off[id] = fit(p, &p->box[id], n);
}

/* Places order[from..]; returns by how much, in all, boxes end above `goal`,
 * and through *height the height. A sum tells a step forward where the height
 * alone stays the same. */
static double place_from(struct packer *p, uint32_t from, uint64_t goal,
                         uint64_t *height)
{
    double excess = 0;
    uint64_t end;
    uint32_t i;

    *height = p->floor;
    p->n_high = 0;
    for (i = 0; i < p->n_order; i++) {
        uint32_t id = p->order[i];

        if (i >= from)
            place(p, id);
        end = p->off[id] + p->box[id].bytes;
        if (end > *height)
            *height = end;
        if (end > goal) {
            excess += (double)(end - goal);
            p->high[p->n_high++] = id;
        }
    }
    return excess;
}

static void keep_if_better(struct packer *p, uint64_t height)
{
    if (height >= p->best_height)
        return;
    p->best_height = height;
    memcpy(p->best_off, p->off, p->n * sizeof(*p->off));
}

static double order_key(const struct packer *p, uint32_t id, uint32_t which)
{
    const struct atm_pack_box *b = &p->box[id];
    double bytes = (double)b->bytes;
    double len = (double)(b->upper - b->lower) +
                 (double)(b->upper2 - b->lower2);

    switch (which) {
    case BY_BYTES:
        return bytes;
    case BY_CONTENTION:
        return p->contention[id];
    case BY_AREA:
        return bytes * len;
    case BY_AREA_LIFE:
        return bytes * len * len;
    case BY_LIFE:
        return len;
    default: /* BY_START */
        return -(double)b->lower;
    }
}

static void sort_order(struct packer *p, struct keyed *key, uint32_t which)
{
    uint32_t i;

    for (i = 0; i < p->n_order; i++) {
        uint32_t id = p->order[i];

        key[i] = (struct keyed){p->level[id], order_key(p, id, which),
                                p->box[id].bytes, p->box[id].lower, id};
    }
    qsort(key, p->n_order, sizeof(*key), by_key);
    for (i = 0; i < p->n_order; i++) {
        p->order[i] = key[i].box;
        p->pos[key[i].box] = i;
    }
}

static void move_to(struct packer *p, uint32_t from, uint32_t to)
{
    uint32_t id = p->order[from], i;

    for (i = from; i > to; i--)
        p->order[i] = p->order[i - 1];
    for (i = from; i < to; i++)
        p->order[i] = p->order[i + 1];
    p->order[to] = id;
    for (i = from < to ? from : to; i <= (from < to ? to : from); i++)
        p->pos[p->order[i]] = i;
}

/* A random one of the boxes that `id` was placed after and shares time with;
 * ATM_NONE if there is none. */
static uint32_t one_before(const struct packer *p, uint32_t id, uint64_t draw)
{
    uint64_t e, before = 0, pick;

    for (e = p->first_edge[id]; e < p->first_edge[id + 1]; e++)
        before += p->pos[p->edge[e]] >= 0 && p->pos[p->edge[e]] < p->pos[id];
    if (!before)
        return ATM_NONE;
    pick = draw % before;
    for (e = p->first_edge[id];; e++)
        if (p->pos[p->edge[e]] >= 0 && p->pos[p->edge[e]] < p->pos[id] &&
            !pick--)
            return p->edge[e];
}

/* Takes a box that ends above the target and places it before one that it
 * met. Keeps what is not worse, so that plateaus are walked, and with `heat`
 * also what is a little worse, less and less so. The target as the line is
 * what makes it work: a line just below the best height left a plan of 481
 * boxes 20 % over its bound, this one leaves 0.03 %. */
static void search(struct packer *p, uint64_t target, uint64_t work,
                   uint64_t seed, double heat)
{
    uint64_t height, draw = 0, begin = p->work;
    double excess, now, left;
    uint32_t id, other, from, to;

    excess = place_from(p, 0, target, &height);
    keep_if_better(p, height);
    while (p->best_height > target && p->work - begin < work) {
        left = 1 - (double)(p->work++ - begin) / (double)work;
        id = p->high[atm_rng_u64(seed, draw++) % p->n_high];
        other = one_before(p, id, atm_rng_u64(seed, draw++));
        if (other == ATM_NONE)
            continue;
        from = (uint32_t)p->pos[id];
        to = (uint32_t)p->pos[other];
        memcpy(p->saved_off, p->off, p->n * sizeof(*p->off));
        memcpy(p->saved_high, p->high, p->n_high * sizeof(*p->high));
        p->n_saved_high = p->n_high;
        move_to(p, from, to);
        now = place_from(p, to, target, &height);
        p->work += p->n_order;
        if (now <= excess * (1 + heat * left * atm_rng_f64(seed, draw++))) {
            excess = now;
            keep_if_better(p, height);
        } else {
            move_to(p, to, from);
            memcpy(p->off, p->saved_off, p->n * sizeof(*p->off));
            memcpy(p->high, p->saved_high,
                   p->n_saved_high * sizeof(*p->high));
            p->n_high = p->n_saved_high;
        }
    }
}

/* All in the order, over an index of time: it needs no edges, and no sorting of
 * neighbours that come in a new order. */
static enum atm_status place_all(struct packer *p, uint64_t *height)
{
    enum atm_status st = ATM_OK;
    uint64_t end;
    uint32_t i;

    atm__timeline_clear(p->time);
    *height = p->floor;
    for (i = 0; i < p->n && !st; i++)
        if (p->box[i].fixed && p->box[i].bytes)
            st = atm__timeline_add(p->time, i, p->box[i].offset);
    for (i = 0; i < p->n_order && !st; i++) {
        uint32_t id = p->order[i];

        st = atm__timeline_fit(p->time, id, p->best_fit, &p->off[id],
                               &p->work);
        if (!st)
            st = atm__timeline_add(p->time, id, p->off[id]);
        end = p->off[id] + p->box[id].bytes;
        *height = end > *height ? end : *height;
    }
    if (!st)
        keep_if_better(p, *height);
    return st;
}

/* Done, or out of work or time; the first packing is always made. */
static bool enough(const struct packer *p, uint64_t target, uint64_t stop)
{
    return p->best_height <= target || p->work >= stop ||
           (p->best_height < UINT64_MAX && atm__pack_over(&p->limit));
}

/* A start of the local search. */
struct start {
    uint64_t height;
    uint32_t order;
    bool best_fit;
};

/* All orders, first and best fit; `start` is filled with them, best first. */
static enum atm_status place_orders(struct packer *p, struct keyed *key,
                                    uint64_t target, uint64_t stop,
                                    struct start start[2 * ORDERS],
                                    uint32_t *n)
{
    enum atm_status st = ATM_OK;
    uint64_t height;
    uint32_t i, j;

    for (i = *n = 0; i < ORDERS * 2 && !st && !enough(p, target, stop); i++) {
        sort_order(p, key, i / 2);
        p->best_fit = i & 1;
        st = place_all(p, &height);
        for (j = (*n)++; j && start[j - 1].height > height; j--)
            start[j] = start[j - 1];
        start[j] = (struct start){height, i / 2, p->best_fit};
    }
    return st;
}

/* Rounds of promotion. A round places all in an order; what then ends above
 * the target has been placed too late and goes a level up for the next round.
 * At first the levels put what is live where the pool is fullest before what
 * fills the rest (or nothing, if flat). */
struct launch {
    uint32_t order, rounds; /* rounds that each launch gets at first */
    bool flat;
    uint32_t *level, stale; /* rounds since it was lower */
    uint64_t lowest;
};

static enum atm_status set_levels(struct packer *p, struct launch *l)
{
    static const double part[] = {0.995, 0.95, 0.9, 0.8, 0.6};
    uint32_t i, j;

    l->lowest = UINT64_MAX;
    l->level = atm_arena_array(p->arena, p->n, sizeof(*l->level));
    for (i = 0; i < p->n && l->level; i++)
        for (l->level[i] = PROMOTIONS, j = 0;
             j < sizeof(part) / sizeof(part[0]) && !l->flat &&
             p->contention[i] <= part[j] * (double)p->bound;
             j++)
            l->level[i]++;
    return l->level ? ATM_OK : ATM_NOMEM;
}

static enum atm_status round_of(struct packer *p, struct keyed *key,
                                struct launch *l, uint64_t target)
{
    enum atm_status st;
    uint64_t height;
    uint32_t i;

    p->level = l->level;
    p->best_fit = false;
    sort_order(p, key, l->order);
    st = place_all(p, &height);
    if (st)
        return st;
    l->stale = height < l->lowest ? 0 : l->stale + 1;
    l->lowest = height < l->lowest ? height : l->lowest;
    for (i = 0; i < p->n; i++)
        if (p->off[i] + p->box[i].bytes > target && l->level[i])
            l->level[i]--;
    return ATM_OK;
}

static void keep_places(struct packer *p)
{
    uint64_t height = p->floor;
    uint32_t i;

    for (i = 0; i < p->n; i++)
        if (p->off[i] + p->box[i].bytes > height)
            height = p->off[i] + p->box[i].bytes;
    keep_if_better(p, height);
}

/* Takes boxes out for a height of so many parts of 1000 above the target. */
static enum atm_status eject_to(struct packer *p, uint64_t target,
                                uint64_t above, bool all)
{
    uint64_t part = target / 1000 + 1;
    enum atm_status st = ATM_OK;

    if (!enough(p, target + above * part, TIME_WORK)) {
        st = atm__pack_eject(p, target + above * part, all ? RISE * part : 0,
                             all, TIME_WORK);
        if (!st)
            keep_places(p);
    }
    return st;
}

/* At once to what is near enough, with all boxes out: a step is cheap before
 * the small ones are there. Lower by those alone that end too high. */
static enum atm_status eject(struct packer *p, uint64_t target)
{
    enum atm_status st = eject_to(p, target, NEAR, true);

    if (!st)
        st = eject_to(p, target, 1, false);
    return st ? st : eject_to(p, target, 0, false);
}

/* A few rounds of each launch, then of the one that is lowest, until that
 * brings nothing. No launch is best on all sets: by life leaves 0.14 % where
 * by bytes leaves 1.7 %, and 11 % where that leaves 1.8 %. Where rounds are
 * cheap and there are no edges, most of the work goes to taking boxes out. */
static enum atm_status promote(struct packer *p, struct keyed *key,
                               uint64_t target, uint64_t stop)
{
    struct launch launch[] = {{.order = BY_LIFE, .rounds = 3},
                              {.order = BY_BYTES, .rounds = 1, .flat = true},
                              {.order = BY_BYTES, .rounds = 3}};
    const uint32_t n = sizeof(launch) / sizeof(launch[0]);
    struct launch *best = launch;
    uint32_t *no_level = p->level, i, j;
    enum atm_status st = ATM_OK;

    for (i = 0; i < n && !st; i++) {
        st = set_levels(p, &launch[i]);
        for (j = 0; j < launch[i].rounds && !st && !enough(p, target, stop);
             j++)
            st = round_of(p, key, &launch[i], target);
        if (launch[i].lowest < best->lowest)
            best = &launch[i];
        if (!i && !st && !p->first_edge && p->work < stop / 3)
            st = eject(p, target);
    }
    while (!st && !enough(p, target, stop) && best->stale < PROMOTIONS)
        st = round_of(p, key, best, target);
    p->level = no_level;
    return st;
}

/* One step of the exact search: does all fit below `goal`? */
static enum atm_status pack_below(struct packer *p, uint64_t goal,
                                  uint64_t *work, enum atm__exact *result)
{
    enum atm_status st = atm__pack_exact(p->box, p->n, goal, work,
                                         &p->limit, p->off, result);

    if (!st && *result == ATM__EXACT_FOUND)
        keep_places(p);
    return st;
}

/* The target again, with most of the work; where that is not found, what lies
 * between it and the best height, by halves. */
static enum atm_status pack_exactly(struct packer *p, uint64_t target,
                                    uint64_t work)
{
    uint64_t low = target, goal = target, part;
    enum atm__exact result = ATM__EXACT_GAVE_UP;
    enum atm_status st = ATM_OK;

    while (!st && !enough(p, low, UINT64_MAX) && work &&
           result != ATM__EXACT_TOO_LARGE) {
        part = goal == target ? work - work / 4 : work / 2 + 1;
        work -= part;
        st = pack_below(p, goal, &part, &result);
        work += part;
        if (result != ATM__EXACT_FOUND)
            low = goal + 1;
        goal = low + (p->best_height - low) / 2;
    }
    return st;
}

static enum atm_status pack_windows(struct packer *p, uint64_t target,
                                    uint64_t work)
{
    enum atm_status st = ATM_OK;

    if (p->best_height > target)
        st = atm__pack_windows(p, target, work);
    if (!st)
        keep_places(p);
    return st;
}

static enum atm_status pack_by_orders(struct packer *p, uint64_t target,
                                      uint64_t exact_work)
{
    static const double heats[STARTS] = {0, 0.05, 0.2};
    struct keyed *key = atm_arena_array(p->arena, p->n_order, sizeof(*key));
    enum atm__exact result = ATM__EXACT_GAVE_UP;
    struct start start[2 * ORDERS];
    enum atm_status st = ATM_OK;
    uint64_t limit, all;
    uint32_t i, n;

    if (!key)
        return ATM_NOMEM;
    st = place_orders(p, key, target, UINT64_MAX, start, &n);
    if (!st && p->best_height > target)
        st = promote(p, key, target, UINT64_MAX);
    if (!st)
        st = pack_windows(p, target, exact_work / 2);
    limit = exact_work / 8;
    if (!st && p->best_height > target)
        st = pack_below(p, target, &limit, &result);
    all = p->first_edge[p->n] + p->n_order;
    for (i = 0; i < STARTS && i < n && !st &&
                !enough(p, target, UINT64_MAX) &&
                SEARCH_LEAST * all < SEARCH_WORK;
         i++) {
        sort_order(p, key, start[i].order);
        p->best_fit = start[i].best_fit;
        limit = SEARCH_MOVES * all < SEARCH_WORK ? SEARCH_MOVES * all
                                                 : SEARCH_WORK;
        search(p, target, limit, i + 1, heats[i]);
    }
    if (!st && p->best_height > target)
        st = pack_exactly(p, target, exact_work - exact_work / 8);
    return st;
}

static enum atm_status pack_by_time(struct packer *p, uint64_t target)
{
    struct keyed *key = atm_arena_array(p->arena, p->n_order, sizeof(*key));
    struct start start[2 * ORDERS];
    enum atm_status st;
    uint32_t n;

    if (!key)
        return ATM_NOMEM;
    st = promote(p, key, target, TIME_WORK);
    return st ? st : place_orders(p, key, target, TIME_WORK, start, &n);
}

static enum atm_status pack(struct atm_pack_box *box, uint32_t n,
                            uint64_t capacity, uint64_t work,
                            struct atm__pack_limit limit, uint64_t *height,
                            uint64_t *lower_bound)
{
    struct packer p = {.box = box, .n = n, .best_height = UINT64_MAX,
                       .limit = limit};
    enum atm_status st;
    uint64_t target;
    uint32_t i;

    p.arena = atm_arena_new();
    if (!p.arena)
        return ATM_NOMEM;
    st = atm__packer_init(&p);
    if (!st)
        st = atm__timeline_new(p.arena, box, n, &p.time);
    if (st)
        goto err_delete_arena;
    target = capacity > p.bound ? capacity : p.bound;
    st = p.first_edge ? pack_by_orders(&p, target, work)
                      : pack_by_time(&p, target);
    if (st)
        goto err_delete_arena;
    for (i = 0; i < n; i++)
        box[i].offset = p.best_off[i];
    *height = p.best_height;
    *lower_bound = p.bound;

err_delete_arena:
    atm_arena_delete(p.arena);
    return st;
}

enum atm_status atm_pack(struct atm_pack_box *box, uint32_t n,
                         uint64_t capacity, uint64_t *height,
                         uint64_t *lower_bound)
{
    return pack(box, n, capacity, EXACT_WORK,
                (struct atm__pack_limit){0}, height, lower_bound);
}

enum atm_status atm_pack_hard(struct atm_pack_box *box, uint32_t n,
                              uint64_t capacity, double time_limit_s,
                              atm_pack_stop_fn *stop, void *user,
                              uint64_t *height, uint64_t *lower_bound)
{
    struct atm__pack_limit limit = {
        .deadline = time_limit_s > 0 ? atm_now_s() + time_limit_s : 0,
        .stop = stop,
        .user = user};

    return pack(box, n, capacity,
                time_limit_s > 0 ? UINT64_MAX / 2
                : capacity       ? HARD_WORK
                                 : LEAST_WORK,
                limit, height, lower_bound);
}
