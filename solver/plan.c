/* plan.c - a plan being made: paths of all storages with what they hold, the
 * exact best path of one storage among the others, descent and repair. */
#include "model.h"

#include "arena.h"
#include "rng.h"

#include <math.h>
#include <string.h>

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
    a->held = atm_arena_array(arena, n, sizeof(*a->held));
    a->extra = atm_arena_array(arena, n, sizeof(*a->extra));
    a->blocked = atm_arena_array(arena, (size_t)n + 1, 4);
    a->order = atm_arena_array(arena, ns, sizeof(*a->order));
    if (!a->limit || !a->path || !a->n_path || !a->spot || !a->resident ||
        !a->variant || !a->held || !a->extra || !a->blocked || !a->order)
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
    if (m->slow_limited) {
        a->slow_held = atm_arena_array(arena, (size_t)n * 3, 8);
        a->slow_blocked = atm_arena_array(arena, (size_t)n * 3 + 1, 4);
        if (!a->slow_held || !a->slow_blocked)
            goto err;
    }
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
    memcpy(to->held, from->held, n * sizeof(*to->held));
    memcpy(to->extra, from->extra, n * sizeof(*to->extra));
    if (to->slow_held)
        memcpy(to->slow_held, from->slow_held, (size_t)n * 3 * 8);
    for (i = 0; i < m->st.n; i++) {
        uint32_t most = m->st.s[i].n_stations + 1;

        to->n_path[i] = from->n_path[i];
        to->resident[i] = from->resident[i];
        memcpy(to->path[i], from->path[i], most * sizeof(**to->path));
        memcpy(to->spot[i], from->spot[i], most * sizeof(**to->spot));
    }
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

/* The set of may pairs, from pair `at` on, that saves most bytes: an operand
 * shares once. Beyond 16 pairs each that can share does. */
static uint64_t share(const struct atm__model *m, uint32_t k, uint32_t at,
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
    with = share(m, k, at + 1, fast & ~a & ~b, give, &with_bytes);
    with |= UINT64_C(1) << at;
    with_bytes += m->p->tensor[pk->operand[pk->pair[at].in]].bytes;
    if (pk->n_pairs <= 16) {
        without = share(m, k, at + 1, fast, give, &without_bytes);
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
        (void)share(m, k, 0, fast, ~UINT64_C(0), &saved);
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
    return share(a->m, k, 0, ~w.slow & q->all[a->variant[k]], w.give, &bytes);
}

/* Best variant of k for the uses at `w`, holding `held` fast bytes without
 * scratch and sharing; INFINITY: none fits. */
static double best_variant(const struct atm__plan *a, uint32_t k,
                           struct where w, uint64_t held, uint32_t *variant,
                           int64_t *extra)
{
    const struct atm__model *m = a->m;
    const struct atm__kernel *q = &m->kernel[k];
    double best = INFINITY, t;
    uint32_t v;

    for (v = 0; v < m->p->kernel[k].n_variants; v++) {
        uint64_t saved = 0, scratch = m->p->kernel[k].variant[v].scratch_bytes;

        if (q->shares)
            (void)share(m, k, 0, ~w.slow & q->all[v], w.give, &saved);
        if (held + scratch - saved > a->limit[k])
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

    if (q->shares) {
        w = where_at(a, k);
        (void)share(a->m, k, 0, ~w.slow & q->all[v], w.give, &saved);
    }
    a->variant[k] = v;
    a->extra[k] = (int64_t)a->m->p->kernel[k].variant[v].scratch_bytes -
                  (int64_t)saved;
}

/* After a change at kernel k: its best variant and what is shared there. */
static void settle(struct atm__plan *a, uint32_t k)
{
    uint32_t v = a->variant[k];
    int64_t extra;

    (void)best_variant(a, k, where_at(a, k), a->held[k], &v, &extra);
    atm__plan_choose(a, k, v);
}

static void hold(struct atm__plan *a, uint32_t s, const struct atm__arc *arc,
                 bool add)
{
    uint64_t bytes = a->m->st.s[s].bytes;
    uint32_t k;

    for (k = arc->from_kernel; k < arc->to_kernel; k++)
        a->held[k] += add ? bytes : -bytes;
    if (arc->station != ATM_NONE && arc->fast)
        a->held[a->m->st.s[s].kernel[arc->station]] += add ? bytes : -bytes;
    if (a->slow_held)
        for (k = arc->from_phase; k < arc->to_phase; k++)
            a->slow_held[k] += add ? bytes : -bytes;
}

void atm__plan_remove(struct atm__plan *a, uint32_t s)
{
    const struct atm_storage *st = &a->m->st.s[s];
    uint32_t i, n = a->n_path[s];

    for (i = 0; i < n; i++)
        hold(a, s, &a->m->graph[s].arc[a->path[s][i]], false);
    a->n_path[s] = 0;
    a->resident[s] = 0;
    memset(a->spot[s], 0, (st->n_stations + 1) * sizeof(**a->spot));
    for (i = 0; i < st->n_stations && n; i++)
        settle(a, st->kernel[i]);
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
        hold(a, s, arc, true);
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
        settle(a, st->kernel[i]);
}

/* Costs of all arcs of storage s, which is out. */
static void price_arcs(struct atm__plan *a, uint32_t s, uint32_t forbidden)
{
    const struct atm__model *m = a->m;
    const struct atm_storage *st = &m->st.s[s];
    uint32_t i, k, n = m->p->n_kernels, station = ATM_NONE, bit = 0;
    double known[8];  /* per way to be at the station, < 0: not yet */
    double tie = a->tie_s * (double)st->bytes; /* per kernel held */
    struct where w = {0, 0, 0, 0};

    for (k = 0; k < n; k++)
        a->blocked[k + 1] = a->blocked[k] +
            (k == forbidden || (int64_t)(a->held[k] + st->bytes) +
                                       a->extra[k] > (int64_t)a->limit[k]);
    if (a->slow_held)
        for (k = 0; k < 3 * n; k++)
            a->slow_blocked[k + 1] =
                a->slow_blocked[k] +
                (a->slow_held[k] + st->bytes > m->p->slow_bytes);
    for (i = 0; i < m->graph[s].n_arcs; i++) {
        const struct atm__arc *arc = &m->graph[s].arc[i];
        double cost = arc->seconds +
                      tie * (arc->to_kernel - arc->from_kernel + arc->fast);
        uint32_t way = arc->fast ? 2u + 2u * arc->fetch + arc->give
                                 : arc->lost;

        a->arc_cost[i] = INFINITY;
        if (st->bytes && arc->from_kernel < arc->to_kernel &&
            a->blocked[arc->to_kernel] != a->blocked[arc->from_kernel])
            continue;
        if (a->slow_held && st->bytes && arc->from_phase < arc->to_phase &&
            a->slow_blocked[arc->to_phase] !=
                a->slow_blocked[arc->from_phase])
            continue;
        if (arc->station == ATM_NONE) {
            if (arc->resident) {
                uint32_t j, v;
                int64_t e;

                for (j = 0; j < st->n_stations; j++) {
                    struct where x = where_at(a, st->kernel[j]);

                    x.slow &= ~(UINT64_C(1)
                                << atm__use_index(m, st->kernel[j], s));
                    cost += best_variant(a, st->kernel[j], x,
                                         a->held[st->kernel[j]] + st->bytes,
                                         &v, &e);
                }
            }
            a->arc_cost[i] = cost;
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
            known[way] = arc->fast && k == forbidden
                             ? INFINITY
                             : best_variant(a, k, x, a->held[k] +
                                            (arc->fast ? st->bytes : 0),
                                            &v, &e);
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

/* Removes s and puts it on its best path, if that gains. */
static double improve(struct atm__plan *a, uint32_t s)
{
    uint32_t i, n, n_old = a->n_path[s];
    double old = 0, best;

    memcpy(a->old_path, a->path[s], n_old * sizeof(*a->old_path));
    atm__plan_remove(a, s);
    best = atm__plan_best(a, s, ATM_NONE, &n);
    for (i = 0; i < n_old; i++)
        old += a->arc_cost[a->old_path[i]];
    if (n_old && !(best < old - 1e-12 * fabs(old))) {
        atm__plan_put(a, s, a->old_path, n_old);
        return 0;
    }
    atm__plan_put(a, s, a->arc_path, best < INFINITY ? n : 0);
    return old < INFINITY ? old - best : ATM__FORBIDDEN_S;
}

void atm__plan_descend(struct atm__plan *a, uint64_t seed, uint32_t sweeps)
{
    uint32_t i, j, n = a->m->st.n, sweep, t;
    double gain = 1;

    for (i = 0; i < n; i++) {
        for (j = i; j > 0 && a->m->st.s[a->order[j - 1]].bytes <
                                 a->m->st.s[i].bytes; j--)
            a->order[j] = a->order[j - 1];
        a->order[j] = i;
    }
    for (sweep = 0; sweep < sweeps && gain > 0; sweep++) {
        gain = 0;
        for (i = 0; i < n; i++)
            gain += improve(a, a->order[i]);
        for (i = 0; i < a->m->p->n_kernels; i++)
            if (a->m->p->kernel[i].n_variants > 1)
                settle(a, i); /* others may have made room */
        for (i = n; i > 1; i--) {
            j = (uint32_t)(atm_rng_u64(seed + sweep, i) % i);
            t = a->order[i - 1];
            a->order[i - 1] = a->order[j];
            a->order[j] = t;
        }
    }
}

double atm__plan_seconds(const struct atm__plan *a)
{
    const struct atm__model *m = a->m;
    double sum = 0, t;
    uint32_t i, j;

    for (i = 0; i < m->p->n_kernels; i++) {
        t = kernel_now(a, i);
        if (t >= ATM__FORBIDDEN_S ||
            (int64_t)a->held[i] + a->extra[i] > (int64_t)a->limit[i])
            return INFINITY;
        sum += t;
    }
    for (i = 0; i < 3 * m->p->n_kernels && a->slow_held; i++)
        if (a->slow_held[i] > m->p->slow_bytes)
            return INFINITY;
    for (i = 0; i < m->st.n; i++) {
        if (!a->n_path[i])
            return INFINITY;
        for (j = 0; j < a->n_path[i]; j++)
            sum += m->graph[i].arc[a->path[i][j]].seconds;
    }
    return sum;
}

/* ---- start ---- */

/* Is storage s in fast memory at all times by decree? */
static bool fixed_fast(const struct atm__model *m, uint32_t s)
{
    return m->st.s[s].fixed == ATM_FIXED_FAST;
}

/* What being at kernel k alone costs storage s in fast memory. */
static double alone(const struct atm__model *m, uint32_t s, uint32_t station)
{
    const struct atm_storage *st = &m->st.s[s];
    double t = st->arg || station > 0 ? st->fetch_s : 0;

    if (st->made[station] &&
        (st->circle || st->out || station + 1 < st->n_stations))
        t += st->evict_s;
    return t;
}

/* The cheapest entry of k that fits alone: variant and slow set. */
static bool best_entry(const struct atm__plan *a, uint32_t k, uint64_t fixed,
                       uint32_t *variant, uint64_t *slow)
{
    const struct atm__model *m = a->m;
    const struct atm__kernel *q = &m->kernel[k];
    double best = INFINITY;
    uint64_t set, sets, must_fast = 0, every;
    uint32_t v, j, n = q->n;

    for (j = 0; j < n; j++)
        if (fixed_fast(m, q->use[j].storage))
            must_fast |= UINT64_C(1) << j;
    /* with many operands: what may be slow is slow, save one at a time */
    sets = n <= 12 ? UINT64_C(1) << n : (uint64_t)n + 1;
    every = n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
    for (v = 0; v < m->p->kernel[k].n_variants; v++) {
        uint64_t can = 0;

        for (j = 0; j < n && n > 12; j++)
            if (atm__kernel_seconds(m, k, v, UINT64_C(1) << j) >= 0 ||
                !(q->all[v] >> j & 1))
                can |= UINT64_C(1) << j;
        for (set = 0; set < sets; set++) {
            uint64_t x = n <= 12 ? set
                                 : can & ~(set ? UINT64_C(1) << (set - 1)
                                               : 0);
            uint64_t bytes = fixed + m->p->kernel[k].variant[v].scratch_bytes;
            uint64_t saved = 0;
            double t = atm__kernel_seconds(m, k, v, x);

            if (t < 0 || (x & must_fast) ||
                (~x & ~q->all[v] & ~must_fast & every))
                continue; /* what is not read is not fast */
            for (j = 0; j < n; j++)
                if (!(x >> j & 1) && !(must_fast >> j & 1)) {
                    bytes += m->st.s[q->use[j].storage].bytes;
                    t += alone(m, q->use[j].storage, q->use[j].station);
                }
            if (q->shares)
                (void)share(m, k, 0, ~x & ~must_fast & q->all[v],
                            ~UINT64_C(0), &saved);
            if (bytes - saved <= a->limit[k] && t < best) {
                best = t;
                *variant = v;
                *slow = x;
            }
        }
    }
    return best < INFINITY;
}

bool atm__plan_start(struct atm__plan *a)
{
    const struct atm__model *m = a->m;
    uint64_t fixed = 0, slow = 0;
    uint32_t i, j, n, v = 0;

    for (i = 0; i < m->st.n; i++) {
        if (a->n_path[i])
            atm__plan_remove(a, i);
        fixed += fixed_fast(m, i) ? m->st.s[i].bytes : 0;
    }
    /* spots carry what each kernel wants of each storage */
    for (i = 0; i < m->p->n_kernels; i++) {
        if (!best_entry(a, i, fixed, &v, &slow))
            return false;
        a->variant[i] = v;
        for (j = 0; j < m->kernel[i].n; j++) {
            const struct atm__use *u = &m->kernel[i].use[j];

            a->spot[u->storage][u->station].fast = !(slow >> j & 1);
        }
    }
    for (i = 0; i < m->st.n; i++) {
        for (j = 0; j < m->graph[i].n_arcs; j++) {
            const struct atm__arc *arc = &m->graph[i].arc[j];
            bool ok = !arc->keep && (!arc->resident || fixed_fast(m, i));

            if (ok && arc->station != ATM_NONE)
                ok = arc->fast == a->spot[i][arc->station].fast &&
                     !arc->lost;
            a->arc_cost[j] = ok ? arc->seconds : INFINITY;
        }
        if (atm__shortest(&m->graph[i], a->arc_cost, a->arc_path, &n) ==
            INFINITY) {
            /* kept only for want of another way: the descent takes it out */
            for (j = 0; j < m->graph[i].n_arcs; j++)
                a->arc_cost[j] = m->graph[i].arc[j].seconds;
            (void)atm__shortest(&m->graph[i], a->arc_cost, a->arc_path, &n);
        }
        memcpy(a->path[i], a->arc_path, n * sizeof(**a->path));
        a->n_path[i] = 0;
        a->order[i] = n;
    }
    for (i = 0; i < m->st.n; i++)
        atm__plan_put(a, i, a->path[i], a->order[i]);
    for (i = 0; i < m->p->n_kernels; i++)
        settle(a, i);
    return true;
}

/* ---- repair ---- */

static bool occupies(const struct atm__plan *a, uint32_t s, uint32_t k)
{
    const struct atm__path_graph *g = &a->m->graph[s];
    uint32_t i;

    for (i = 0; i < a->n_path[s]; i++) {
        const struct atm__arc *arc = &g->arc[a->path[s][i]];

        if (k >= arc->from_kernel && k < arc->to_kernel)
            return true;
        if (arc->station != ATM_NONE && arc->fast &&
            a->m->st.s[s].kernel[arc->station] == k)
            return true;
    }
    return false;
}

static bool occupies_slow(const struct atm__plan *a, uint32_t s, uint32_t at)
{
    const struct atm__path_graph *g = &a->m->graph[s];
    uint32_t i;

    for (i = 0; i < a->n_path[s]; i++) {
        const struct atm__arc *arc = &g->arc[a->path[s][i]];

        if (at >= arc->from_phase && at < arc->to_phase)
            return true;
    }
    return false;
}

/* Re-plans the storage that leaves kernel k (or slow phase `phase`) at the
 * least cost per byte of the excess. */
static bool evict_one(struct atm__plan *a, uint32_t k, uint32_t phase,
                      uint64_t excess)
{
    double best = INFINITY, cost, old;
    uint32_t s, i, n, who = ATM_NONE;

    for (s = 0; s < a->m->st.n; s++) {
        uint64_t bytes = a->m->st.s[s].bytes;

        if (!bytes || !a->n_path[s] ||
            !(k != ATM_NONE ? occupies(a, s, k) : occupies_slow(a, s, phase)))
            continue;
        n = a->n_path[s];
        memcpy(a->old_path, a->path[s], n * sizeof(*a->old_path));
        atm__plan_remove(a, s);
        cost = atm__plan_best(a, s, k, &i);
        for (old = 0, i = 0; i < n; i++) {
            double c = a->arc_cost[a->old_path[i]];

            old += c < INFINITY ? c
                                : a->m->graph[s].arc[a->old_path[i]].seconds;
        }
        atm__plan_put(a, s, a->old_path, n);
        cost = (cost - old) / (double)(bytes < excess ? bytes : excess);
        if (cost < best) {
            best = cost;
            who = s;
        }
    }
    if (who == ATM_NONE)
        return false;
    atm__plan_remove(a, who);
    (void)atm__plan_best(a, who, k, &n);
    atm__plan_put(a, who, a->arc_path, n);
    return true;
}

bool atm__plan_repair(struct atm__plan *a)
{
    const struct atm__model *m = a->m;
    uint32_t step, k, most = 4 * (m->st.n + m->p->n_kernels) + 16;

    for (step = 0; step < most; step++) {
        uint32_t worst = ATM_NONE, phase = ATM_NONE;
        int64_t excess = 0, e;

        for (k = 0; k < m->p->n_kernels; k++) {
            e = (int64_t)a->held[k] + a->extra[k] - (int64_t)a->limit[k];
            if (e > excess) {
                excess = e;
                worst = k;
            }
        }
        for (k = 0; k < 3 * m->p->n_kernels && a->slow_held &&
                    worst == ATM_NONE; k++)
            if (a->slow_held[k] > m->p->slow_bytes &&
                (int64_t)(a->slow_held[k] - m->p->slow_bytes) > excess) {
                excess = (int64_t)(a->slow_held[k] - m->p->slow_bytes);
                phase = k;
            }
        if (excess == 0)
            return true;
        if (!evict_one(a, worst, phase, (uint64_t)excess))
            return false;
    }
    return false;
}
