/* lp_rows.c - the rows that join the linear program when they are violated:
 * fast memory of a kernel (C10), slow memory of a phase (C11); and what a
 * column or a plan holds. */
#include "lp.h"

#include "arena.h"

#include <string.h>

#define ROWS_A_ROUND 60

bool atm__lp_covers(const struct atm__ilp *p, uint32_t c, uint32_t k)
{
    const struct atm__model *m = p->m;
    uint32_t s = p->col[c].owner, i;

    for (i = 0; i < p->col[c].n_arcs; i++) {
        const struct atm__arc *arc =
            &m->graph[s].arc[p->arcs[p->col[c].arc + i]];

        if ((k >= arc->from_kernel && k < arc->to_kernel) ||
            (arc->station != ATM_NONE && arc->fast &&
             m->st.s[s].kernel[arc->station] == k))
            return true;
    }
    return false;
}

static bool covers_slow(const struct atm__ilp *p, uint32_t c, uint32_t phase)
{
    const struct atm__path_graph *g = &p->m->graph[p->col[c].owner];
    uint32_t i;

    for (i = 0; i < p->col[c].n_arcs; i++) {
        const struct atm__arc *arc = &g->arc[p->arcs[p->col[c].arc + i]];

        if (phase >= arc->from_phase && phase < arc->to_phase)
            return true;
    }
    return false;
}

/* Coefficient of column c in a lazy row. */
static double coefficient(const struct atm__ilp *p, const struct lazy *l,
                          uint32_t c, uint32_t at)
{
    const struct column *q = &p->col[c];

    switch (l->kind) {
    case FAST_ROW:
        if (q->kind == PATH)
            return atm__lp_covers(p, c, l->at)
                       ? (double)p->m->st.s[q->owner].bytes * p->byte_scale
                       : 0;
        return (q->kind == ENTRY || q->kind == SHARE) && q->owner == l->at
                   ? (double)q->bytes * p->byte_scale
                   : 0;
    case SLOW_ROW:
        return q->kind == PATH && covers_slow(p, c, l->at)
                   ? (double)p->m->st.s[q->owner].bytes * p->byte_scale
                   : 0;
    case COVER:
        break;
    }
    return at < l->n && atm__lp_covers(p, c, l->at) ? (double)l->a[at] : 0;
}

/* Scratch of kernels without entry columns, off the limit of their row. */
double atm__lp_row_limit(const struct atm__ilp *p, const struct lazy *l)
{
    const struct atm_problem_kernel *k;
    uint64_t scratch, i, limit;

    if (l->kind == COVER)
        return (double)l->b;
    if (l->kind == SLOW_ROW)
        return (double)p->m->p->slow_bytes * p->byte_scale;
    limit = p->limit ? p->limit[l->at] : p->m->budget;
    k = &p->m->p->kernel[l->at];
    scratch = k->variant[0].scratch_bytes;
    for (i = 1; i < k->n_variants; i++)
        if (k->variant[i].scratch_bytes < scratch)
            scratch = k->variant[i].scratch_bytes;
    if (p->has_entries[l->at])
        return (double)limit * p->byte_scale;
    return ((double)limit - (double)scratch) * p->byte_scale;
}

void atm__lp_add_lazy(struct atm__ilp *p, struct lazy l)
{
    struct lazy *bigger = atm_arena_grow(p->arena, p->lazy, &p->cap_lazy,
                                         p->n_lazy + 1, sizeof(*bigger));
    uint32_t c, i;
    int n = 0;
    double v;

    if (!bigger) {
        p->failed = true;
        return;
    }
    p->lazy = bigger;
    if (l.kind == COVER) {
        for (i = 0; i < l.n; i++)
            for (c = p->col_of[l.storage[i]]; c < p->col_of[l.storage[i] + 1];
                 c++) {
                v = coefficient(p, &l, c, i);
                if (v != 0) {
                    p->ind[++n] = (int)c;
                    p->val[n] = v;
                }
            }
    } else {
        for (c = 1; c <= p->n_col; c++) {
            v = coefficient(p, &l, c, 0);
            if (v != 0) {
                p->ind[++n] = (int)c;
                p->val[n] = v;
            }
        }
    }
    l.row = atm__lp_append(p, n, atm__lp_row_limit(p, &l));
    if (p->in_tree)
        return; /* rows of a node go with it */
    if (l.kind == FAST_ROW)
        p->has_fast[l.at] = 1;
    if (l.kind == SLOW_ROW)
        p->has_slow[l.at] = 1;
    p->lazy[p->n_lazy++] = l;
}

/* Does what holds memory at one place of a kind of row hold it at another? */
static bool subset(const struct atm__ilp *p, bool fast, uint32_t a, uint32_t b)
{
    uint32_t c;

    for (c = 1; c < p->col_of[p->m->st.n]; c++)
        if (fast ? atm__lp_covers(p, c, a) && !atm__lp_covers(p, c, b)
                 : covers_slow(p, c, a) && !covers_slow(p, c, b))
            return false;
    return true;
}

/* Could the row bind, if everything that can be there were? */
static bool can_bind(const struct atm__ilp *p, const struct lazy *l)
{
    double sum = 0;
    uint32_t s, c;

    for (s = 0; s < p->m->st.n; s++)
        for (c = p->col_of[s]; c < p->col_of[s + 1]; c++)
            if (l->kind == FAST_ROW ? atm__lp_covers(p, c, l->at)
                                    : covers_slow(p, c, l->at)) {
                sum += (double)p->m->st.s[s].bytes * p->byte_scale;
                break;
            }
    return sum > atm__lp_row_limit(p, l) ||
           (l->kind == FAST_ROW && p->has_entries[l->at]);
}

/* Of rows that hold the same the last one stays: `to` is before `at` or behind
 * it. Kernels with scratch columns or pairs that share stay for themselves. */
static bool implied(const struct atm__ilp *p, const struct lazy *l, uint32_t to)
{
    struct lazy other = *l;
    bool fast = l->kind == FAST_ROW;

    other.at = to;
    if (fast && (p->has_entries[l->at] || p->m->kernel[to].shares))
        return false;
    if (atm__lp_row_limit(p, l) < atm__lp_row_limit(p, &other))
        return false;
    return subset(p, fast, l->at, to) &&
           (to > l->at || !subset(p, fast, to, l->at));
}

void atm__lp_add_all(struct atm__ilp *p)
{
    uint32_t k, n = p->m->p->n_kernels, slow = p->m->slow_limited ? 3 * n : 0;
    struct lazy l;

    for (k = 0; k < n + slow && !p->failed; k++) {
        uint32_t last = k < n ? n - 1 : slow - 1;

        l = (struct lazy){.kind = k < n ? FAST_ROW : SLOW_ROW,
                          .at = k < n ? k : k - n};
        if (can_bind(p, &l) &&
            !(l.at < last && implied(p, &l, l.at + 1)) &&
            !(l.at > 0 && implied(p, &l, l.at - 1)))
            atm__lp_add_lazy(p, l);
    }
}

/* Bytes that the point x holds per kernel (without the scratch of the kernels
 * that have no entry columns) and per phase. */
void atm__lp_measure(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    uint32_t n = m->p->n_kernels, c, i;

    memset(p->use, 0, (n + 1) * sizeof(*p->use));
    memset(p->slow_use, 0, (3 * n + 1) * sizeof(*p->slow_use));
    for (c = 1; c < p->col_of[m->st.n]; c++) {
        uint32_t s = p->col[c].owner;
        double b = p->x[c] * (double)m->st.s[s].bytes;

        if (p->x[c] < 1e-9)
            continue;
        for (i = 0; i < p->col[c].n_arcs; i++) {
            const struct atm__arc *arc =
                &m->graph[s].arc[p->arcs[p->col[c].arc + i]];

            if (arc->from_kernel < arc->to_kernel) {
                p->use[arc->from_kernel] += b;
                p->use[arc->to_kernel] -= b;
            }
            if (arc->station != ATM_NONE && arc->fast) {
                p->use[m->st.s[s].kernel[arc->station]] += b;
                p->use[m->st.s[s].kernel[arc->station] + 1] -= b;
            }
            p->slow_use[arc->from_phase] += b;
            p->slow_use[arc->to_phase] -= b;
        }
    }
    for (i = 1; i < n; i++)
        p->use[i] += p->use[i - 1];
    for (i = 1; i < 3 * n; i++)
        p->slow_use[i] += p->slow_use[i - 1];
    for (; c <= p->n_col; c++)
        p->use[p->col[c].owner] += (double)p->col[c].bytes * p->x[c];
}

static double excess_at(const struct atm__ilp *p, uint32_t k)
{
    struct lazy l = {.kind = FAST_ROW, .at = k};
    double limit = atm__lp_row_limit(p, &l) / p->byte_scale;
    double e = p->use[k] - limit;

    return e > (p->in_tree ? 1e-6 : 1e-7) * (limit > 1 ? limit : 1) ? e : 0;
}

/* Adds the most violated rows that are local maxima; false: none violated. */
bool atm__lp_add_violated(struct atm__ilp *p)
{
    uint32_t n = p->m->p->n_kernels, k, j, added = 0, pass, round;
    double slow = (double)p->m->p->slow_bytes;
    bool violated = false;

    atm__lp_measure(p);
    for (k = 0; k < n; k++) /* row_limit once a kernel */
        p->use[k] = p->has_fast[k] && !p->in_tree ? 0 : excess_at(p, k);
    for (pass = 0; pass < 2 && added == 0; pass++)
        for (round = 0; round < ROWS_A_ROUND; round++) {
            uint32_t worst = ATM_NONE;

            for (k = 0; k < n; k++) {
                bool top = p->use[k] > 0;

                for (j = k > 8 ? k - 8 : 0; j < n && j <= k + 8 && top &&
                                            pass == 0; j++)
                    top = p->use[j] <= p->use[k];
                if (top && (worst == ATM_NONE || p->use[k] > p->use[worst]))
                    worst = k;
            }
            if (worst == ATM_NONE)
                break;
            atm__lp_add_lazy(p, (struct lazy){.kind = FAST_ROW, .at = worst});
            for (j = worst > 8 ? worst - 8 : 0; j < n && j <= worst + 8; j++)
                p->use[j] = 0;
            added++;
        }
    for (k = 0; k < 3 * n && p->m->slow_limited && added < ROWS_A_ROUND; k++)
        if ((p->in_tree || !p->has_slow[k]) &&
            p->slow_use[k] > slow + 1e-6 * (slow > 1 ? slow : 1) &&
            (k == 0 || p->slow_use[k] > p->slow_use[k - 1] + 1e-9 ||
             p->has_slow[k - 1])) {
            atm__lp_add_lazy(p, (struct lazy){.kind = SLOW_ROW, .at = k});
            added++;
        }
    violated = added > 0;
    return violated && !p->failed;
}

/* ---- boxes ---- */

/* Does a storage on these arcs have just this residence? Of at most 64
 * stations: exclusions are for small problems. */
static bool has_box(const struct atm__model *m, uint32_t s,
                    const uint32_t *path, uint32_t n,
                    const struct atm_box *box)
{
    const struct atm_storage *st = &m->st.s[s];
    uint32_t i, at, last = m->p->n_kernels - 1, count = st->n_stations;
    uint64_t fast = 0, keep = 0;

    for (i = 0; i < n; i++) {
        const struct atm__arc *arc = &m->graph[s].arc[path[i]];

        if (arc->resident)
            return box->first == 0 && box->last == last;
        at = arc->station;
        if (at != ATM_NONE && arc->fast)
            fast |= UINT64_C(1) << at;
        if (arc->keep)
            keep |= UINT64_C(1) << (at == ATM_NONE || at == 0 ? count - 1
                                                              : at - 1);
    }
    for (at = 0; at < count && st->kernel[at] != box->first; at++)
        ;
    if (at == count || !(fast >> at & 1) ||
        ((at > 0 || st->circle) && keep >> (at + count - 1) % count & 1))
        return false;
    for (i = 0; i < count && keep >> at & 1; i++) {
        if (at + 1 == count && !st->circle)
            return box->last == last;
        at = (at + 1) % count;
    }
    return st->kernel[at] == box->last;
}

bool atm__lp_column_has(const struct atm__ilp *p, uint32_t c,
                       const struct atm_box *box)
{
    const struct column *q = &p->col[c];

    if (box->tensor == ATM_NONE)
        return q->kind == ENTRY && q->owner == box->kernel &&
               q->bytes >= (int64_t)box->bytes;
    return q->kind == PATH && p->m->st.of[box->tensor] == q->owner &&
           p->m->st.s[q->owner].n_stations <= 64 &&
           has_box(p->m, q->owner, p->arcs + q->arc, q->n_arcs, box);
}

bool atm__lp_plan_has(const struct atm__model *m, const struct atm__plan *a,
                     const struct atm_box *box)
{
    const struct atm_problem_kernel *k;
    uint32_t s;

    if (box->tensor == ATM_NONE) {
        k = &m->p->kernel[box->kernel];
        return k->variant[a->variant[box->kernel]].scratch_bytes >=
               box->bytes;
    }
    s = m->st.of[box->tensor];
    return m->st.s[s].n_stations <= 64 &&
           has_box(m, s, a->path[s], a->n_path[s], box);
}
