/* neighbour.c - neighbourhood search: the storages that live around a kernel
 * leave the plan and come back in a random order, each on its best path among
 * the others; a few rounds over them, then the plan is kept if it is no worse.
 * The descent moves one storage at a time, so that two that would have to
 * change places stay where they are: this is what moves them. Tries are
 * counted, not timed.
 */
#include "neighbour.h"

#include "arena.h"
#include "rng.h"

#include <math.h>
#include <string.h>

#define MOVED_MAX 100000 /* storages taken out, in all */
#define FREE_MAX 40      /* a try */
#define ROUNDS 3

struct near {
    struct atm__search *s;
    uint32_t *free, n_free;
    uint64_t drawn;
};

static uint32_t draw(struct near *x, uint32_t n)
{
    return (uint32_t)(atm_rng_u64(x->s->o->seed ^ UINT64_C(0x6e656172),
                                  x->drawn++) %
                      n);
}

static void shuffle(struct near *x)
{
    uint32_t i, j, t;

    for (i = x->n_free; i > 1; i--) {
        j = draw(x, i);
        t = x->free[i - 1];
        x->free[i - 1] = x->free[j];
        x->free[j] = t;
    }
}

/* Storages with a station within `reach` of a kernel, a random part of them
 * where they are many. */
static void choose(struct near *x, uint32_t kernel, uint32_t reach)
{
    const struct atm__model *m = x->s->m;
    uint32_t s, i;

    x->n_free = 0;
    for (s = 0; s < m->st.n; s++) {
        const struct atm_storage *st = &m->st.s[s];

        for (i = 0; i < st->n_stations; i++)
            if (st->kernel[i] + reach >= kernel &&
                st->kernel[i] <= kernel + reach)
                break;
        if (i < st->n_stations && m->graph[s].n_arcs > 1)
            x->free[x->n_free++] = s;
    }
    shuffle(x);
    if (x->n_free > FREE_MAX)
        x->n_free = FREE_MAX;
}

static bool put_best(struct atm__plan *w, uint32_t s)
{
    uint32_t n;

    if (atm__plan_best(w, s, ATM_NONE, &n) == INFINITY)
        return false;
    memcpy(w->old_path, w->arc_path, n * sizeof(*w->old_path));
    atm__plan_put(w, s, w->old_path, n);
    return true;
}

/* False: one found no way back. */
static bool recreate(struct near *x)
{
    struct atm__plan *w = x->s->work;
    uint32_t i, round;

    for (i = 0; i < x->n_free; i++)
        atm__plan_remove(w, x->free[i]);
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < x->n_free; i++) {
            if (round > 0)
                atm__plan_remove(w, x->free[i]);
            if (!put_best(w, x->free[i]))
                return false;
        }
        shuffle(x);
    }
    return true;
}

enum atm_status atm__neighbours(struct atm__search *s, double goal,
                                bool (*stop)(void *search))
{
    struct near x = {.s = s};
    uint32_t moved = 0, n = s->p->n_kernels;
    uint32_t most = n < MOVED_MAX / n ? n * n : MOVED_MAX;

    x.free = atm_alloc_array(s->m->st.n + 1, sizeof(*x.free));
    if (!x.free)
        return ATM_NOMEM;
    while (moved < most && s->best_s > goal && !stop(s)) {
        double seconds;

        atm__plan_copy(s->work, s->best);
        choose(&x, draw(&x, n), 1 + draw(&x, 12));
        moved += x.n_free + 1;
        if (!recreate(&x))
            continue;
        seconds = atm__plan_seconds(s->work);
        if (seconds > s->best_s)
            continue;
        s->best_s = seconds;
        atm__plan_copy(s->best, s->work);
    }
    atm_free(x.free);
    return ATM_OK;
}
