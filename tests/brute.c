/* brute.c - tries every decision of a tiny problem under the rules of the
 * planning problem, sections 2.1 to 2.10, written down once more. */
#include "brute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_T = 10, MAX_K = 8, MAX_ST = 8, MAX_OPT = 4096 };

struct option {            /* what one storage does */
    bool resident;
    unsigned x, y;         /* bits per station, per gap */
    /* filled by walk() for the variants at hand */
    bool legal;
    double cost;
    unsigned fast;         /* kernels */
    unsigned slow;         /* phases */
    unsigned left, valid;  /* stations: leaves after, copy valid before */
};

struct store {
    unsigned n_t, t[MAX_T], n_st, st[MAX_ST], n_gaps;
    bool arg, circle, out, made[MAX_ST];
    enum atm_fixed fixed;
    uint64_t size;
    double fetch, evict;
    unsigned n_opt;
    struct option *opt;
};

struct brute {
    const struct atm_problem *p;
    uint64_t budget;
    unsigned n, n_s, variant[MAX_K];
    struct store s[MAX_T];
    unsigned of[MAX_T];
    const struct option *now[MAX_T];
    double best;
};

static bool in_variant(const struct brute *b, unsigned k, unsigned v,
                       unsigned t)
{
    const struct atm_variant *w = &b->p->kernel[k].variant[v];

    for (uint32_t j = 0; j < w->t.n; j++)
        if (w->operand[j] == t)
            return true;
    return false;
}

static bool used(const struct brute *b, const struct store *s, unsigned k)
{
    for (unsigned i = 0; i < s->n_t; i++)
        if (in_variant(b, k, b->variant[k], s->t[i]))
            return true;
    return false;
}

static bool is_out(const struct atm_problem_kernel *k, unsigned t)
{
    for (uint32_t j = 0; j < k->n_out; j++)
        if (k->operand[k->n_in + j] == t)
            return true;
    return false;
}

static int must_next(const struct brute *b, unsigned t)
{
    for (unsigned k = 0; k < b->n; k++) {
        const struct atm_problem_kernel *q = &b->p->kernel[k];

        for (uint32_t j = 0; j < q->n_pairs; j++)
            if (q->pair[j].must && q->operand[q->pair[j].in] == t)
                return (int)q->operand[q->n_in + q->pair[j].out];
    }
    return -1;
}

static void make_stores(struct brute *b)
{
    bool later[MAX_T] = {false};

    for (unsigned t = 0; t < b->p->n_tensors; t++)
        if (must_next(b, t) >= 0)
            later[must_next(b, t)] = true;
    for (unsigned t = 0; t < b->p->n_tensors; t++) {
        const struct atm_problem_tensor *e = &b->p->tensor[t];
        struct store *s = &b->s[b->n_s];
        bool at[MAX_K] = {false}, made[MAX_K] = {false};

        if (later[t])
            continue;
        for (int u = (int)t; u >= 0; u = must_next(b, (unsigned)u)) {
            s->t[s->n_t++] = (unsigned)u;
            b->of[u] = b->n_s;
            for (unsigned k = 0; k < b->n; k++) {
                for (uint32_t v = 0; v < b->p->kernel[k].n_variants; v++)
                    at[k] |= in_variant(b, k, v, (unsigned)u);
                made[k] |= is_out(&b->p->kernel[k], (unsigned)u);
            }
        }
        for (unsigned k = 0; k < b->n; k++)
            if (at[k]) {
                s->made[s->n_st] = made[k];
                s->st[s->n_st++] = k;
            }
        s->arg = e->arg;
        s->circle = e->arg && b->p->cyclic;
        s->out = b->p->tensor[s->t[s->n_t - 1]].out && !s->circle &&
                 !(e->arg && s->n_t == 1);
        s->fixed = e->fixed;
        s->size = e->bytes;
        s->fetch = e->fetch_s;
        s->evict = e->evict_s;
        s->n_gaps = s->n_st == 0 ? 0 : s->n_st - 1 + (s->circle || s->out);
        b->n_s++;
    }
}

/* All consistent ways; false: too many. */
static bool make_options(struct store *s)
{
    unsigned n = 0;

    s->opt = calloc(MAX_OPT, sizeof(*s->opt));
    if (!s->opt)
        return false;
    if (s->arg && s->fixed != ATM_FIXED_SLOW)
        s->opt[n++].resident = true;
    for (unsigned x = 0; x < 1u << s->n_st && s->fixed != ATM_FIXED_FAST; x++)
        for (unsigned y = 0; y < 1u << s->n_gaps; y++) {
            bool ok = true;

            for (unsigned g = 0; g < s->n_gaps; g++) {
                bool last = g + 1 == s->n_st;

                if (y >> g & 1)
                    ok &= (x >> g & 1) &&
                          (last ? !s->circle || (x & 1) : x >> (g + 1) & 1);
            }
            /* all round in fast memory is the resident option */
            if (s->circle && s->n_st && y + 1 == 1u << s->n_gaps)
                ok = false;
            if (ok && n == MAX_OPT)
                return false;
            if (ok) {
                s->opt[n].x = x;
                s->opt[n++].y = y;
            }
        }
    s->n_opt = n;
    return true;
}

static void walk(const struct brute *b, const struct store *s,
                 struct option *o)
{
    unsigned n = b->n, start = 0, m = s->n_st;
    unsigned first = ~0u, last = 0; /* of the slow place */
    bool valid = s->arg, exists = s->arg;

    o->legal = true;
    o->cost = 0;
    o->fast = o->slow = o->left = o->valid = 0;
    if (o->resident) {
        o->fast = (1u << n) - 1;
        return;
    }
    if (s->circle)
        for (unsigned g = 0; g < m; g++)
            if (!(o->y >> g & 1))
                start = g + 1;
    for (unsigned j = 0; j < m; j++) {
        unsigned i = (start + j) % m, prev = (i + m - 1) % m, k = s->st[i];
        bool kept = j > 0 && (o->y >> prev & 1), u = used(b, s, k);
        bool after = i < s->n_gaps && (o->y >> i & 1), later;

        o->valid |= (unsigned)valid << i;
        if (o->x >> i & 1) {
            o->fast |= 1u << k;
            if (kept) { /* between the station before and this one */
                for (unsigned q = s->st[prev]; q != k; q = (q + 1) % n)
                    o->fast |= 1u << q;
            } else {
                o->legal &= u && (!exists || valid);
                if (exists) {
                    o->cost += s->fetch;
                    first = first == ~0u ? 3 * k : first;
                    last = 3 * k;
                }
            }
            if (s->made[i]) {
                exists = true;
                valid = false;
            }
        } else if (u) {
            o->legal &= valid || !exists;
            first = first == ~0u ? 3 * k + 1 : first;
            last = 3 * k + 1;
            if (s->made[i])
                exists = valid = true;
        }
        if (!(o->x >> i & 1) || after)
            continue;
        o->left |= 1u << i;
        later = s->circle || s->out;
        for (unsigned q = j + 1; q < m; q++)
            later |= used(b, s, s->st[(start + q) % m]);
        if (later && !valid) {
            o->cost += s->evict;
            valid = true;
            first = first == ~0u ? 3 * k + 2 : first;
            last = 3 * k + 2;
        }
    }
    if (s->out && m && (o->y >> (m - 1) & 1))
        for (unsigned k = s->st[m - 1]; k < n; k++)
            o->fast |= 1u << k;
    if (s->out && m && !(o->y >> (m - 1) & 1)) {
        o->legal &= valid;
        last = 3 * n - 1;
    }
    if (s->arg) {
        first = 0;
        last = 3 * n - 1;
    }
    for (unsigned q = first; first != ~0u && q <= last; q++)
        o->slow |= 1u << q;
}

static bool fast_at(const struct brute *b, unsigned t, unsigned k)
{
    return b->now[b->of[t]]->fast >> k & 1;
}

/* May pair i of kernel k share? */
static bool may_share(const struct brute *b, unsigned k, unsigned i)
{
    const struct atm_problem_kernel *q = &b->p->kernel[k];
    unsigned in = q->operand[q->pair[i].in];
    unsigned out = q->operand[q->n_in + q->pair[i].out], at;
    const struct store *s = &b->s[b->of[in]];
    const struct option *o = b->now[b->of[in]];
    bool later = s->circle || s->out;

    if (q->pair[i].must || o->resident || !fast_at(b, in, k) ||
        !fast_at(b, out, k) || !in_variant(b, k, b->variant[k], in) ||
        !in_variant(b, k, b->variant[k], out))
        return false;
    for (uint32_t j = 0; j < q->n_pairs; j++)
        if (q->pair[j].must &&
            (q->operand[q->pair[j].in] == in ||
             q->operand[q->n_in + q->pair[j].out] == in ||
             q->operand[q->pair[j].in] == out ||
             q->operand[q->n_in + q->pair[j].out] == out))
            return false;
    for (at = 0; s->st[at] != k; at++)
        ;
    for (unsigned j = at + 1; j < s->n_st; j++)
        later |= used(b, s, s->st[j]);
    return (o->left >> at & 1) && (!later || (o->valid >> at & 1));
}

/* The most bytes that pairs i.. of k save. */
static uint64_t shared(const struct brute *b, unsigned k, unsigned i,
                       unsigned taken)
{
    const struct atm_problem_kernel *q = &b->p->kernel[k];
    uint64_t with, without;
    unsigned in, out;

    if (i == q->n_pairs)
        return 0;
    without = shared(b, k, i + 1, taken);
    in = q->operand[q->pair[i].in];
    out = q->operand[q->n_in + q->pair[i].out];
    if ((taken >> in & 1) || (taken >> out & 1) || !may_share(b, k, i))
        return without;
    with = b->p->tensor[in].bytes +
           shared(b, k, i + 1, taken | 1u << in | 1u << out);
    return with > without ? with : without;
}

static void judge(struct brute *b, double cost)
{
    for (unsigned k = 0; k < b->n && cost < b->best; k++) {
        const struct atm_variant *v =
            &b->p->kernel[k].variant[b->variant[k]];
        uint64_t bytes = v->scratch_bytes, mask = 0;
        double t;

        for (unsigned s = 0; s < b->n_s; s++)
            if (b->now[s]->fast >> k & 1)
                bytes += b->s[s].size;
        if (bytes - shared(b, k, 0, 0) > b->budget)
            return;
        for (uint32_t j = 0; j < v->t.n; j++)
            mask |= (uint64_t)!fast_at(b, v->operand[j], k) << j;
        t = atm_table_at(&v->t, mask);
        if (t < 0)
            return;
        cost += t;
    }
    for (unsigned q = 0; q < 3 * b->n && b->p->slow_bytes != UINT64_MAX;
         q++) {
        uint64_t bytes = 0;

        for (unsigned s = 0; s < b->n_s; s++)
            if (b->now[s]->slow >> q & 1)
                bytes += b->s[s].size;
        if (bytes > b->p->slow_bytes)
            return;
    }
    if (cost < b->best)
        b->best = cost;
}

static void choose(struct brute *b, unsigned s, double cost)
{
    if (cost >= b->best)
        return;
    if (s == b->n_s) {
        judge(b, cost);
        return;
    }
    for (unsigned i = 0; i < b->s[s].n_opt; i++)
        if (b->s[s].opt[i].legal) {
            b->now[s] = &b->s[s].opt[i];
            choose(b, s + 1, cost + b->s[s].opt[i].cost);
        }
}

static void variants(struct brute *b, unsigned k)
{
    if (k < b->n) {
        for (b->variant[k] = 0; b->variant[k] < b->p->kernel[k].n_variants;
             b->variant[k]++)
            variants(b, k + 1);
        return;
    }
    for (unsigned s = 0; s < b->n_s; s++)
        for (unsigned i = 0; i < b->s[s].n_opt; i++)
            walk(b, &b->s[s], &b->s[s].opt[i]);
    choose(b, 0, 0);
}

double brute_optimum(const struct atm_problem *p, uint64_t budget)
{
    struct brute *b = calloc(1, sizeof(*b));
    double ways = 1, best;
    bool ok = b && p->n_kernels <= MAX_K && p->n_tensors <= MAX_T;

    if (ok) {
        b->p = p;
        b->budget = budget;
        b->n = p->n_kernels;
        b->best = INFINITY;
        make_stores(b);
    }
    for (unsigned s = 0; ok && s < b->n_s; s++) {
        ok = make_options(&b->s[s]);
        ways *= b->s[s].n_opt;
    }
    for (unsigned k = 0; ok && k < b->n; k++)
        ways *= p->kernel[k].n_variants;
    ok = ok && ways <= BRUTE_MAX;
    if (ok)
        variants(b, 0);
    best = ok ? b->best : NAN;
    for (unsigned s = 0; b && s < b->n_s; s++)
        free(b->s[s].opt);
    free(b);
    return best;
}
