/* plan.c - a plan being made: paths of all storages with what they hold, and
 * the exact best path of one storage among the others. */
#include "model.h"

#include "arena.h"

#include <math.h>
#include <string.h>

/* Limits beyond all that can be held leave room for sums. */
static int64_t capped(uint64_t limit)
{
    return limit < INT64_MAX / 4 ? (int64_t)limit : INT64_MAX / 4;
}

enum atm_status atm__plan_new(const struct atm__model *m,
                              struct atm__plan **plan)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__plan *a = arena ? atm_arena_alloc(arena, sizeof(*a)) : NULL;
    uint32_t i, n = m->p->n_kernels, ns = m->st.n, arcs = 1, len = 2;

    *plan = NULL;
    if (!a)
        goto err;
    a->m = m;
    a->arena = arena;
    a->limit = atm_arena_array(arena, n, sizeof(*a->limit));
    a->path = atm_arena_array(arena, ns, sizeof(*a->path));
    a->n_path = atm_arena_array(arena, ns, sizeof(*a->n_path));
    a->spot = atm_arena_array(arena, ns, sizeof(*a->spot));
    a->resident = atm_arena_array(arena, ns, 1);
    a->variant = atm_arena_array(arena, n, sizeof(*a->variant));
    a->extra = atm_arena_array(arena, n, sizeof(*a->extra));
    a->order = atm_arena_array(arena, ns, sizeof(*a->order));
    a->looked = atm_arena_array(arena, ns, sizeof(*a->looked));
    a->changed = atm_arena_array(arena, n / ATM__BLOCK + 1,
                                 sizeof(*a->changed));
    if (!a->limit || !a->path || !a->n_path || !a->spot || !a->resident ||
        !a->variant || !a->extra || !a->order || !a->looked || !a->changed ||
        !atm__load_new(&a->fast, n, arena))
        goto err;
    for (i = 0; i < ns; i++) {
        uint32_t most = m->st.s[i].n_stations + 1;

        a->path[i] = atm_arena_array(arena, most, sizeof(**a->path));
        a->spot[i] = atm_arena_array(arena, most, sizeof(**a->spot));
        if (!a->path[i] || !a->spot[i])
            goto err;
        arcs = m->graph[i].n_arcs > arcs ? m->graph[i].n_arcs : arcs;
        len = most > len ? most : len;
    }
    if (m->slow_limited && !atm__load_new(&a->slow, 3 * n, arena))
        goto err;
    atm__load_add(&a->slow, 0, a->slow.n, -capped(m->p->slow_bytes));
    a->arc_cost = atm_arena_array(arena, arcs, sizeof(*a->arc_cost));
    a->arc_path = atm_arena_array(arena, len, sizeof(*a->arc_path));
    a->old_path = atm_arena_array(arena, len, sizeof(*a->old_path));
    if (!a->arc_cost || !a->arc_path || !a->old_path)
        goto err;
    /* among equal plans the one that holds less: at most 1e-10 in all */
    for (i = 0; i < n; i++) {
        double t = atm__kernel_seconds(m, i, 0, 0);

        a->tie_s += t > 0 ? t : 0;
    }
    a->tie_s *= 1e-10 / ((double)n * ((double)m->total_bytes + 1));
    for (i = 0; i < n; i++) {
        a->limit[i] = m->budget;
        a->extra[i] = (int64_t)m->p->kernel[i].variant[0].scratch_bytes;
        atm__load_add(&a->fast, i, i + 1, a->extra[i] - capped(m->budget));
    }
    *plan = a;
    return ATM_OK;
err:
    atm_arena_delete(arena);
    return ATM_NOMEM;
}

void atm__plan_delete(struct atm__plan **plan)
{
    if (*plan)
        atm_arena_delete((*plan)->arena);
    *plan = NULL;
}

void atm__plan_copy(struct atm__plan *to, const struct atm__plan *from)
{
    const struct atm__model *m = from->m;
    uint32_t i, n = m->p->n_kernels;

    memcpy(to->limit, from->limit, n * sizeof(*to->limit));
    memcpy(to->variant, from->variant, n * sizeof(*to->variant));
    memcpy(to->extra, from->extra, n * sizeof(*to->extra));
    atm__load_copy(&to->fast, &from->fast);
    atm__load_copy(&to->slow, &from->slow);
    for (i = 0; i < m->st.n; i++) {
        uint32_t most = m->st.s[i].n_stations + 1;

        to->n_path[i] = from->n_path[i];
        to->resident[i] = from->resident[i];
        memcpy(to->path[i], from->path[i], most * sizeof(**to->path));
        memcpy(to->spot[i], from->spot[i], most * sizeof(**to->spot));
    }
}

void atm__plan_limit(struct atm__plan *a, uint32_t k, uint64_t bytes)
{
    int64_t less = capped(a->limit[k]) - capped(bytes);

    a->limit[k] = bytes;
    if (less)
        atm__load_add(&a->fast, k, k + 1, less);
}

uint64_t atm__plan_held(const struct atm__plan *a, uint32_t k)
{
    return (uint64_t)(atm__load_at(&a->fast, k) + capped(a->limit[k]));
}

/* Which uses of kernel k are in slow memory, lost, fetched, giving. */
struct where {
    uint64_t slow, lost, fetched, give;
};

static struct where where_at(const struct atm__plan *a, uint32_t k)
{
    const struct atm__kernel *q = &a->m->kernel[k];
    struct where w = {0, 0, 0, 0};
    uint32_t j;

    for (j = 0; j < q->n; j++) {
        uint32_t s = q->use[j].storage;
        const struct atm__spot *x = &a->spot[s][q->use[j].station];
        uint64_t bit = UINT64_C(1) << j;

        if (a->resident[s] && a->n_path[s])
            continue;
        if (!a->n_path[s] || !x->fast)
            w.slow |= bit;
        if (a->n_path[s]) {
            w.lost |= x->lost ? bit : 0;
            w.fetched |= x->fetched ? bit : 0;
            w.give |= x->give ? bit : 0;
        }
    }
    return w;
}

uint64_t atm__pairs(const struct atm__model *m, uint32_t k, uint32_t at,
                    uint64_t fast, uint64_t give, uint64_t *bytes)
{
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    const struct atm__kernel *q = &m->kernel[k];
    uint64_t with, without, with_bytes, without_bytes, a = 0, b = 0;
    uint32_t i, j;

    *bytes = 0;
    for (; at < pk->n_pairs; at++) {
        uint32_t in = pk->operand[pk->pair[at].in];
        uint32_t out = pk->operand[pk->n_in + pk->pair[at].out];

        i = atm__use_index(m, k, m->st.of[in]);
        j = atm__use_index(m, k, m->st.of[out]);
        if (pk->pair[at].must || i == q->n || j == q->n)
            continue; /* or no variant uses the operand */
        a = UINT64_C(1) << i;
        b = UINT64_C(1) << j;
        if ((fast & give & a) && (fast & b) && !((a | b) & q->must))
            break;
    }
    if (at >= pk->n_pairs || at >= 64)
        return 0;
    with = atm__pairs(m, k, at + 1, fast & ~a & ~b, give, &with_bytes);
    with |= UINT64_C(1) << at;
    with_bytes += m->p->tensor[pk->operand[pk->pair[at].in]].bytes;
    if (pk->n_pairs <= 16) {
        without = atm__pairs(m, k, at + 1, fast, give, &without_bytes);
        if (without_bytes > with_bytes) {
            *bytes = without_bytes;
            return without;
        }
    }
    *bytes = with_bytes;
    return with;
}

bool atm__entry_fits(const struct atm__model *m, uint32_t k, uint32_t v,
                     uint64_t slow, uint64_t limit)
{
    const struct atm__kernel *q = &m->kernel[k];
    uint64_t bytes = m->p->kernel[k].variant[v].scratch_bytes, saved = 0;
    uint64_t fast = ~slow & q->all[v];
    uint32_t j;

    for (j = 0; j < q->n; j++)
        bytes += fast >> j & 1 ? m->st.s[q->use[j].storage].bytes : 0;
    if (bytes > limit && q->shares)
        (void)atm__pairs(m, k, 0, fast, ~UINT64_C(0), &saved);
    return bytes - saved <= limit;
}

uint64_t atm__plan_shared(const struct atm__plan *a, uint32_t k)
{
    const struct atm__kernel *q = &a->m->kernel[k];
    struct where w;
    uint64_t bytes;

    if (!q->shares)
        return 0;
    w = where_at(a, k);
    return atm__pairs(a->m, k, 0, ~w.slow & q->all[a->variant[k]], w.give,
                      &bytes);
}

/* Best variant of k for the uses at `w`, holding `more` fast bytes than now;
 * INFINITY: none fits. */
static double best_variant(const struct atm__plan *a, uint32_t k,
                           struct where w, uint64_t more, uint32_t *variant,
                           int64_t *extra)
{
    const struct atm__model *m = a->m;
    const struct atm__kernel *q = &m->kernel[k];
    int64_t over = atm__load_at(&a->fast, k) - a->extra[k] + (int64_t)more;
    double best = INFINITY, t;
    uint32_t v;

    for (v = 0; v < m->p->kernel[k].n_variants; v++) {
        uint64_t saved = 0, scratch = m->p->kernel[k].variant[v].scratch_bytes;

        if (q->shares)
            (void)atm__pairs(m, k, 0, ~w.slow & q->all[v], w.give, &saved);
        if (over + (int64_t)scratch - (int64_t)saved > 0)
            continue;
        t = atm__kernel_seconds(m, k, v, w.slow);
        if (t < 0 || (w.lost & q->all[v]) || (w.fetched & ~q->all[v]))
            t = ATM__FORBIDDEN_S;
        if (t < best) {
            best = t;
            *variant = v;
            *extra = (int64_t)scratch - (int64_t)saved;
        }
    }
    return best;
}

/* Seconds of the variant that the plan has; forbidden ones count so. */
static double kernel_now(const struct atm__plan *a, uint32_t k)
{
    const struct atm__kernel *q = &a->m->kernel[k];
    struct where w = where_at(a, k);
    uint32_t v = a->variant[k];
    double t = atm__kernel_seconds(a->m, k, v, w.slow);

    return t < 0 || (w.lost & q->all[v]) || (w.fetched & ~q->all[v])
               ? ATM__FORBIDDEN_S
               : t;
}

void atm__plan_choose(struct atm__plan *a, uint32_t k, uint32_t v)
{
    const struct atm__kernel *q = &a->m->kernel[k];
    struct where w;
    uint64_t saved = 0;
    int64_t extra = (int64_t)a->m->p->kernel[k].variant[v].scratch_bytes;

    if (q->shares) {
        w = where_at(a, k);
        (void)atm__pairs(a->m, k, 0, ~w.slow & q->all[v], w.give, &saved);
    }
    a->variant[k] = v;
    extra -= (int64_t)saved;
    if (extra != a->extra[k])
        atm__load_add(&a->fast, k, k + 1, extra - a->extra[k]);
    a->extra[k] = extra;
}

void atm__plan_settle(struct atm__plan *a, uint32_t k)
{
    uint32_t v = a->variant[k];
    int64_t extra;

    (void)best_variant(a, k, where_at(a, k), 0, &v, &extra);
    atm__plan_choose(a, k, v);
}

static void hold(struct atm__plan *a, uint32_t s, const struct atm__arc *arc,
                 int64_t bytes)
{
    uint32_t k;

    atm__load_add(&a->fast, arc->from_kernel, arc->to_kernel, bytes);
    if (arc->station != ATM_NONE && arc->fast) {
        k = a->m->st.s[s].kernel[arc->station];
        atm__load_add(&a->fast, k, k + 1, bytes);
    }
    if (a->slow.n)
        atm__load_add(&a->slow, arc->from_phase, arc->to_phase, bytes);
}

void atm__plan_remove(struct atm__plan *a, uint32_t s)
{
    const struct atm_storage *st = &a->m->st.s[s];
    uint32_t i, n = a->n_path[s];

    for (i = 0; i < n; i++)
        hold(a, s, &a->m->graph[s].arc[a->path[s][i]], -(int64_t)st->bytes);
    a->n_path[s] = 0;
    a->resident[s] = 0;
    memset(a->spot[s], 0, (st->n_stations + 1) * sizeof(**a->spot));
    for (i = 0; i < st->n_stations && n; i++)
        atm__plan_settle(a, st->kernel[i]);
}

void atm__plan_put(struct atm__plan *a, uint32_t s, const uint32_t *path,
                   uint32_t n)
{
    const struct atm_storage *st = &a->m->st.s[s];
    uint32_t i;

    memset(a->spot[s], 0, (st->n_stations + 1) * sizeof(**a->spot));
    a->n_path[s] = n;
    a->resident[s] = 0;
    for (i = 0; i < n; i++) {
        const struct atm__arc *arc = &a->m->graph[s].arc[path[i]];
        uint32_t at = arc->station;

        a->path[s][i] = path[i];
        hold(a, s, arc, (int64_t)st->bytes);
        a->resident[s] |= arc->resident;
        if (at != ATM_NONE) {
            a->spot[s][at].fast = arc->fast;
            a->spot[s][at].lost = arc->lost;
            a->spot[s][at].fetched = arc->fetch && arc->fast;
            a->spot[s][at].give = arc->give;
        }
        if (arc->keep && st->n_stations) /* the gap before, round or end */
            a->spot[s][at == ATM_NONE || at == 0 ? st->n_stations - 1
                                                 : at - 1].keep = true;
    }
    for (i = 0; i < st->n_stations; i++)
        atm__plan_settle(a, st->kernel[i]);
}

/* Has the arc room for a storage of `bytes` where it keeps it? `known` is of
 * the last arc asked for: its neighbours keep over the same gap. */
struct room {
    uint32_t from, to;
    bool is;
};

static bool has_room(struct atm__plan *a, const struct atm__arc *arc,
                     uint64_t bytes, uint32_t forbidden, struct room *known)
{
    uint32_t from = arc->from_kernel, to = arc->to_kernel;

    if (bytes == 0)
        return true;
    if (from < to) {
        if (known->from != from || known->to != to)
            *known = (struct room){
                from, to,
                !(forbidden >= from && forbidden < to) &&
                    !atm__load_above(&a->fast, from, to, -(int64_t)bytes)};
        if (!known->is)
            return false;
    }
    return a->slow.n == 0 ||
           !atm__load_above(&a->slow, arc->from_phase, arc->to_phase,
                            -(int64_t)bytes);
}

/* Seconds of the kernels of storage s, which is out, if it were resident. */
static double price_resident(const struct atm__plan *a, uint32_t s)
{
    const struct atm_storage *st = &a->m->st.s[s];
    double cost = 0;
    uint32_t j, v;
    int64_t e;

    for (j = 0; j < st->n_stations; j++) {
        uint32_t k = st->kernel[j];
        struct where x = where_at(a, k);

        x.slow &= ~(UINT64_C(1) << atm__use_index(a->m, k, s));
        cost += best_variant(a, k, x, st->bytes, &v, &e);
    }
    return cost;
}

/* Costs of all arcs of storage s, which is out. */
static void price_arcs(struct atm__plan *a, uint32_t s, uint32_t forbidden)
{
    const struct atm__model *m = a->m;
    const struct atm_storage *st = &m->st.s[s];
    uint32_t i, k, station = ATM_NONE, bit = 0;
    double known[8];  /* per way to be at the station, < 0: not yet */
    double tie = a->tie_s * (double)st->bytes; /* per kernel held */
    struct where w = {0, 0, 0, 0};
    struct room room = {0, 0, true};

    for (i = 0; i < m->graph[s].n_arcs; i++) {
        const struct atm__arc *arc = &m->graph[s].arc[i];
        double cost = arc->seconds +
                      tie * (arc->to_kernel - arc->from_kernel + arc->fast);
        uint32_t way = arc->fast ? 2u + 2u * arc->fetch + arc->give
                                 : arc->lost;

        a->arc_cost[i] = INFINITY;
        if (!has_room(a, arc, st->bytes, forbidden, &room))
            continue;
        if (arc->station == ATM_NONE) {
            a->arc_cost[i] =
                cost + (arc->resident ? price_resident(a, s) : 0);
            continue;
        }
        if (arc->station != station) {
            station = arc->station;
            bit = atm__use_index(m, st->kernel[station], s);
            w = where_at(a, st->kernel[station]);
            for (k = 0; k < 8; k++)
                known[k] = -1;
        }
        if (known[way] < 0) {
            uint64_t one = UINT64_C(1) << bit;
            struct where x = w;
            uint32_t v;
            int64_t e;

            x.slow = arc->fast ? x.slow & ~one : x.slow | one;
            x.lost |= arc->lost ? one : 0;
            x.fetched |= arc->fast && arc->fetch ? one : 0;
            x.give |= arc->give ? one : 0;
            k = st->kernel[station];
            known[way] =
                arc->fast && k == forbidden
                    ? INFINITY
                    : best_variant(a, k, x, arc->fast ? st->bytes : 0, &v, &e);
        }
        a->arc_cost[i] = cost + known[way];
    }
}

double atm__plan_best(struct atm__plan *a, uint32_t s, uint32_t kernel,
                      uint32_t *n_path)
{
    price_arcs(a, s, kernel);
    return atm__shortest(&a->m->graph[s], a->arc_cost, a->arc_path, n_path);
}

double atm__plan_seconds(const struct atm__plan *a)
{
    const struct atm__model *m = a->m;
    double sum = 0, t;
    uint32_t i, j;

    for (i = 0; i < m->p->n_kernels; i++) {
        t = kernel_now(a, i);
        if (t >= ATM__FORBIDDEN_S || atm__load_at(&a->fast, i) > 0)
            return INFINITY;
        sum += t;
    }
    for (i = 0; i < a->slow.n; i++)
        if (atm__load_at(&a->slow, i) > 0)
            return INFINITY;
    for (i = 0; i < m->st.n; i++) {
        if (!a->n_path[i])
            return INFINITY;
        for (j = 0; j < a->n_path[i]; j++)
            sum += m->graph[i].arc[a->path[i][j]].seconds;
    }
    return sum;
}
