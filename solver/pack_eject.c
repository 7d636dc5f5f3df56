/* pack_eject.c - a packing below a goal by taking boxes out again.
 *
 * The heaviest box that has no place gets the tightest gap that holds it. Where
 * none does it takes the place where what lies there is lightest, and that
 * goes out. A box that found no gap grows heavier, so that it stays where it
 * came to lie and others have to move: guided ejection search (Nagata and
 * Braysy, 2009, for vehicle routes). A box weighs the root of its area at
 * first: long and large ones come first, and the many short and small ones
 * fill what is left. A step looks at the neighbours of one box.
 */
#include "pack_eject.h"

#include "arena.h"
#include "pack_time.h"

#include <math.h>
#include <string.h>

#define GROWTH 20     /* times its first weight, each time it finds no gap */
#define FIXED 1e100   /* the weight of what may not move */
#define DIGIT_BITS 11 /* of a place */
#define DIGITS (1u << DIGIT_BITS)

struct edge { /* the low or the high end of a neighbour */
    uint64_t at;
    double weight;
};

struct eject {
    struct packer *p;
    uint64_t goal;
    uint32_t n_out, *out; /* boxes without a place; a heap, heaviest first */
    double *weight;
    uint32_t *seen, turn; /* seen == turn: it is in the list */
    uint32_t n_near, cap_near, cap_edges, *near;
    struct edge *low, *high, *spare; /* the ends of these, in order */
};

static bool is_placed(const struct atm_pack_box *b)
{
    return b->bytes && (b->lower < b->upper || b->lower2 < b->upper2);
}

static double first_weight(const struct atm_pack_box *b)
{
    return sqrt((double)b->bytes * ((double)(b->upper - b->lower) +
                                    (double)(b->upper2 - b->lower2)));
}

/* ---- boxes without a place ---- */

static void push(struct eject *x, uint32_t id)
{
    uint32_t i = x->n_out++, up;

    for (; i; i = up) {
        up = (i - 1) / 2;
        if (x->weight[x->out[up]] >= x->weight[id])
            break;
        x->out[i] = x->out[up];
    }
    x->out[i] = id;
}

static uint32_t pop(struct eject *x)
{
    uint32_t top = x->out[0], id = x->out[--x->n_out], i = 0, k = 1;

    while (k < x->n_out) {
        if (k + 1 < x->n_out && x->weight[x->out[k + 1]] > x->weight[x->out[k]])
            k++;
        if (x->weight[x->out[k]] <= x->weight[id])
            break;
        x->out[i] = x->out[k];
        i = k;
        k = 2 * i + 1;
    }
    x->out[i] = id;
    return top;
}

/* ---- neighbours ---- */

/* By their place, in [0, goal]; digit by digit, as comparing costs four times
 * as much for the thousands of neighbours of a long life. */
static void sort_edges(struct eject *x, struct edge **edge)
{
    struct edge *from = *edge, *to = x->spare;
    uint32_t shift, i, n, sum, count[DIGITS];

    for (shift = 0; shift < 64 && x->goal >> shift; shift += DIGIT_BITS) {
        memset(count, 0, sizeof(count));
        for (i = 0; i < x->n_near; i++)
            count[from[i].at >> shift & (DIGITS - 1)]++;
        for (i = sum = 0; i < DIGITS; i++) {
            n = count[i];
            count[i] = sum;
            sum += n;
        }
        for (i = 0; i < x->n_near; i++)
            to[count[from[i].at >> shift & (DIGITS - 1)]++] = from[i];
        *edge = to;
        to = from;
        from = *edge;
        x->p->work += x->n_near;
    }
    x->spare = to;
}

static enum atm_status make_room(struct eject *x, uint32_t n)
{
    struct atm_arena *arena = x->p->arena;

    if (n <= x->cap_near)
        return ATM_OK;
    n += n / 2;
    x->low = atm_arena_array(arena, n, sizeof(*x->low));
    x->high = atm_arena_array(arena, n, sizeof(*x->high));
    x->spare = atm_arena_array(arena, n, sizeof(*x->spare));
    x->near = atm_arena_array(arena, n, sizeof(*x->near));
    x->cap_near = n;
    return x->low && x->high && x->spare && x->near ? ATM_OK : ATM_NOMEM;
}

/* Lists what box `id` meets, and its ends in order. */
static enum atm_status list_near(struct eject *x, uint32_t id)
{
    struct packer *p = x->p;
    const uint32_t *near;
    uint32_t n, i;
    enum atm_status st;

    st = atm__timeline_near(p->time, id, &near, &n, &p->work);
    if (!st)
        st = make_room(x, n);
    if (st)
        return st;
    x->turn++;
    for (i = x->n_near = 0; i < n; i++) {
        uint64_t low = p->off[near[i]];

        if (x->seen[near[i]] == x->turn)
            continue;
        x->seen[near[i]] = x->turn;
        x->low[x->n_near] = (struct edge){low, x->weight[near[i]]};
        x->high[x->n_near] =
            (struct edge){low + p->box[near[i]].bytes, x->weight[near[i]]};
        x->near[x->n_near++] = near[i];
    }
    sort_edges(x, &x->low);
    sort_edges(x, &x->high);
    return ATM_OK;
}

/* ---- the search ---- */

/* The place of box `id`: the tightest gap, or where the least weight lies
 * (*taken). Places where one that lies there ends, and 0, are enough. False:
 * fixed boxes leave none. */
static bool find_place(const struct eject *x, uint32_t id, uint64_t *off,
                       bool *taken)
{
    const struct atm_pack_box *b = &x->p->box[id];
    uint64_t at = 0, align = atm__box_align(b), gap, tightest = UINT64_MAX;
    double in = 0, least = INFINITY;
    uint32_t i = 0, j = 0; /* ends at or below `at`, begins below its end */

    while (at + b->bytes <= x->goal) {
        for (; j < x->n_near && x->low[j].at < at + b->bytes; j++)
            in += x->low[j].weight;
        for (; i < x->n_near && x->high[i].at <= at; i++)
            in -= x->high[i].weight;
        gap = (j < x->n_near ? x->low[j].at : x->goal) - at;
        if (i == j && gap < tightest) {
            tightest = gap;
            *off = at;
        } else if (tightest == UINT64_MAX && in < least) {
            least = in;
            *off = at;
        }
        if (i == x->n_near)
            break;
        at = (x->high[i].at + align - 1) / align * align;
    }
    *taken = tightest == UINT64_MAX;
    return !*taken || least < FIXED / 2;
}

/* Takes out what lies where box `id` is to lie. */
static void clear_place(struct eject *x, uint32_t id)
{
    struct packer *p = x->p;
    uint64_t low = p->off[id], high = low + p->box[id].bytes;
    uint32_t i;

    for (i = 0; i < x->n_near; i++) {
        uint32_t other = x->near[i];

        if (p->off[other] < high && low < p->off[other] + p->box[other].bytes) {
            atm__timeline_remove(p->time, other, p->off[other]);
            push(x, other);
        }
    }
}

static enum atm_status step(struct eject *x, bool *stuck)
{
    struct packer *p = x->p;
    uint32_t id = pop(x);
    enum atm_status st = list_near(x, id);
    bool taken;

    if (st)
        return st;
    *stuck = !find_place(x, id, &p->off[id], &taken);
    if (*stuck) {
        push(x, id);
        return ATM_OK;
    }
    if (taken) {
        x->weight[id] += GROWTH * first_weight(&p->box[id]);
        clear_place(x, id);
    }
    return atm__timeline_add(p->time, id, p->off[id]);
}

/* Its lowest place, wherever that ends. */
static enum atm_status place_above(struct eject *x)
{
    struct packer *p = x->p;
    uint32_t id = pop(x);
    enum atm_status st =
        atm__timeline_fit(p->time, id, false, &p->off[id], &p->work);

    return st ? st : atm__timeline_add(p->time, id, p->off[id]);
}

/* Takes out what ends above the goal, or all. */
static enum atm_status start(struct eject *x, bool all)
{
    struct packer *p = x->p;
    enum atm_status st = ATM_OK;
    uint32_t i;

    x->n_out = 0;
    memcpy(p->off, p->best_off, p->n * sizeof(*p->off));
    atm__timeline_clear(p->time);
    for (i = 0; i < p->n && !st; i++) {
        const struct atm_pack_box *b = &p->box[i];

        if (!is_placed(b))
            continue;
        x->weight[i] = b->fixed ? FIXED : first_weight(b);
        if (!b->fixed && (all || p->off[i] + b->bytes > x->goal))
            push(x, i);
        else
            st = atm__timeline_add(p->time, i, p->off[i]);
    }
    return st;
}

enum atm_status atm__pack_eject(struct packer *p, uint64_t goal, uint64_t rise,
                                bool all, uint64_t stop)
{
    struct eject x = {.p = p, .goal = goal};
    uint64_t part;
    enum atm_status st;
    bool stuck = false;

    x.out = atm_arena_array(p->arena, p->n, sizeof(*x.out));
    x.weight = atm_arena_array(p->arena, p->n, sizeof(*x.weight));
    x.seen = atm_arena_array(p->arena, p->n, sizeof(*x.seen));
    if (!x.out || !x.weight || !x.seen)
        return ATM_NOMEM;
    st = start(&x, all);
    part = p->work + (stop - p->work) / 3;
    while (!st && x.n_out && !stuck && p->work < stop &&
           !atm__pack_over(&p->limit)) {
        if (p->work > part)
            x.goal = goal + (uint64_t)((double)rise * (double)(p->work - part) /
                                       (double)(stop - part));
        st = step(&x, &stuck);
    }
    while (!st && x.n_out)
        st = place_above(&x);
    return st;
}
