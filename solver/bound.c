/* bound.c - the lower bound that prices prove (planning problem, section 5):
 *
 *     - sum mu_k budget - sum sigma slow_bytes - sum nu b
 *     + per kernel the least over entries of t - sum pi(slow) + mu scratch
 *     + per storage the cheapest legal path at these prices
 *     + per may pair the least of 0 and alpha + beta - size mu
 *
 * It holds for any prices, so a price that the linear program got wrong only
 * weakens it. In a leaf of a tree entries and paths are those that the splits
 * above it leave. Sums in long double; what they may have lost is taken off
 * before rounding down.
 */
#include "prices.h"

#include "arena.h"
#include "async_problem.h"

#include <inttypes.h>
#include <math.h>

#define ENTRIES_MAX 12 /* uses up to which all entries are listed */

static void add(struct atm__prices *p, long double v)
{
    p->sum += v;
    p->size += fabsl(v);
}

static enum atm_status wrong(const char *what)
{
    return atm_fail(ATM_INVAL, "certificate: %s", what);
}

/* Use of kernel k that is its operand `position`, in the numbering of
 * certificates. */
static uint32_t use_at(const struct atm__model *m, uint32_t k,
                       uint32_t position)
{
    const struct atm__kernel *q = &m->kernel[k];
    uint32_t s;

    if (position >= q->n_positions)
        return ATM_NONE;
    s = m->st.of[q->operand[position]];
    return atm__use_index(m, k, s);
}

static enum atm_status read_memory(struct atm__prices *p)
{
    const struct atm_problem *q = p->m->p;
    const struct atm_certificate *c = p->c;
    uint32_t i, n = q->n_kernels;

    for (i = 0; i < c->n_memory; i++) {
        if (c->memory[i].at >= n || !(c->memory[i].value >= 0))
            return wrong("a memory price is out of range");
        p->mu[c->memory[i].at] += c->memory[i].value;
        add(p, -(long double)c->memory[i].value * (long double)p->budget);
    }
    for (i = 0; i < c->n_slow_memory; i++) {
        if (c->slow_memory[i].at >= 3 * n || !(c->slow_memory[i].value >= 0) ||
            q->slow_bytes == UINT64_MAX)
            return wrong("a price of slow memory is out of range");
        p->sigma_sum[c->slow_memory[i].at + 1] += c->slow_memory[i].value;
        add(p, -(long double)c->slow_memory[i].value *
                   (long double)q->slow_bytes);
    }
    for (i = 0; i < n; i++)
        p->mu_sum[i + 1] = p->mu_sum[i] + p->mu[i];
    for (i = 0; i < 3 * n; i++)
        p->sigma_sum[i + 1] += p->sigma_sum[i];
    return ATM_OK;
}

static enum atm_status read_operands(struct atm__prices *p)
{
    const struct atm_certificate *c = p->c;
    const struct atm__model *m = p->m;
    uint32_t i, j;

    for (i = 0; i < m->p->n_kernels; i++) {
        p->pi[i] = atm_arena_array(p->arena, m->kernel[i].n, sizeof(double));
        if (!p->pi[i])
            return ATM_NOMEM;
    }
    for (i = 0; i < c->n_operand; i++) {
        uint32_t k = c->operand[i].kernel;

        j = k < m->p->n_kernels ? use_at(m, k, c->operand[i].operand)
                                : ATM_NONE;
        if (j == ATM_NONE || !isfinite(c->operand[i].value))
            return wrong("an operand price is out of range");
        p->pi[k][j] += c->operand[i].value;
        p->size += fabs(c->operand[i].value);
    }
    return ATM_OK;
}

static enum atm_status read_pairs(struct atm__prices *p)
{
    const struct atm_certificate *c = p->c;
    uint32_t i, n = p->m->p->n_kernels;

    for (i = 0; i < c->n_pair; i++) {
        uint32_t k = c->pair[i].kernel, q = c->pair[i].pair;
        uint32_t n_pairs = k < n ? p->m->p->kernel[k].n_pairs : 0;

        if (q >= n_pairs || p->m->p->kernel[k].pair[q].must ||
            !(c->pair[i].alpha >= 0) || !(c->pair[i].beta >= 0))
            return wrong("a pair price is out of range");
        if (!p->alpha[k]) {
            p->alpha[k] = atm_arena_array(p->arena, n_pairs, sizeof(double));
            p->beta[k] = atm_arena_array(p->arena, n_pairs, sizeof(double));
            if (!p->alpha[k] || !p->beta[k])
                return ATM_NOMEM;
        }
        p->alpha[k][q] += c->pair[i].alpha;
        p->beta[k][q] += c->pair[i].beta;
    }
    return ATM_OK;
}

static enum atm_status read_cuts(struct atm__prices *p)
{
    const struct atm_certificate *c = p->c;
    uint32_t i, j, n = 0;

    for (i = 0; i < c->n_knapsack; i++)
        n += c->knapsack[i].n;
    p->cut = atm_arena_array(p->arena, n, sizeof(*p->cut));
    p->first_cut = atm_arena_array(p->arena, p->m->st.n,
                                   sizeof(*p->first_cut));
    if (!p->cut || !p->first_cut)
        return ATM_NOMEM;
    for (i = 0; i < p->m->st.n; i++)
        p->first_cut[i] = ATM_NONE;
    for (i = n = 0; i < c->n_knapsack; i++) {
        const struct atm_price_knapsack *q = &c->knapsack[i];

        if (q->kernel >= p->m->p->n_kernels || !(q->nu >= 0))
            return wrong("a knapsack price is out of range");
        add(p, -(long double)q->nu * (long double)q->b);
        for (j = 0; j < q->n; j++, n++) {
            uint32_t s;

            if (q->tensor[j] >= p->m->p->n_tensors || q->a[j] <= 0)
                return wrong("a knapsack names no tensor");
            s = p->m->st.of[q->tensor[j]];
            p->cut[n] = (struct atm__cut_of){p->first_cut[s], q->kernel,
                                        q->nu * (double)q->a[j]};
            p->first_cut[s] = n;
        }
    }
    return ATM_OK;
}

/* ---- kernels ---- */

/* Least of `t - sum pi` over the slow sets of a modelled table of many
 * operands. For max(base, sum), any mixture theta of the two is below it: the
 * best of the thetas where a term changes sign (the function is concave). */
static long double modelled(const struct atm__prices *p, uint32_t k, uint32_t v,
                            const struct atm__place_of_use *at)
{
    const struct atm_table *t = &p->m->p->kernel[k].variant[v].t;
    const struct atm__kernel *q = &p->m->kernel[k];
    long double best = -INFINITY;
    uint32_t i, j;

    for (i = 0; i < t->n + 2; i++) {
        long double theta = i < t->n ? 0 : i - t->n, f;

        if (t->sum)
            theta = 1;
        else if (i < t->n && t->slow[i] > 0)
            theta = ((long double)p->pi[k][q->bit[v][i]] - t->latency[i]) /
                    t->slow[i];
        if (!(theta >= 0 && theta <= 1))
            continue;
        f = t->sum ? t->base : (1 - theta) * t->base;
        for (j = 0; j < t->n; j++) {
            long double d = theta * t->slow[j] + t->latency[j] -
                            p->pi[k][q->bit[v][j]];

            if (t->slow[j] >= 0 && !(at->fast >> q->bit[v][j] & 1) &&
                (d < 0 || at->slow >> q->bit[v][j] & 1))
                f += d;
        }
        best = f > best ? f : best;
        if (t->sum)
            break;
    }
    return best;
}

/* The least over the entries of kernel k that fit. */
static long double kernel_term(struct atm__prices *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    long double best = INFINITY, f;
    const struct atm__place_of_use at =
        atm__split_uses(m, k, p->split, p->n_split);
    uint32_t v, j;
    uint64_t set;

    for (v = 0; v < m->p->kernel[k].n_variants; v++) {
        const struct atm_variant *w = &m->p->kernel[k].variant[v];
        long double base = (long double)p->mu[k] * w->scratch_bytes;
        bool twice = w->t.n != (uint32_t)__builtin_popcountll(q->all[v]);

        if (!atm__split_variant(k, v, p->split, p->n_split))
            continue;
        for (j = 0; j < q->n; j++)
            if (!(q->all[v] >> j & 1) && !(at.fast >> j & 1) &&
                (p->pi[k][j] > 0 || at.slow >> j & 1))
                base -= p->pi[k][j];
        if (q->n > ENTRIES_MAX && !w->t.list && !twice) {
            f = base + modelled(p, k, v, &at);
            best = f < best ? f : best;
            continue;
        }
        for (set = q->all[v];; set = (set - 1) & q->all[v]) {
            double t = atm__kernel_seconds(m, k, v, set);

            if (t >= 0 && !(set & at.fast) && !(~set & at.slow & q->all[v]) &&
                atm__entry_fits(m, k, v, set, p->budget)) {
                f = base + t;
                for (j = 0; j < q->n; j++)
                    f -= set >> j & 1 ? p->pi[k][j] : 0;
                best = f < best ? f : best;
            }
            if (set == 0)
                break;
        }
    }
    return best;
}

/* ---- storages ---- */

static double station_price(const struct atm__prices *p, uint32_t s,
                            const struct atm__arc *arc)
{
    const struct atm__model *m = p->m;
    uint32_t k = m->st.s[s].kernel[arc->station], q;
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    double cost;

    if (!arc->fast)
        return p->pi[k][atm__use_index(m, k, s)];
    cost = p->mu[k] * (double)m->st.s[s].bytes;
    for (q = 0; q < pk->n_pairs && p->alpha[k]; q++) {
        if (arc->give && m->st.of[pk->operand[pk->pair[q].in]] == s)
            cost -= p->alpha[k][q];
        if (m->st.of[pk->operand[pk->n_in + pk->pair[q].out]] == s)
            cost -= p->beta[k][q];
    }
    return cost;
}

void atm__prices_arcs(const struct atm__prices *p, uint32_t s, double *cost)
{
    const struct atm__path_graph *g = &p->m->graph[s];
    const struct atm_storage *st = &p->m->st.s[s];
    double bytes = (double)st->bytes;
    uint32_t i, c;

    for (i = 0; i < g->n_arcs; i++) {
        const struct atm__arc *arc = &g->arc[i];

        if (!atm__split_arc(p->m, s, arc, p->split, p->n_split)) {
            cost[i] = INFINITY;
            continue;
        }
        cost[i] = arc->seconds;
        if (arc->from_kernel < arc->to_kernel)
            cost[i] += bytes * (double)(p->mu_sum[arc->to_kernel] -
                                p->mu_sum[arc->from_kernel]);
        if (arc->from_phase < arc->to_phase)
            cost[i] += bytes * (double)(p->sigma_sum[arc->to_phase] -
                                p->sigma_sum[arc->from_phase]);
        if (arc->station != ATM_NONE)
            cost[i] += station_price(p, s, arc);
        for (c = p->first_cut[s]; c != ATM_NONE; c = p->cut[c].next)
            if ((p->cut[c].kernel >= arc->from_kernel &&
                 p->cut[c].kernel < arc->to_kernel) ||
                (arc->station != ATM_NONE && arc->fast &&
                 st->kernel[arc->station] == p->cut[c].kernel))
                cost[i] += p->cut[c].price;
    }
}

static long double storage_term(struct atm__prices *p, uint32_t s,
                                double *cost)
{
    uint32_t i;

    atm__prices_arcs(p, s, cost);
    for (i = 0; i < p->m->graph[s].n_arcs; i++)
        if (cost[i] < INFINITY)
            p->size += fabs(cost[i]);
    return atm__shortest(&p->m->graph[s], cost, NULL, NULL);
}

static void pair_terms(struct atm__prices *p)
{
    const struct atm__model *m = p->m;
    uint32_t k, q;

    for (k = 0; k < m->p->n_kernels; k++) {
        const struct atm_problem_kernel *pk = &m->p->kernel[k];

        for (q = 0; q < pk->n_pairs; q++) {
            double bytes =
                (double)m->p->tensor[pk->operand[pk->pair[q].in]].bytes;
            long double f = -(long double)bytes * p->mu[k];

            if (pk->pair[q].must)
                continue;
            if (p->alpha[k])
                f += (long double)p->alpha[k][q] + p->beta[k][q];
            add(p, f < 0 ? f : 0);
        }
    }
}

static enum atm_status bound(struct atm__prices *p)
{
    const struct atm__model *m = p->m;
    uint32_t i, most = 1;
    double *cost;

    for (i = 0; i < m->st.n; i++)
        most = m->graph[i].n_arcs > most ? m->graph[i].n_arcs : most;
    cost = atm_arena_array(p->arena, most, sizeof(*cost));
    if (!cost)
        return ATM_NOMEM;
    for (i = 0; i < m->p->n_kernels; i++)
        add(p, kernel_term(p, i));
    for (i = 0; i < m->st.n; i++)
        add(p, storage_term(p, i, cost));
    pair_terms(p);
    return ATM_OK;
}

enum atm_status atm__prices_read(struct atm__prices *p)
{
    size_t n = p->m->p->n_kernels;
    enum atm_status st;

    p->mu = atm_arena_array(p->arena, n, sizeof(*p->mu));
    p->mu_sum = atm_arena_array(p->arena, n + 1, sizeof(*p->mu_sum));
    p->sigma_sum = atm_arena_array(p->arena, 3 * n + 1, sizeof(*p->sigma_sum));
    p->pi = atm_arena_array(p->arena, n, sizeof(*p->pi));
    p->alpha = atm_arena_array(p->arena, n, sizeof(*p->alpha));
    p->beta = atm_arena_array(p->arena, n, sizeof(*p->beta));
    if (!p->mu || !p->mu_sum || !p->sigma_sum || !p->pi || !p->alpha ||
        !p->beta)
        return ATM_NOMEM;
    st = read_memory(p);
    if (!st)
        st = read_operands(p);
    if (!st)
        st = read_pairs(p);
    return st ? st : read_cuts(p);
}

enum atm_status atm__bound_leaf(const struct atm__model *m,
                                const struct atm_certificate *c,
                                uint64_t budget,
                                const struct atm__split *split,
                                uint32_t n_split, double *out)
{
    struct atm__prices p = {.m = m, .c = c, .budget = budget, .split = split,
                            .n_split = n_split, .arena = atm_arena_new()};
    enum atm_status st;

    *out = 0;
    if (!p.arena)
        return ATM_NOMEM;
    st = atm__prices_read(&p);
    if (!st)
        st = bound(&p);
    if (!st && p.sum == INFINITY) { /* a leaf without any plan */
        *out = INFINITY;
    } else if (!st) {
        /* each of the few roundings on the way loses at most 2^-52 */
        long double b = p.sum - p.size * 0x1p-50L;

        *out = (double)(floorl(b * 1e9L) / 1e9L);
    }
    atm_arena_delete(p.arena);
    return st;
}

static enum atm_status node_bound(const struct atm__model *m,
                                  const struct atm_certificate *c,
                                  uint64_t budget, struct atm__split *above,
                                  uint32_t depth, double *out)
{
    enum atm_status st;
    double no;

    if (c->split == ATM_SPLIT_NONE)
        return atm__bound_leaf(m, c, budget, above, depth, out);
    if (depth == ATM__DEPTH_MAX || !c->yes || !c->no)
        return wrong("a tree that is too deep, or a node without children");
    above[depth] = (struct atm__split){c->split, c->split_at, c->split_index,
                                       true};
    if (!atm__split_valid(m, &above[depth]))
        return wrong("a split is out of range");
    st = node_bound(m, c->yes, budget, above, depth + 1, out);
    if (st)
        return st;
    above[depth].yes = false;
    st = node_bound(m, c->no, budget, above, depth + 1, &no);
    *out = fmin(*out, no);
    return st;
}

enum atm_status atm__bound(const struct atm__model *m,
                           const struct atm_certificate *c, double *out)
{
    struct atm__split above[ATM__DEPTH_MAX];

    return node_bound(m, c, c->budget, above, 0, out);
}

/* Exactly 1: else the bound is none. */
static bool weights_sum(const double w[3])
{
    long double sum = (long double)w[0] + w[1] + w[2];

    return w[0] >= 0 && w[1] >= 0 && w[2] >= 0 && sum == 1;
}

enum atm_status atm_certificate_bound(const struct atm_problem *p,
                                      const struct atm_certificate *c,
                                      double *out)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_problem async, weighted;
    struct atm__model *m = NULL;
    enum atm_status st = arena ? ATM_OK : ATM_NOMEM;

    *out = 0;
    if (!st && c->weighted) {
        if (!p->has_async)
            st = wrong("weights are of asynchronous problems only");
        else if (!weights_sum(c->weights))
            st = wrong("the weights are no three of sum 1");
        else
            st = atm__async_problem(p, arena, &async);
        if (!st)
            st = atm__weighted_problem(&async, c->weights, arena, &weighted);
        p = &weighted;
    }
    if (!st)
        st = atm__model_new(p, c->budget, false, &m);
    if (!st)
        st = atm__bound(m, c, out);
    atm__model_delete(&m);
    atm_arena_delete(arena);
    return st;
}
