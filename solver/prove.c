/* prove.c - certificate trees: where the prices of the root leave a gap, the
 * plans are split in two (a tensor is fast at a station or not, kept in a gap
 * or not, resident or not; a kernel runs a variant or not) and each part gets
 * prices of its own. The open leaf of the least bound is split next, so that
 * the bound of the whole rises with every step; in between a leaf is followed
 * to the end of its plans, since points with little left to decide make good
 * plans. Work is counted, not timed.
 */
#include "prove.h"
#include "search.h"

#include "arena.h"
#include "certify.h"
#include "lp.h"
#include "split.h"

#include <math.h>

#define NODES_MAX 4000
#define PRICES_MAX 400000 /* of all leaves together: the size of the answer */
#define SMALL_WORK_MAX 100000000.0 /* up to ATM__SMALL kernels */
#define WORK_MAX 60000000.0        /* above: iterations by rows */
#define BEST_STEPS 10 /* between two dives */
#define WHOLE 1e-6 /* nearer to 0 or 1 is whole */

struct node {
    uint32_t parent;
    struct atm__split split; /* from the parent to here */
    double bound;
    bool open;
    struct atm__split next; /* NONE: nothing to split on */
    struct atm_certificate *c;
};

struct prover {
    const struct atm__model *m;
    struct atm__ilp *ilp;
    struct atm_arena *arena;
    double goal;
    struct node *node;
    uint32_t n, most;
    struct atm__split above[ATM__DEPTH_MAX];
    uint32_t depth;
    double *fast, *slow, *kept, *left; /* per station of a storage */
    double *entry;                     /* per kernel: weight of entries */
    double score;                      /* of the best split so far */
    const struct atm__rounder *rounder;
    double work;                       /* at most */
};

static void splits_above(struct prover *p, uint32_t n)
{
    p->depth = 0;
    for (; n != 0; n = p->node[n].parent)
        p->above[p->depth++] = p->node[n].split;
}

/* ---- what to split on ---- */

static void consider(struct prover *p, struct node *to, double yes, double no,
                     double weight, struct atm__split x)
{
    double score = fmin(yes, no);

    if (score <= WHOLE || score * weight <= p->score)
        return;
    p->score = score * weight;
    to->next = x;
}

/* The tensor of a chain whose station (or gap) i of the storage is. */
static struct atm__split name(const struct prover *p, uint32_t s, uint32_t i,
                              enum atm_split kind)
{
    const struct atm_storage *st = &p->m->st.s[s];
    uint32_t t, j = st->n_tensors;

    do
        t = st->tensor[--j];
    while (p->m->st.first[t] > i);
    return (struct atm__split){kind, t, i - p->m->st.first[t], true};
}

static void of_storage(struct prover *p, uint32_t s, const double *w,
                       struct node *to)
{
    const struct atm__path_graph *g = &p->m->graph[s];
    const struct atm_storage *st = &p->m->st.s[s];
    double resident = 0, moving = 0, bytes = (double)st->bytes;
    uint32_t i, m = st->n_stations;

    for (i = 0; i < m; i++)
        p->fast[i] = p->slow[i] = p->kept[i] = p->left[i] = 0;
    for (i = 0; i < g->n_arcs; i++) {
        const struct atm__arc *arc = &g->arc[i];
        uint32_t at = arc->station;

        if (arc->resident)
            resident += w[i];
        else if (arc->from == 0)
            moving += w[i];
        if (at != ATM_NONE)
            (arc->fast ? p->fast : p->slow)[at] += w[i];
        if (m && !arc->resident && (at == ATM_NONE || at > 0))
            (arc->keep ? p->kept : p->left)[(at == ATM_NONE ? m : at) - 1] +=
                w[i];
    }
    if (st->arg)
        consider(
            p, to, resident, moving, bytes,
            (struct atm__split){ATM_SPLIT_RESIDENT, st->tensor[0], 0, true});
    for (i = 0; i < m; i++)
        consider(p, to, p->fast[i] + resident, p->slow[i], bytes,
                 name(p, s, i, ATM_SPLIT_STATION));
    for (i = 0; i < st->n_gaps && i < m; i++) {
        struct atm__split x = name(p, s, i, ATM_SPLIT_GAP);

        if (x.index < p->m->st.n_gaps[x.at])
            consider(p, to, p->kept[i] + resident, p->left[i], bytes / 2, x);
    }
}

static void of_kernels(struct prover *p, struct node *to)
{
    const struct atm__ilp *ilp = p->ilp;
    const struct atm__model *m = p->m;
    uint32_t c, k, v;

    for (c = ilp->col_of[m->st.n]; c <= ilp->n_col;) {
        double total = 0, bytes = 1;

        k = ilp->col[c].owner;
        if (ilp->col[c].kind != ENTRY || m->p->kernel[k].n_variants == 1) {
            c++;
            continue;
        }
        for (v = 0; v < m->kernel[k].n; v++)
            bytes += (double)m->st.s[m->kernel[k].use[v].storage].bytes;
        for (v = 0; v < m->p->kernel[k].n_variants; v++)
            p->entry[v] = 0;
        for (; c <= ilp->n_col && ilp->col[c].kind == ENTRY &&
               ilp->col[c].owner == k;
             c++) {
            p->entry[ilp->col[c].variant] += ilp->x[c];
            total += ilp->x[c];
        }
        for (v = 0; v < m->p->kernel[k].n_variants; v++)
            consider(p, to, p->entry[v], total - p->entry[v], bytes,
                     (struct atm__split){ATM_SPLIT_VARIANT, k, v, true});
    }
}

static bool is_above(const struct prover *p, struct atm__split x)
{
    uint32_t i;

    for (i = 0; i < p->depth; i++)
        if (p->above[i].kind == x.kind && p->above[i].at == x.at &&
            p->above[i].index == x.index)
            return true;
    return false;
}

/* Few kernels: what no split above has named yet, though the point has it
 * whole. Prices can need it, as they see a may pair on the paths of both, and
 * a station that the chosen variant does not use. */
static void of_rest(struct prover *p, struct node *to)
{
    const struct atm_storage *st;
    struct atm__split x;
    uint32_t s, i;

    for (s = 0; s < p->m->st.n; s++) {
        st = &p->m->st.s[s];
        x = (struct atm__split){ATM_SPLIT_RESIDENT, st->tensor[0], 0, true};
        if (st->arg && !is_above(p, x)) {
            to->next = x;
            return;
        }
        for (i = 0; i < 2 * st->n_stations; i++) {
            x = name(p, s, i / 2,
                     i % 2 ? ATM_SPLIT_GAP : ATM_SPLIT_STATION);
            if (i % 2 && (i / 2 >= st->n_gaps ||
                          x.index >= p->m->st.n_gaps[x.at]))
                continue;
            if (!is_above(p, x)) {
                to->next = x;
                return;
            }
        }
    }
}

static bool is_chosen(const struct prover *p, uint32_t k)
{
    uint32_t i;

    for (i = 0; i < p->depth; i++)
        if (p->above[i].kind == ATM_SPLIT_VARIANT && p->above[i].at == k &&
            p->above[i].yes)
            return true;
    return false;
}

/* Nothing is split in the point, yet prices say less than the goal: what is
 * lost, or fetched, is judged by the variants that are left, so choose them. */
static void of_choices(struct prover *p, struct node *to)
{
    const struct atm__ilp *ilp = p->ilp;
    uint32_t c;

    for (c = ilp->col_of[p->m->st.n]; c <= ilp->n_col; c++)
        if (ilp->col[c].kind == ENTRY && ilp->x[c] > 0.5 &&
            p->m->p->kernel[ilp->col[c].owner].n_variants > 1 &&
            !is_chosen(p, ilp->col[c].owner)) {
            to->next = (struct atm__split){ATM_SPLIT_VARIANT, ilp->col[c].owner,
                                           ilp->col[c].variant, true};
            return;
        }
}

/* ---- nodes ---- */

/* Prices for node n, whose splits are in p->above; none where it was stopped,
 * since half a solve may prove less than the node above. */
static enum atm_status solve(struct prover *p, uint32_t n)
{
    struct node *to = &p->node[n];
    struct atm__lp lp = {0};
    enum atm_status st;
    uint32_t s;

    atm__ilp_restrict(p->ilp, p->above, p->depth);
    st = atm__ilp_solve(p->ilp, NULL, true, &lp);
    if (!st && lp.stopped)
        return ATM_OK;
    if (!st && lp.infeasible)
        st = ATM_INTERNAL;
    if (!st)
        st = atm__bound_leaf(p->m, &lp.certificate, p->m->budget, p->above,
                             p->depth, &to->bound);
    if (st)
        return st;
    to->c = atm_arena_memdup(p->arena, &lp.certificate, sizeof(*to->c));
    if (!to->c)
        return ATM_NOMEM;
    to->open = to->bound < p->goal;
    if (to->open)
        p->goal = p->rounder->round(p->rounder->user, lp.arc_weight);
    to->next.kind = ATM_SPLIT_NONE;
    p->score = 0;
    if (!to->open)
        return ATM_OK;
    for (s = 0; s < p->m->st.n; s++)
        of_storage(p, s, lp.arc_weight + p->m->arc_of[s], to);
    of_kernels(p, to);
    if (to->next.kind == ATM_SPLIT_NONE)
        of_choices(p, to);
    if (to->next.kind == ATM_SPLIT_NONE && p->m->p->n_kernels <= ATM__TINY)
        of_rest(p, to);
    return ATM_OK;
}

static enum atm_status split_node(struct prover *p, uint32_t n)
{
    struct node *of = &p->node[n];
    enum atm_status st = ATM_OK;
    uint32_t i, first = p->n;

    of->open = false;
    for (i = 0; i < 2 && !st && !p->ilp->stopped; i++) {
        p->node[p->n] = (struct node){.parent = n, .split = of->next};
        p->node[p->n].split.yes = i == 0;
        splits_above(p, p->n);
        st = solve(p, p->n++);
    }
    if (!st && p->ilp->stopped) { /* the node stays a leaf */
        of->open = true;
        p->n = first;
    }
    if (st || p->ilp->stopped)
        return st;
    of->c->split = of->next.kind;
    of->c->split_at = of->next.at;
    of->c->split_index = of->next.index;
    of->c->yes = p->node[p->n - 2].c;
    of->c->no = p->node[p->n - 1].c;
    return ATM_OK;
}

static bool can_split(const struct prover *p, uint32_t n)
{
    return p->node[n].open && p->node[n].bound < p->goal &&
           p->node[n].next.kind != ATM_SPLIT_NONE;
}

/* The open leaf of the least bound among nodes `from` on. */
static uint32_t least_bound(const struct prover *p, uint32_t from)
{
    uint32_t i, least = ATM_NONE;

    for (i = from; i < p->n; i++)
        if (p->node[i].open &&
            (least == ATM_NONE || p->node[i].bound < p->node[least].bound))
            least = i;
    return least;
}

static enum atm_status grow(struct prover *p)
{
    enum atm_status st = ATM_OK;
    uint32_t steps = BEST_STEPS, next;
    bool dives = false;

    p->n = 1;
    p->depth = 0;
    st = solve(p, 0);
    while (!st && p->n + 2 <= p->most &&
           !(p->m->stop && p->m->stop(p->m->stop_user)) &&
           atm__ilp_work(p->ilp) < p->work) {
        next = dives ? least_bound(p, p->n - 2) : ATM_NONE;
        dives = next != ATM_NONE && can_split(p, next);
        if (!dives) {
            next = least_bound(p, 0);
            if (next == ATM_NONE || !can_split(p, next))
                break; /* proved, or no more can be */
            dives = ++steps > BEST_STEPS;
            steps = dives ? 0 : steps;
        }
        splits_above(p, next);
        if (p->depth + 1 >= ATM__DEPTH_MAX) {
            if (!dives)
                break;
            dives = false;
            continue;
        }
        st = split_node(p, next);
        if (!st)
            st = atm__ilp_trim(p->ilp);
    }
    return st;
}

static bool new_lists(struct prover *p)
{
    const struct atm_problem *q = p->m->p;
    uint32_t i, stations = 1, variants = 1, uses = 1;

    for (i = 0; i < p->m->st.n; i++)
        if (p->m->st.s[i].n_stations > stations)
            stations = p->m->st.s[i].n_stations;
    for (i = 0; i < q->n_kernels; i++) {
        uses += p->m->kernel[i].n;
        if (q->kernel[i].n_variants > variants)
            variants = q->kernel[i].n_variants;
    }
    p->most = PRICES_MAX / uses < NODES_MAX ? PRICES_MAX / uses : NODES_MAX;
    p->most = p->most < 3 ? 3 : p->most;
    p->arena = p->ilp->arena;
    p->node = atm_arena_array(p->arena, p->most, sizeof(*p->node));
    p->fast = atm_arena_array(p->arena, stations, sizeof(double));
    p->slow = atm_arena_array(p->arena, stations, sizeof(double));
    p->kept = atm_arena_array(p->arena, stations, sizeof(double));
    p->left = atm_arena_array(p->arena, stations, sizeof(double));
    p->entry = atm_arena_array(p->arena, variants, sizeof(double));
    return p->node && p->fast && p->slow && p->kept && p->left && p->entry;
}

enum atm_status atm__prove(const struct atm__model *m, double goal, double best,
                           const struct atm__rounder *rounder,
                           struct atm_arena *arena, struct atm_certificate *c,
                           double *bound)
{
    struct prover p = {.m = m, .goal = goal, .rounder = rounder};
    enum atm_status st = atm__ilp_new(m, &p.ilp);
    double proved = 0;

    if (!st && !new_lists(&p))
        st = ATM_NOMEM;
    if (!st)
        p.work = m->p->n_kernels <= ATM__SMALL ? SMALL_WORK_MAX : WORK_MAX;
    /* dear enough that what is left out shows, not so dear that the prices
     * drown in it */
    if (!st)
        st = atm__ilp_elastic(p.ilp, 20 * best);
    if (!st)
        st = grow(&p);
    if (!st && p.node[0].c)
        st = atm__bound(m, p.node[0].c, &proved);
    if (!st && proved > *bound) {
        *bound = proved;
        st = atm__certificate_copy(arena, p.node[0].c, c);
        c->budget = m->budget;
    }
    atm__ilp_delete(&p.ilp);
    return st == ATM_INTERNAL ? ATM_OK : st; /* the root's prices stay */
}
