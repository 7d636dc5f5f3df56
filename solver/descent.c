/* descent.c - a plan at once, plans without excess, and plans that no change of
 * one storage improves. */
#include "model.h"

#include "arena.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Blocks of kernels where a storage can be in fast memory. */
static uint32_t first_block(const struct atm_storage *st)
{
    return st->arg || !st->n_stations ? 0 : st->kernel[0] / ATM__BLOCK;
}

static uint32_t last_block(const struct atm__model *m,
                           const struct atm_storage *st)
{
    uint32_t last = m->p->n_kernels - 1;

    if (!st->arg && !st->out && st->n_stations)
        last = st->kernel[st->n_stations - 1];
    return last / ATM__BLOCK;
}

/* Has anything changed since where storage s can be? */
static bool has_changed(const struct atm__plan *a, uint32_t s)
{
    const struct atm_storage *st = &a->m->st.s[s];
    uint32_t b, last = last_block(a->m, st);

    for (b = first_block(st); b <= last; b++)
        if (a->changed[b] > a->looked[s])
            return true;
    return false;
}

static void mark_changed(struct atm__plan *a, uint32_t s)
{
    const struct atm_storage *st = &a->m->st.s[s];
    uint32_t b, last = last_block(a->m, st);

    for (b = first_block(st); b <= last; b++)
        a->changed[b] = a->now;
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
    a->looked[s] = ++a->now;
    if (n_old && !(best < old - 1e-12 * fabs(old))) {
        atm__plan_put(a, s, a->old_path, n_old);
        return 0;
    }
    atm__plan_put(a, s, a->arc_path, best < INFINITY ? n : 0);
    mark_changed(a, s);
    return old < INFINITY ? old - best : ATM__FORBIDDEN_S;
}

static int larger(const void *x, const void *y, void *model)
{
    const struct atm__model *m = model;
    uint32_t s = *(const uint32_t *)x, t = *(const uint32_t *)y;
    uint64_t a = m->st.s[s].bytes, b = m->st.s[t].bytes;

    return a != b ? (a > b ? -1 : 1) : s < t ? -1 : 1;
}

void atm__plan_descend(struct atm__plan *a, uint64_t seed, uint32_t sweeps)
{
    uint32_t i, j, n = a->m->st.n, sweep, t;
    double gain = 1;

    for (i = 0; i < n; i++) {
        a->order[i] = i;
        a->looked[i] = 0;
    }
    qsort_r(a->order, n, sizeof(*a->order), larger, (void *)a->m);
    a->now = 1;
    for (i = 0; i < a->fast.n_blocks; i++)
        a->changed[i] = a->now;
    for (sweep = 0; sweep < sweeps && gain > 0; sweep++) {
        gain = 0;
        for (i = 0; i < n; i++)
            if (has_changed(a, a->order[i]))
                gain += improve(a, a->order[i]);
        for (i = 0; i < a->m->p->n_kernels; i++)
            if (a->m->p->kernel[i].n_variants > 1) {
                t = a->variant[i];
                atm__plan_settle(a, i); /* others may have made room */
                if (a->variant[i] != t)
                    a->changed[i / ATM__BLOCK] = ++a->now;
            }
        for (i = n; i > 1; i--) {
            j = (uint32_t)(atm_rng_u64(seed + sweep, i) % i);
            t = a->order[i - 1];
            a->order[i - 1] = a->order[j];
            a->order[j] = t;
        }
    }
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
            uint64_t x =
                n <= 12 ? set : can & ~(set ? UINT64_C(1) << (set - 1) : 0);
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
                (void)atm__pairs(m, k, 0, ~x & ~must_fast & q->all[v],
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
                ok = arc->fast == a->spot[i][arc->station].fast && !arc->lost;
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
        atm__plan_settle(a, i);
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

/* Could storage s be in fast memory at kernel k (NONE: any)? */
static bool can_be_at(const struct atm_storage *s, uint32_t k)
{
    return s->arg || k == ATM_NONE ||
           (s->kernel[0] <= k && (s->out || k <= s->kernel[s->n_stations - 1]));
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

        if (!bytes || !a->n_path[s] || !can_be_at(&a->m->st.s[s], k) ||
            !(k != ATM_NONE ? occupies(a, s, k) : occupies_slow(a, s, phase)))
            continue;
        n = a->n_path[s];
        memcpy(a->old_path, a->path[s], n * sizeof(*a->old_path));
        atm__plan_remove(a, s);
        cost = atm__plan_best(a, s, k, &i);
        for (old = 0, i = 0; i < n; i++) {
            double c = a->arc_cost[a->old_path[i]];

            old +=
                c < INFINITY ? c : a->m->graph[s].arc[a->old_path[i]].seconds;
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
    uint32_t step, most = 4 * (m->st.n + m->p->n_kernels) + 16;

    for (step = 0; step < most; step++) {
        uint32_t kernel = atm__load_worst(&a->fast), phase = ATM_NONE;
        int64_t excess;

        if (kernel < a->fast.n) {
            excess = atm__load_at(&a->fast, kernel);
        } else {
            kernel = ATM_NONE;
            phase = atm__load_worst(&a->slow);
            if (phase == a->slow.n)
                return true;
            excess = atm__load_at(&a->slow, phase);
        }
        if (!evict_one(a, kernel, phase, (uint64_t)excess))
            return false;
    }
    return false;
}
