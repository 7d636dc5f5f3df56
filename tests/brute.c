/* brute.c - the optimum of a small planning problem by trying every decision
 * under the rules of the planning problem, sections 2.1 to 2.10, written down
 * once more: no code shared with the planners. What cannot end below the best
 * found so far is left early.
 * usage: brute PROBLEM BYTES [CUTOFF] [static]
 * Prints the optimum with addresses and the one without; nothing at or above
 * CUTOFF is looked for; `static`: plans without moves. Exit 3: too large. */
#include "brute_pack.h"

#include "autotm/problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 2000000
#define PACK_STEPS 500 /* that one packing counts as */

enum { MAX_T = 24, MAX_K = 8, MAX_ST = 8, MAX_RUN = 8 };

struct option { /* what one storage does */
    bool resident;
    unsigned x, y; /* bits per station, per gap */
};

struct way {              /* an option under the variants at hand */
    unsigned fast;        /* kernels */
    unsigned slow;        /* phases of the slow place */
    unsigned left, valid; /* stations: leaves after, copy valid before */
    unsigned n_runs, run[MAX_RUN][2]; /* first and last phase */
    unsigned moves;
    double cost;
};

struct store {
    unsigned n_t, t[MAX_T], n_st, st[MAX_ST], n_gaps;
    bool arg, circle, out, made[MAX_ST];
    const struct atm_problem_tensor *first;
    unsigned n_opt, n_way;
    struct option *opt;
    struct way *way;
};

struct brute {
    const struct atm_problem *p;
    uint64_t budget;
    unsigned n, n_s, variant[MAX_K];
    struct store s[MAX_T];
    unsigned of[MAX_T];
    const struct way *now[MAX_T]; /* null: not decided */
    uint64_t spare[MAX_K];        /* most that pairs can save */
    double least[MAX_T + 1];      /* moves of storages from here on */
    double best, unpacked;
    bool still, unsure;
    unsigned long steps;
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
        s->first = e;
        s->n_gaps = s->n_st == 0 ? 0 : s->n_st - 1 + (s->circle || s->out);
        b->n_s++;
    }
}

/* All consistent ways to be fast and kept. */
static bool make_options(struct store *s)
{
    unsigned n = 0, cap = 64;
    enum atm_fixed fixed = s->first->fixed;

    s->opt = malloc(cap * sizeof(*s->opt));
    if (s->opt && s->arg && fixed != ATM_FIXED_SLOW)
        s->opt[n++] = (struct option){true, 0, 0};
    for (unsigned x = 0; x < 1u << s->n_st && fixed != ATM_FIXED_FAST; x++)
        for (unsigned y = 0; y < 1u << s->n_gaps && s->opt; y++) {
            unsigned ends = s->circle && s->n_st
                                ? x >> 1 | (x & 1) << (s->n_st - 1)
                                : x >> 1 | 1u << (s->n_st - (s->n_st > 0));

            /* kept: fast at both ends; all round is the resident option */
            if ((y & ~(x & ends)) ||
                (s->circle && s->n_st && y + 1 == 1u << s->n_gaps))
                continue;
            if (n == cap)
                s->opt = realloc(s->opt, (cap *= 2) * sizeof(*s->opt));
            if (s->opt)
                s->opt[n++] = (struct option){false, x, y};
        }
    s->n_opt = n;
    s->way = s->opt ? malloc((n + 1) * sizeof(*s->way)) : NULL;
    return s->way != NULL;
}

static void touch(unsigned phase, unsigned *first, unsigned *last)
{
    *first = *first == ~0u ? phase : *first;
    *last = phase;
}

/* Goes along the stations; false: not legal. */
static bool walk(const struct brute *b, const struct store *s,
                 const struct option *o, struct way *w)
{
    unsigned n = b->n, start = 0, m = s->n_st, begin = 0;
    unsigned first = ~0u, last = 0; /* of the slow place */
    bool valid = s->arg, exists = s->arg;

    memset(w, 0, sizeof(*w));
    if (o->resident) {
        w->fast = (1u << n) - 1;
        w->n_runs = 1;
        w->run[0][1] = 3 * n - 1;
        return true;
    }
    if (s->circle)
        for (unsigned g = 0; g < m; g++)
            if (!(o->y >> g & 1))
                start = g + 1;
    for (unsigned j = 0; j < m; j++) {
        unsigned i = (start + j) % m, prev = (i + m - 1) % m, k = s->st[i];
        bool kept = j > 0 && (o->y >> prev & 1), u = used(b, s, k);
        bool after = i < s->n_gaps && (o->y >> i & 1), later;
        unsigned end = 3 * k + 1;

        w->valid |= (unsigned)valid << i;
        if (!(o->x >> i & 1)) {
            if (!u)
                continue;
            if (!valid && exists)
                return false;
            touch(3 * k + 1, &first, &last);
            if (s->made[i])
                exists = valid = true;
            continue;
        }
        w->fast |= 1u << k;
        for (unsigned q = kept ? s->st[prev] : k; q != k; q = (q + 1) % n)
            w->fast |= 1u << q;
        if (!kept) {
            if (!u || (exists && !valid))
                return false;
            begin = 3 * k + !exists;
            if (exists) {
                w->cost += s->first->fetch_s;
                w->moves++;
                touch(3 * k, &first, &last);
            }
        }
        if (s->made[i]) {
            exists = true;
            valid = false;
        }
        if (after)
            continue;
        w->left |= 1u << i;
        later = s->circle || s->out;
        for (unsigned q = j + 1; q < m; q++)
            later |= used(b, s, s->st[(start + q) % m]);
        if (later && !valid) {
            w->cost += s->first->evict_s;
            w->moves++;
            valid = true;
            touch(end = 3 * k + 2, &first, &last);
        }
        w->run[w->n_runs][0] = begin;
        w->run[w->n_runs++][1] = end;
    }
    if (s->out && m && (o->y >> (m - 1) & 1)) {
        for (unsigned k = s->st[m - 1]; k < n; k++)
            w->fast |= 1u << k;
        w->run[w->n_runs][0] = begin;
        w->run[w->n_runs++][1] = 3 * n - 1;
    } else if (s->out && m) {
        if (!valid)
            return false;
        last = 3 * n - 1;
    }
    if (s->arg) {
        first = 0;
        last = 3 * n - 1;
    }
    for (unsigned q = first; first != ~0u && q <= last; q++)
        w->slow |= 1u << q;
    return true;
}

/* By all that others can see, the cheapest first. */
static int compare(const void *x, const void *y)
{
    const struct way *a = x, *b = y;
    int c = memcmp(a, b, offsetof(struct way, moves));

    return c ? c : (a->cost > b->cost) - (a->cost < b->cost);
}

static int by_cost(const void *x, const void *y)
{
    const struct way *a = x, *b = y;

    return a->cost != b->cost ? (a->cost > b->cost) - (a->cost < b->cost)
                              : compare(x, y);
}

static void make_ways(const struct brute *b, struct store *s)
{
    unsigned n = 0, kept = 0;

    for (unsigned i = 0; i < s->n_opt; i++)
        n += walk(b, s, &s->opt[i], &s->way[n]) &&
             !(b->still && s->way[n].moves);
    qsort(s->way, n, sizeof(*s->way), compare);
    for (unsigned i = 0; i < n; i++)
        if (i == 0 || memcmp(&s->way[i], &s->way[kept - 1],
                             offsetof(struct way, moves)) != 0)
            s->way[kept++] = s->way[i];
    qsort(s->way, kept, sizeof(*s->way), by_cost);
    s->n_way = kept;
}

static bool fast_at(const struct brute *b, unsigned t, unsigned k)
{
    return b->now[b->of[t]]->fast >> k & 1;
}

/* ---- pairs that share ---- */

static void pair_of(const struct brute *b, unsigned k, unsigned i, unsigned *in,
                    unsigned *out)
{
    const struct atm_problem_kernel *q = &b->p->kernel[k];

    *in = q->operand[q->pair[i].in];
    *out = q->operand[q->n_in + q->pair[i].out];
}

/* May pair i of kernel k share? */
static bool may_share(const struct brute *b, unsigned k, unsigned i)
{
    const struct atm_problem_kernel *q = &b->p->kernel[k];
    unsigned in, out, c, d, at;
    const struct store *s;
    const struct way *o;
    bool later;

    pair_of(b, k, i, &in, &out);
    s = &b->s[b->of[in]];
    o = b->now[b->of[in]];
    if (q->pair[i].must || !fast_at(b, in, k) || !fast_at(b, out, k) ||
        !in_variant(b, k, b->variant[k], in) ||
        !in_variant(b, k, b->variant[k], out))
        return false;
    for (unsigned j = 0; j < q->n_pairs; j++) {
        pair_of(b, k, j, &c, &d);
        if (q->pair[j].must && (c == in || d == in || c == out || d == out))
            return false;
    }
    for (at = 0; s->st[at] != k; at++)
        ;
    later = s->circle || s->out;
    for (unsigned j = at + 1; j < s->n_st; j++)
        later |= used(b, s, s->st[j]);
    return (o->left >> at & 1) && (!later || (o->valid >> at & 1));
}

/* ---- addresses ---- */

/* The run of storage s that begins (0) or ends (1) at kernel k. */
static unsigned run_at(const struct brute *b, unsigned s, unsigned k,
                       unsigned end)
{
    unsigned i = 0;

    while (b->now[s]->run[i][end] / 3 != k)
        i++;
    return i;
}

/* 1: addresses in fast memory with the pairs of `share` (bits per kernel). */
static int packs_fast(struct brute *b, const unsigned *share)
{
    struct brute_box box[BRUTE_BOXES];
    unsigned n = 0, begin[MAX_T];

    if (b->steps < PACK_STEPS) {
        b->steps = 0;
        return -1;
    }
    b->steps -= PACK_STEPS;
    for (unsigned s = 0; s < b->n_s; s++) {
        const struct way *w = b->now[s];

        begin[s] = n;
        for (unsigned i = 0; i < w->n_runs; i++, n++)
            box[n] = (struct brute_box){w->run[i][0],
                                        w->run[i][1],
                                        b->s[s].first->bytes,
                                        b->s[s].first->fixed_offset,
                                        b->s[s].first->fixed == ATM_FIXED_FAST,
                                        n};
    }
    for (unsigned k = 0; k < b->n; k++) {
        uint64_t z = b->p->kernel[k].variant[b->variant[k]].scratch_bytes;

        if (z) {
            box[n] = (struct brute_box){3 * k + 1, 3 * k + 1, z, 0, false, n};
            n++;
        }
    }
    for (unsigned k = 0; k < b->n; k++)
        for (unsigned i = 0; i < b->p->kernel[k].n_pairs; i++) {
            unsigned in, out, give, take;

            if (!(share[k] >> i & 1))
                continue;
            pair_of(b, k, i, &in, &out);
            give = begin[b->of[in]] + run_at(b, b->of[in], k, 1);
            take = begin[b->of[out]] + run_at(b, b->of[out], k, 0);
            box[give].last = 3 * k;
            while (box[give].with != give)
                give = box[give].with;
            box[take].with = give; /* no out takes two places */
        }
    return brute_packs(box, n, b->budget, b->p->align);
}

static int packs_slow(const struct brute *b)
{
    struct brute_box box[BRUTE_BOXES];
    unsigned n = 0;

    for (unsigned s = 0; s < b->n_s; s++) {
        unsigned slow = b->now[s]->slow, first = 0, last = 3 * b->n - 1;

        if (!slow)
            continue;
        while (!(slow >> first & 1))
            first++;
        while (!(slow >> last & 1))
            last--;
        box[n] = (struct brute_box){first,
                                    last,
                                    b->s[s].first->bytes,
                                    b->s[s].first->fixed_offset,
                                    b->s[s].first->fixed == ATM_FIXED_SLOW,
                                    n};
        n++;
    }
    return brute_packs(box, n, b->p->slow_bytes, b->p->align);
}

/* Tries sets of pairs that share from kernel k, pair i on; 1: one has
 * addresses, -1: who knows. `fits`: is set where one fits in bytes. */
static int shares(struct brute *b, unsigned *share, unsigned k, unsigned i,
                  uint64_t bytes, uint64_t taken, bool *fits)
{
    unsigned in, out;
    int got, with;

    if (k == b->n) {
        *fits = true;
        return packs_fast(b, share);
    }
    if (i == 0) {
        share[k] = 0;
        taken = 0;
        bytes = b->p->kernel[k].variant[b->variant[k]].scratch_bytes;
        for (unsigned s = 0; s < b->n_s; s++)
            if (b->now[s]->fast >> k & 1)
                bytes += b->s[s].first->bytes;
    }
    if (i == b->p->kernel[k].n_pairs)
        return bytes <= b->budget ? shares(b, share, k + 1, 0, 0, 0, fits) : 0;
    got = shares(b, share, k, i + 1, bytes, taken, fits);
    if (got == 1)
        return 1;
    pair_of(b, k, i, &in, &out);
    if ((taken >> in & 1) || (taken >> out & 1) || !may_share(b, k, i))
        return got;
    share[k] |= 1u << i;
    taken |= UINT64_C(1) << in | UINT64_C(1) << out;
    bytes -= b->p->tensor[in].bytes;
    with = shares(b, share, k, i + 1, bytes, taken, fits);
    share[k] &= ~(1u << i);
    return with == 0 ? got : with;
}

/* Every decision is made. */
static void judge(struct brute *b, double cost)
{
    unsigned share[MAX_K] = {0};
    bool fits = false;
    int fast, slow = 1;
    fast = shares(b, share, 0, 0, 0, 0, &fits);
    if (!fits)
        return;
    b->unpacked = fmin(b->unpacked, cost);
    if (fast == 1 && b->p->slow_bytes != UINT64_MAX)
        slow = packs_slow(b);
    if (fast == 1 && slow == 1)
        b->best = cost;
    b->unsure |= fast < 0 || slow < 0;
}

/* ---- the search ---- */

/* Least seconds of kernel k with what is decided; INFINITY: none. */
static double least_time(const struct brute *b, unsigned k)
{
    const struct atm_variant *v = &b->p->kernel[k].variant[b->variant[k]];
    unsigned known = 0, slow = 0;
    double least = INFINITY, t;

    for (unsigned j = 0; j < v->t.n; j++)
        if (b->now[b->of[v->operand[j]]]) {
            known |= 1u << j;
            slow |= (unsigned)!fast_at(b, v->operand[j], k) << j;
        }
    if (!v->t.list) { /* fast is never slower */
        t = atm_table_at(&v->t, slow);
        return t < 0 ? INFINITY : t;
    }
    for (unsigned mask = 0; mask < 1u << v->t.n; mask++)
        if ((mask & known) == slow) {
            t = atm_table_at(&v->t, mask);
            least = t >= 0 && t < least ? t : least;
        }
    return least;
}

static bool room(const struct brute *b)
{
    for (unsigned k = 0; k < b->n; k++) {
        uint64_t bytes = b->p->kernel[k].variant[b->variant[k]].scratch_bytes;

        for (unsigned s = 0; s < b->n_s; s++)
            if (b->now[s] && (b->now[s]->fast >> k & 1))
                bytes += b->s[s].first->bytes;
        if (bytes > b->budget + b->spare[k])
            return false;
    }
    for (unsigned q = 0; q < 3 * b->n && b->p->slow_bytes != UINT64_MAX; q++) {
        uint64_t bytes = 0;

        for (unsigned s = 0; s < b->n_s; s++)
            if (b->now[s] && (b->now[s]->slow >> q & 1))
                bytes += b->s[s].first->bytes;
        if (bytes > b->p->slow_bytes)
            return false;
    }
    return true;
}

static double times(const struct brute *b)
{
    double sum = 0;

    for (unsigned k = 0; k < b->n; k++)
        sum += least_time(b, k);
    return sum;
}

static void choose(struct brute *b, unsigned s, double moved)
{
    if (s == b->n_s) {
        judge(b, moved + times(b));
        return;
    }
    for (unsigned i = 0; i < b->s[s].n_way; i++) {
        b->now[s] = &b->s[s].way[i];
        if (b->steps == 0)
            break;
        b->steps--;
        if (moved + b->now[s]->cost + b->least[s + 1] >= b->best)
            break; /* so are the others */
        if (room(b) &&
            moved + b->now[s]->cost + b->least[s + 1] + times(b) < b->best)
            choose(b, s + 1, moved + b->now[s]->cost);
    }
    b->now[s] = NULL;
}

static void variants(struct brute *b, unsigned k)
{
    if (k < b->n) {
        for (b->variant[k] = 0; b->variant[k] < b->p->kernel[k].n_variants;
             b->variant[k]++)
            variants(b, k + 1);
        return;
    }
    if (times(b) >= b->best)
        return;
    b->least[b->n_s] = 0;
    for (unsigned s = b->n_s; s-- > 0;) {
        make_ways(b, &b->s[s]);
        if (b->s[s].n_way == 0)
            return;
        b->least[s] = b->least[s + 1] + b->s[s].way[0].cost;
    }
    choose(b, 0, 0);
}

/* False: too large. */
static bool optimum(struct brute *b)
{
    bool ok = b->p->n_kernels <= MAX_K && b->p->n_tensors <= MAX_T;

    b->n = b->p->n_kernels;
    b->steps = STEPS;
    b->unpacked = INFINITY;
    if (ok)
        make_stores(b);
    for (unsigned s = 0; ok && s < b->n_s; s++)
        ok = make_options(&b->s[s]);
    for (unsigned k = 0; ok && k < b->n; k++)
        for (unsigned i = 0; i < b->p->kernel[k].n_pairs; i++) {
            unsigned in, out;

            pair_of(b, k, i, &in, &out);
            if (!b->p->kernel[k].pair[i].must)
                b->spare[k] += b->p->tensor[in].bytes;
        }
    if (ok)
        variants(b, 0);
    for (unsigned s = 0; s < b->n_s; s++) {
        free(b->s[s].opt);
        free(b->s[s].way);
    }
    return ok && b->steps > 0 && !b->unsure;
}

int main(int argc, char **argv)
{
    struct brute b = {.best = INFINITY};
    struct atm_problem *p = NULL;
    double cutoff;
    bool ok;

    if (argc < 3)
        return 2;
    if (atm_problem_read(argv[1], &p) || atm_problem_check(p)) {
        (void)fprintf(stderr, "%s\n", atm_errmsg());
        return 1;
    }
    if (argc > 3)
        b.best = strtod(argv[3], NULL);
    cutoff = b.best;
    b.still = argc > 4;
    b.p = p;
    b.budget = strtoull(argv[2], NULL, 10);
    ok = optimum(&b);
    (void)printf("%.12g %.12g\n", b.best < cutoff ? b.best : INFINITY,
                 b.unpacked);
    atm_problem_delete(&p);
    return ok ? 0 : 3;
}
