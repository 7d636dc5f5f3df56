/* explain.c - why a placement is as it is: one storage taken out and put back
 * in each other way, by the same shortest path that found the plan, with all
 * others as they are; one kernel with its table and what fills its memory. */
#include "autotm/explain.h"
#include "autotm/planner.h"

#include "decide.h"
#include "model.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NO_LIMIT (UINT64_MAX >> 2)

/* ---- from a placement back to decisions and to a plan ---- */

static enum atm_status decisions(const struct atm_problem *p,
                                 const struct atm_storages *st,
                                 const struct atm_placement *a,
                                 struct atm_arena *arena,
                                 struct atm_decisions *d)
{
    enum atm_status status = atm__decisions_new(p, st, arena, d);
    uint32_t i;

    if (status)
        return status;
    for (i = 0; i < p->n_tensors; i++) {
        struct atm_path *path = &d->path[st->of[i]];
        uint32_t at = st->first[i];

        if (a->n_stations[i] != st->n_stations[i] ||
            a->n_gaps[i] != st->n_gaps[i])
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32 " has %" PRIu32
                            " stations and %" PRIu32 " gaps in the problem, "
                            "not %" PRIu32 " and %" PRIu32,
                            i, st->n_stations[i], st->n_gaps[i],
                            a->n_stations[i], a->n_gaps[i]);
        path->resident |= a->resident[i] != 0;
        memcpy(path->fast + at, a->fast_at_use[i], a->n_stations[i]);
        memcpy(path->kept + at, a->kept_after[i], a->n_gaps[i]);
    }
    for (i = 0; i < p->n_kernels; i++) {
        if (a->variant[i] >= p->kernel[i].n_variants)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 " has no variant "
                            "%" PRIu32,
                            i, a->variant[i]);
        d->variant[i] = a->variant[i];
    }
    return ATM_OK;
}

enum atm_status atm_placement_seconds(const struct atm_problem *p,
                                      const struct atm_placement *a,
                                      double *seconds)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_storages st;
    struct atm_decisions d;
    struct atm_tally t = {0};
    enum atm_status status;

    if (!arena)
        return ATM_NOMEM;
    status = atm__problem_storages(p, arena, &st);
    if (!status)
        status = decisions(p, &st, a, arena, &d);
    if (!status)
        status = atm__tally(&d, &t);
    *seconds = t.seconds;
    atm_arena_delete(arena);
    return status;
}

struct why {
    const struct atm_problem *p;
    const struct atm_placement *a;
    struct atm__model *m;
    struct atm__plan *plan;
    struct atm_decisions d;
    double *mu; /* per kernel */
};

/* Is the arc what the decisions say of its station and the gap before it? */
static bool agrees(const struct why *w, uint32_t s, const struct atm__arc *arc)
{
    const struct atm_path *path = &w->d.path[s];
    const struct atm_storage *st = &w->m->st.s[s];
    uint32_t at = arc->station, m = st->n_stations;
    uint32_t gap = at == ATM_NONE || at == 0 ? m - 1 : at - 1;

    if (arc->resident || m == 0)
        return false;
    if (at != ATM_NONE && (arc->fast != (path->fast[at] != 0) ||
                           (arc->lost && atm__uses(&w->d, st->kernel[at], s))))
        return false;
    if (at == 0 && !st->circle)
        return true; /* nothing before */
    return arc->keep == (gap < st->n_gaps && path->kept[gap]);
}

/* Kept all round a circle is resident: the graph has one path for both. */
static bool all_round(const struct why *w, uint32_t s)
{
    const struct atm_path *path = &w->d.path[s];
    uint32_t i, n = w->m->st.s[s].n_gaps;

    for (i = 0; i < n && path->kept[i]; i++)
        ;
    return path->resident || (w->m->st.s[s].circle && n && i == n);
}

static enum atm_status place(struct why *w, uint32_t s)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    struct atm__plan *plan = w->plan;
    bool resident = all_round(w, s), bare = !w->m->st.s[s].n_stations;
    /* of paths that agree, one with the shortest slow place */
    double tie =
        1e-13 * (w->m->st.s[s].fetch_s + w->m->st.s[s].evict_s) + 1e-18;
    uint32_t i, n;

    for (i = 0; i < g->n_arcs; i++) {
        bool ok = resident ? g->arc[i].resident
                           : agrees(w, s, &g->arc[i]) ||
                                 (bare && !g->arc[i].resident);

        plan->arc_cost[i] =
            ok ? g->arc[i].seconds +
                     tie * (g->arc[i].to_phase - g->arc[i].from_phase)
               : INFINITY;
    }
    if (atm__shortest(g, plan->arc_cost, plan->arc_path, &n) == INFINITY)
        return atm_fail(ATM_FORMAT,
                        "tensor %" PRIu32 ": what the plan says "
                        "of it is not legal",
                        w->m->st.s[s].tensor[0]);
    memcpy(plan->old_path, plan->arc_path, n * sizeof(*plan->old_path));
    atm__plan_put(plan, s, plan->old_path, n);
    return ATM_OK;
}

static void limit(struct why *w, uint64_t bytes)
{
    uint32_t k;

    for (k = 0; k < w->p->n_kernels; k++)
        atm__plan_limit(w->plan, k, bytes);
}

static void choose_variants(struct why *w)
{
    uint32_t k;

    for (k = 0; k < w->p->n_kernels; k++)
        atm__plan_choose(w->plan, k, w->a->variant[k]);
}

static void why_close(struct why *w)
{
    atm__plan_delete(&w->plan);
    atm__model_delete(&w->m);
}

static enum atm_status why_open(const struct atm_problem *p,
                                const struct atm_placement *a,
                                struct atm_arena *arena, struct why *w)
{
    const struct atm_certificate *prices;
    enum atm_status st;
    uint32_t i;

    *w = (struct why){.p = p, .a = a};
    w->mu = atm_arena_array(arena, p->n_kernels, sizeof(*w->mu));
    if (!w->mu)
        return ATM_NOMEM;
    prices = atm_certificate_leaf(a);
    for (i = 0; i < prices->n_memory; i++)
        if (prices->memory[i].at < p->n_kernels)
            w->mu[prices->memory[i].at] += prices->memory[i].value;
    st = atm__model_new(p, a->budget_bytes, false, &w->m);
    if (!st)
        st = decisions(p, &w->m->st, a, arena, &w->d);
    if (!st)
        st = atm__plan_new(w->m, &w->plan);
    for (i = 0; !st && i < w->m->st.n; i++)
        st = place(w, i);
    if (st)
        why_close(w);
    else
        choose_variants(w);
    return st;
}

/* ---- a tensor ---- */

static double held_price(const struct why *w, uint32_t s)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    const struct atm_storage *st = &w->m->st.s[s];
    double sum = 0;
    uint32_t i, k;

    for (i = 0; i < w->plan->n_path[s]; i++) {
        const struct atm__arc *arc = &g->arc[w->plan->path[s][i]];

        for (k = arc->from_kernel; k < arc->to_kernel; k++)
            sum += w->mu[k];
        if (arc->station != ATM_NONE && arc->fast)
            sum += w->mu[st->kernel[arc->station]];
    }
    return sum * (double)st->bytes;
}

/* What the plan is with storage s as it stands, judged by the budget. */
static void judge(struct why *w, uint32_t s, struct atm_choice *c)
{
    uint32_t k;

    c->legal = true;
    c->seconds = atm__plan_seconds(w->plan);
    c->memory_s = held_price(w, s);
    c->lacking_kernel = ATM_NONE;
    for (k = 0; k < w->p->n_kernels; k++) {
        int64_t over = (int64_t)atm__plan_held(w->plan, k) -
                       (int64_t)w->a->budget_bytes;

        if (over > 0 && (uint64_t)over > c->lacking_bytes) {
            c->lacking_bytes = (uint64_t)over;
            c->lacking_kernel = k;
        }
    }
    if (!isfinite(c->seconds))
        c->legal = false;
}

static bool suits(enum atm_choice_kind kind, const struct atm__arc *arc)
{
    switch (kind) {
    case ATM_CHOICE_FAST:
        return !arc->resident && (arc->station == ATM_NONE || arc->fast);
    case ATM_CHOICE_SLOW:
        return !arc->resident && !arc->fast && !arc->keep;
    case ATM_CHOICE_RESIDENT:
        return arc->resident;
    default:
        return true;
    }
}

/* The kernels that use s choose their variants anew for each way: none may
 * block one by the scratch it has now. */
static void least_scratch(struct why *w, uint32_t s)
{
    const struct atm_storage *st = &w->m->st.s[s];
    uint32_t i, v;

    for (i = 0; i < st->n_stations; i++) {
        const struct atm_problem_kernel *k = &w->p->kernel[st->kernel[i]];
        uint32_t least = 0;

        for (v = 1; v < k->n_variants; v++)
            if (k->variant[v].scratch_bytes < k->variant[least].scratch_bytes)
                least = v;
        atm__plan_choose(w->plan, st->kernel[i], least);
    }
}

/* Storage s, which is out, in the best way of a kind; without a limit of fast
 * memory but for the best way of all. */
static void try_kind(struct why *w, uint32_t s, enum atm_choice_kind kind,
                     struct atm_choice *c)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    struct atm__plan *plan = w->plan;
    uint32_t i, n;

    *c = (struct atm_choice){.kind = kind, .lacking_kernel = ATM_NONE};
    limit(w, kind == ATM_CHOICE_BEST ? w->a->budget_bytes : NO_LIMIT);
    least_scratch(w, s);
    (void)atm__plan_best(plan, s, ATM_NONE, &n);
    for (i = 0; i < g->n_arcs; i++)
        if (!suits(kind, &g->arc[i]))
            plan->arc_cost[i] = INFINITY;
    if (atm__shortest(g, plan->arc_cost, plan->arc_path, &n) >=
        ATM__FORBIDDEN_S)
        return;
    memcpy(plan->old_path, plan->arc_path, n * sizeof(*plan->old_path));
    atm__plan_put(plan, s, plan->old_path, n);
    judge(w, s, c);
    atm__plan_remove(plan, s);
}

static enum atm_status list_stations(struct why *w, uint32_t s,
                                     struct atm_arena *arena,
                                     struct atm_explained_tensor *out)
{
    const struct atm_storage *st = &w->m->st.s[s];
    const struct atm_path *path = &w->d.path[s];
    bool all = all_round(w, s);
    uint32_t i;

    out->n_stations = st->n_stations;
    out->station =
        atm_arena_array(arena, st->n_stations, sizeof(*out->station));
    if (!out->station)
        return ATM_NOMEM;
    for (i = 0; i < st->n_stations; i++) {
        struct atm_explained_station *x = &out->station[i];

        x->kernel = st->kernel[i];
        x->writes = st->made[i] != 0;
        x->fast = all || path->fast[i];
        x->kept = all || (i < st->n_gaps && path->kept[i]);
        x->price_s = w->mu[x->kernel] * (double)st->bytes;
    }
    for (i = 0; i < w->plan->n_path[s]; i++) {
        const struct atm__arc *arc = &w->m->graph[s].arc[w->plan->path[s][i]];
        uint32_t at = arc->station;
        double rest = arc->seconds;

        if (at != ATM_NONE && arc->fetch && arc->fast) {
            out->station[at].fetched = true;
            rest -= st->fetch_s;
        }
        if (rest > 0.5 * st->evict_s && st->evict_s > 0)
            out->station[at == ATM_NONE || at == 0 ? st->n_stations - 1
                                                   : at - 1]
                .evicted = true;
    }
    return ATM_OK;
}

enum atm_status atm_explain_tensor(const struct atm_problem *p,
                                   const struct atm_placement *a,
                                   uint32_t tensor, struct atm_arena *arena,
                                   struct atm_explained_tensor *out)
{
    struct why w;
    enum atm_status st = why_open(p, a, arena, &w);
    uint32_t s, kind;

    if (st)
        return st;
    memset(out, 0, sizeof(*out));
    s = w.m->st.of[tensor];
    out->bytes = w.m->st.s[s].bytes;
    out->fetch_s = w.m->st.s[s].fetch_s;
    out->evict_s = w.m->st.s[s].evict_s;
    out->n_tensors = w.m->st.s[s].n_tensors;
    out->tensor = atm_arena_memdup(arena, w.m->st.s[s].tensor,
                                   out->n_tensors * sizeof(*out->tensor));
    out->resident = all_round(&w, s);
    st = out->tensor ? list_stations(&w, s, arena, out) : ATM_NOMEM;
    out->choice[0] = (struct atm_choice){.kind = ATM_CHOICE_PLAN};
    judge(&w, s, &out->choice[0]);
    atm__plan_remove(w.plan, s);
    for (kind = ATM_CHOICE_PLAN + 1; kind < ATM_CHOICES; kind++)
        try_kind(&w, s, (enum atm_choice_kind)kind, &out->choice[kind]);
    why_close(&w);
    return st;
}

/* ---- a kernel ---- */

/* All entries of variant v; masks are over the variant's own operands. */
static void list_entries(const struct why *w, uint32_t k, uint32_t v,
                         struct atm_explained_kernel *out)
{
    const struct atm_variant *x = &w->p->kernel[k].variant[v];
    uint64_t mask;

    for (mask = 0; mask < UINT64_C(1) << x->t.n; mask++) {
        struct atm_explained_entry *e = &out->entry[out->n_entries];

        e->variant = v;
        e->slow = mask;
        e->seconds = atm_table_at(&x->t, mask);
        if (e->seconds < 0 || !atm__problem_entry(w->p, k, v, mask, &e->bytes))
            continue;
        e->fits = e->bytes <= w->a->budget_bytes;
        out->n_entries++;
    }
}

static enum atm_status entries(const struct why *w, uint32_t k,
                               struct atm_arena *arena,
                               struct atm_explained_kernel *out)
{
    const struct atm_problem_kernel *q = &w->p->kernel[k];
    uint64_t n = 0;
    uint32_t v;

    for (v = 0; v < q->n_variants; v++)
        n += q->variant[v].t.n <= ATM_EXPLAIN_OPERANDS
                 ? UINT64_C(1) << q->variant[v].t.n
                 : 0;
    out->entry = atm_arena_array(arena, n, sizeof(*out->entry));
    if (!out->entry)
        return ATM_NOMEM;
    for (v = 0; v < q->n_variants; v++)
        if (q->variant[v].t.n <= ATM_EXPLAIN_OPERANDS)
            list_entries(w, k, v, out);
    return ATM_OK;
}

static bool holds(const struct why *w, uint32_t s, uint32_t k, bool *operand)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    uint32_t i;
    bool yes = false;

    *operand = false;
    for (i = 0; i < w->plan->n_path[s]; i++) {
        const struct atm__arc *arc = &g->arc[w->plan->path[s][i]];
        bool here = arc->station != ATM_NONE && arc->fast &&
                    w->m->st.s[s].kernel[arc->station] == k;

        yes |= here || (k >= arc->from_kernel && k < arc->to_kernel);
    }
    *operand = atm__use_index(w->m, k, s) < w->m->kernel[k].n;
    return yes;
}

static enum atm_status occupants(const struct why *w, uint32_t k,
                                 struct atm_arena *arena,
                                 struct atm_explained_kernel *out)
{
    struct atm_occupant *list, o;
    uint32_t s, i;

    list = out->occupant = atm_arena_array(arena, w->m->st.n, sizeof(*list));
    if (!list)
        return ATM_NOMEM;
    for (s = 0; s < w->m->st.n; s++) {
        o = (struct atm_occupant){.tensor = w->m->st.s[s].tensor[0],
                                  .bytes = w->m->st.s[s].bytes};
        if (!o.bytes || !holds(w, s, k, &o.operand))
            continue;
        for (i = out->n_occupants++; i > 0 && list[i - 1].bytes < o.bytes; i--)
            list[i] = list[i - 1];
        list[i] = o;
    }
    return ATM_OK;
}

enum atm_status atm_explain_kernel(const struct atm_problem *p,
                                   const struct atm_placement *a,
                                   uint32_t kernel, struct atm_arena *arena,
                                   struct atm_explained_kernel *out)
{
    struct why w;
    enum atm_status st = why_open(p, a, arena, &w);
    const struct atm_variant *v;

    if (st)
        return st;
    memset(out, 0, sizeof(*out));
    v = &p->kernel[kernel].variant[a->variant[kernel]];
    out->variant = a->variant[kernel];
    out->slow = atm__mask(&w.d, kernel);
    out->seconds = atm_table_at(&v->t, out->slow);
    out->scratch_bytes = v->scratch_bytes;
    out->held_bytes = atm__plan_held(w.plan, kernel);
    out->price = w.mu[kernel];
    st = entries(&w, kernel, arena, out);
    if (!st)
        st = occupants(&w, kernel, arena, out);
    why_close(&w);
    return st;
}
