/* plan_first_touch.c - what an operating system does: a tensor lies where there
 * is room when it is made, and stays there.
 *
 * Tensors in the order of their creation (args first) into a best-fit model of
 * the fast pool, as AutoTM's NUMA baseline; nothing is moved but what a kernel
 * cannot use in slow memory, which is fetched for it and not kept. */
#include "baseline.h"
#include "planner_rows.h"

#include <stdlib.h>

struct place { /* taken in the pool model */
    uint64_t offset, bytes;
    uint32_t last; /* kernel after which it is free; UINT32_MAX: never */
};

struct touch {
    struct atm_baseline *b;
    uint64_t fill;
    uint64_t *held; /* per kernel, as if no pair shared */
    uint32_t n, cap;
    struct place *place; /* by offset */
};

struct birth {
    uint32_t kernel, storage;
};

static int by_kernel(const void *a, const void *b)
{
    const struct birth *x = a, *y = b;

    if (x->kernel != y->kernel)
        return x->kernel < y->kernel ? -1 : 1;
    return x->storage < y->storage ? -1 : x->storage > y->storage;
}

static bool lives_always(const struct atm_storage *s)
{
    return s->arg || s->circle;
}

static uint32_t last_kernel(const struct touch *t, const struct atm_storage *s)
{
    if (lives_always(s) || s->out)
        return t->b->p->n_kernels - 1;
    return s->kernel[s->n_stations - 1];
}

/* Which bytes storage s has at each kernel now: fetched just in time. */
static void count_held(struct touch *t)
{
    const struct atm_baseline *b = t->b;
    uint32_t i, j, k;

    for (i = 0; i < b->st.n; i++) {
        const struct atm_storage *s = &b->st.s[i];

        for (k = 0; k < b->p->n_kernels && b->d.path[i].resident; k++)
            t->held[k] += s->bytes;
        for (j = 0; j < s->n_stations && !b->d.path[i].resident; j++)
            t->held[s->kernel[j]] += b->d.path[i].fast[j] ? s->bytes : 0;
    }
    for (k = 0; k < b->p->n_kernels; k++)
        t->held[k] += b->p->kernel[k].variant[b->d.variant[k]].scratch_bytes;
}

/* May storage s be fast at all its stations, by tables and bytes? */
static bool allowed(const struct touch *t, uint32_t id)
{
    const struct atm_baseline *b = t->b;
    const struct atm_storage *s = &b->st.s[id];
    const struct atm_path *path = &b->d.path[id];
    uint32_t first = lives_always(s) ? 0 : s->kernel[0], i = 0, j, k;

    for (k = first; k <= last_kernel(t, s); k++) {
        const struct atm_variant *v = &b->p->kernel[k].variant[b->d.variant[k]];
        bool station = i < s->n_stations && s->kernel[i] == k;
        uint64_t mask = atm__mask(&b->d, k);

        if (t->held[k] + (station && path->fast[i] ? 0 : s->bytes) > t->fill)
            return false;
        i += station;
        for (j = 0; station && j < v->t.n; j++)
            if (b->st.of[v->operand[j]] == id)
                mask &= ~(UINT64_C(1) << j);
        if (station && atm_table_at(&v->t, mask) < 0)
            return false;
    }
    return true;
}

/* The smallest hole that is large enough; false: there is none. */
static bool best_hole(const struct touch *t, uint64_t bytes, uint32_t *index,
                      uint64_t *offset)
{
    uint64_t end = 0, best = UINT64_MAX, align = t->b->p->align, next;
    uint32_t i;

    align = align ? align : 1;
    for (i = 0; i <= t->n; i++) {
        next = i < t->n ? t->place[i].offset : t->fill;
        if (next >= end && next - end >= bytes && next - end < best) {
            best = next - end;
            *index = i;
            *offset = end;
        }
        if (i < t->n)
            end = (next + t->place[i].bytes + align - 1) / align * align;
    }
    return best != UINT64_MAX;
}

static enum atm_status try_place(struct touch *t, uint32_t id, uint32_t now)
{
    const struct atm_storage *s = &t->b->st.s[id];
    struct atm_path *path = &t->b->d.path[id];
    uint32_t at = 0, i, k, m = s->n_stations, last = last_kernel(t, s);
    struct place *grown;
    uint64_t offset = 0;

    for (i = k = 0; i < t->n; i++) /* what has ended is free */
        if (t->place[i].last >= now)
            t->place[k++] = t->place[i];
    t->n = k;
    if (!allowed(t, id) || !best_hole(t, s->bytes, &at, &offset))
        return ATM_OK;
    grown = atm_arena_grow(t->b->arena, t->place, &t->cap, t->n + 1,
                           sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    t->place = grown;
    for (i = t->n++; i > at; i--)
        t->place[i] = t->place[i - 1];
    t->place[at] =
        (struct place){offset, s->bytes, lives_always(s) ? UINT32_MAX : last};
    for (i = 0, k = lives_always(s) ? 0 : s->kernel[0]; k <= last; k++) {
        bool station = i < m && s->kernel[i] == k;

        t->held[k] += station && path->fast[i] ? 0 : s->bytes;
        i += station;
    }
    for (i = 0; i < m; i++)
        path->fast[i] = 1;
    for (i = 0; i < s->n_gaps; i++)
        path->kept[i] = 1;
    path->resident = s->arg;
    return ATM_OK;
}

static enum atm_status touch(struct atm_baseline *b, uint64_t fill,
                             const void *user)
{
    struct touch t = {.b = b, .fill = fill};
    struct birth *birth;
    enum atm_status st = atm__choose_slow(b);
    uint32_t n = 0, i;

    (void)user;
    t.held = atm_arena_array(b->arena, b->p->n_kernels, sizeof(*t.held));
    birth = atm_arena_array(b->arena, b->st.n, sizeof(*birth));
    if (!st && (!t.held || !birth))
        st = ATM_NOMEM;
    if (st)
        return st;
    count_held(&t);
    for (i = 0; i < b->st.n; i++) {
        const struct atm_storage *s = &b->st.s[i];

        if (s->n_stations && s->fixed == ATM_FIXED_NO)
            birth[n++] =
                (struct birth){lives_always(s) ? 0 : s->kernel[0] + 1, i};
    }
    qsort(birth, n, sizeof(*birth), by_kernel);
    for (i = 0; i < n && !st; i++)
        st = try_place(&t, birth[i].storage,
                       birth[i].kernel ? birth[i].kernel - 1 : 0);
    return st;
}

enum atm_status atm__plan_first_touch(const struct atm_problem *p,
                                      const struct atm_plan_options *o,
                                      struct atm_placement **placement)
{
    return atm__baseline_plan(p, o, touch, NULL, placement);
}
