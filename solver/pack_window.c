/* pack_window.c - a packing lowered a window at a time.
 *
 * The highest box and some that are live with it are taken out, all others
 * stay as walls, and the exact search looks for places below the goal for
 * those taken out. Each success leaves one box less above the goal; where the
 * target is too far for that, goals nearer to the height come first.
 */
#include "pack_window.h"

#include "arena.h"
#include "pack_exact.h"
#include "rng.h"

#include <string.h>

#define WINDOW_WORK UINT64_C(4000) /* looks, for each box taken out */
#define WINDOW_SIZES 4             /* 8, 16, 32, 64 boxes */
#define TRIES 48                   /* windows without success */
#define STEPS 4

struct window {
    struct packer *p;
    uint64_t draw;
    uint32_t n, n_all;         /* boxes taken out; and the walls */
    uint32_t *id, *seen, turn; /* seen == turn: it is in the list */
    struct atm_pack_box *box;
    uint64_t *off;
};

static uint64_t end_of(const struct packer *p, uint32_t id)
{
    return p->off[id] + p->box[id].bytes;
}

/* ATM_NONE: all is below the goal. */
static uint32_t highest(const struct packer *p, uint64_t goal)
{
    uint32_t best = ATM_NONE, i;

    for (i = 0; i < p->n_order; i++)
        if (end_of(p, p->order[i]) > goal &&
            (best == ATM_NONE || end_of(p, p->order[i]) > end_of(p, best)))
            best = p->order[i];
    return best;
}

static bool live_at(const struct atm_pack_box *b, uint32_t t)
{
    return (b->lower <= t && t < b->upper) || (b->lower2 <= t && t < b->upper2);
}

static void take(struct window *w, uint32_t id)
{
    if (w->seen[id] == w->turn)
        return;
    w->seen[id] = w->turn;
    w->id[w->n_all++] = id;
}

/* Takes out the box and up to `most` - 1 of those that are live with it at a
 * moment that is drawn. */
static void open_window(struct window *w, uint32_t id, uint32_t most)
{
    const struct packer *p = w->p;
    const struct atm_pack_box *b = &p->box[id];
    uint32_t life = b->upper - b->lower;
    uint64_t first = p->first_edge[id], n = p->first_edge[id + 1] - first, i;
    uint32_t t, j;

    t = life ? b->lower + (uint32_t)(atm_rng_u64(7, w->draw++) % life)
             : b->lower2;
    w->turn++;
    w->n_all = 0;
    take(w, id);
    for (i = 0; i < 4 * (uint64_t)most && n && w->n_all < most; i++) {
        uint32_t other = p->edge[first + atm_rng_u64(7, w->draw++) % n];

        if (!p->box[other].fixed && live_at(&p->box[other], t))
            take(w, other);
    }
    w->n = w->n_all;
    for (j = 0; j < w->n; j++)
        for (i = p->first_edge[w->id[j]]; i < p->first_edge[w->id[j] + 1]; i++)
            take(w, p->edge[i]);
}

static enum atm_status solve_window(struct window *w, uint64_t goal,
                                    enum atm__exact *result)
{
    struct packer *p = w->p;
    uint64_t limit = WINDOW_WORK * w->n, left = limit;
    enum atm_status st;
    uint32_t i;

    for (i = 0; i < w->n_all; i++) {
        w->box[i] = p->box[w->id[i]];
        w->box[i].fixed = i >= w->n;
        w->box[i].offset = p->off[w->id[i]];
    }
    st = atm__pack_exact(w->box, w->n_all, goal, &left, &p->limit, w->off,
                         result);
    p->work += limit - left + (uint64_t)w->n * w->n_all;
    for (i = 0; !st && *result == ATM__EXACT_FOUND && i < w->n; i++)
        p->off[w->id[i]] = w->off[i];
    return st;
}

/* All below the goal? */
static enum atm_status lower_to(struct window *w, uint64_t goal, uint64_t stop,
                                bool *did)
{
    enum atm__exact result = ATM__EXACT_GAVE_UP;
    enum atm_status st = ATM_OK;
    uint32_t tries = 0, id;

    for (id = highest(w->p, goal);
         id != ATM_NONE && tries < TRIES && w->p->work < stop && !st;
         id = highest(w->p, goal)) {
        open_window(w, id, 8u << tries % WINDOW_SIZES);
        st = solve_window(w, goal, &result);
        tries = result == ATM__EXACT_FOUND ? 0 : tries + 1;
    }
    *did = id == ATM_NONE;
    return st;
}

enum atm_status atm__pack_windows(struct packer *p, uint64_t target,
                                  uint64_t work)
{
    struct window w = {.p = p};
    uint64_t stop = p->work + work, goal;
    enum atm_status st = ATM_OK;
    uint64_t *best =
        atm_arena_memdup(p->arena, p->best_off, p->n * sizeof(*best));
    uint64_t height = p->best_height;
    uint32_t step = 0, i;
    bool did;

    w.id = atm_arena_array(p->arena, p->n, sizeof(*w.id));
    w.seen = atm_arena_array(p->arena, p->n, sizeof(*w.seen));
    w.box = atm_arena_array(p->arena, p->n, sizeof(*w.box));
    w.off = atm_arena_array(p->arena, p->n, sizeof(*w.off));
    if (!best || !w.id || !w.seen || !w.box || !w.off)
        return ATM_NOMEM;
    while (!st && height > target && p->work < stop && step < STEPS) {
        memcpy(p->off, best, p->n * sizeof(*best));
        goal = height - ((height - target - 1) >> 2 * step) - 1;
        st = lower_to(&w, goal, stop, &did);
        if (!did) {
            step++;
            continue;
        }
        memcpy(best, p->off, p->n * sizeof(*best));
        for (height = p->floor, i = 0; i < p->n_order; i++)
            if (end_of(p, p->order[i]) > height)
                height = end_of(p, p->order[i]);
    }
    memcpy(p->off, best, p->n * sizeof(*best));
    return st;
}
