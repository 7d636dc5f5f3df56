/* ilp_glpk.c - the integer program of lp.h solved by GLPK, and the only file
 * that sees it.
 *
 * GLPK aborts on misuse and on lack of memory, after printing why: each entry
 * below installs a hook that jumps back, and one that takes the text. Then all
 * of this thread's GLPK objects are gone, those of its other programs too.
 * MIR cuts of GLPK 5.0 cut off legal plans of these models: never switched on.
 * Work limits count iterations, so that a plan does not depend on the clock.
 */
#include "lp.h"
#include "split.h"
#include "start.h"

#include "arena.h"

#include <glpk.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 200
#define CUT_ROUNDS 30
#define ITERATIONS_MAX 3000000
/* Iterations until stop is asked: some 0.1 s, for an iteration takes longer
 * the more rows there are, but beginning again costs a factorisation. */
#define LOOK_MIN 50
#define LOOK_WORK 2000000 /* by rows */
#define WORK_ROWS 500 /* an iteration costs as much besides its rows */
#define TREE_ITERATIONS 60000
#define TREE_NODES 2000
#define TREE_CALLS 40000 /* of the callback: a node may loop over its rows */

static _Thread_local jmp_buf escape;
static _Thread_local uint32_t alive;  /* ilps of this thread */
static _Thread_local uint32_t deaths; /* of its GLPK environment */
static _Thread_local char why[120];   /* first line of GLPK's last words */

/* GLPK switches its output on before it aborts. */
static int on_text(void *info, const char *text)
{
    size_t n = strcspn(text, "\n");

    (void)info;
    if (!why[0])
        (void)snprintf(why, sizeof(why), "%.*s", (int)n, text);
    return 1; /* not printed */
}

static void on_error(void *info)
{
    (void)info;
    longjmp(escape, 1);
}

static void guard(void)
{
    why[0] = 0;
    glp_term_hook(on_text, NULL);
    glp_error_hook(on_error, NULL);
}

static void unguard(void)
{
    glp_error_hook(NULL, NULL);
    glp_term_hook(NULL, NULL);
}

static enum atm_status died(void)
{
    unguard();
    (void)glp_free_env();
    deaths++;
    /* not NOMEM, even if GLPK lacks memory: the planner goes on without it */
    return atm_fail(ATM_INTERNAL, "the LP solver gave up: %s", why);
}

static bool is_dead(const struct atm__ilp *p)
{
    return p->born != deaths;
}

int atm__lp_append(struct atm__ilp *p, int n, double upper)
{
    int row = glp_add_rows(p->lp, 1);

    glp_set_mat_row(p->lp, row, n, p->ind, p->val);
    glp_set_row_bnds(p->lp, row, GLP_UP, 0, upper);
    return row;
}

static void load(struct atm__ilp *p)
{
    static const int type[] = {[ROW_EQUAL] = GLP_FX, [ROW_LEAST] = GLP_LO,
                               [ROW_MOST] = GLP_UP};
    uint32_t i;

    (void)glp_add_rows(p->lp, (int)p->n_row);
    for (i = 1; i <= p->n_row; i++)
        glp_set_row_bnds(p->lp, (int)i, type[p->row[i].kind], p->row[i].b,
                         p->row[i].b);
    (void)glp_add_cols(p->lp, (int)p->n_col);
    glp_set_obj_coef(p->lp, 0, p->constant * p->cost_scale);
    for (i = 1; i <= p->n_col; i++) {
        glp_set_obj_coef(p->lp, (int)i, p->col[i].seconds * p->cost_scale);
        glp_set_col_bnds(p->lp, (int)i,
                         p->col[i].kind == MOST ? GLP_LO : GLP_DB, 0, 1);
    }
    glp_load_matrix(p->lp, (int)p->nt, p->ti, p->tj, p->tv);
}

enum atm_status atm__ilp_new(const struct atm__model *m,
                             struct atm__ilp **ilp)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__ilp *p = arena ? atm_arena_alloc(arena, sizeof(*p)) : NULL;
    struct atm_arena *volatile tmp = NULL;
    size_t n = m->p->n_kernels;
    bool ok;

    *ilp = NULL;
    if (!p) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    p->m = m;
    p->arena = arena;
    p->born = deaths;
    p->link = atm_arena_array(arena, n, sizeof(*p->link));
    p->alpha = atm_arena_array(arena, n, sizeof(*p->alpha));
    p->beta = atm_arena_array(arena, n, sizeof(*p->beta));
    p->col_of = atm_arena_array(arena, m->st.n + 1, 4);
    p->has_fast = atm_arena_array(arena, n, 1);
    p->has_slow = atm_arena_array(arena, 3 * n, 1);
    p->has_entries = atm_arena_array(arena, n, 1);
    p->use = atm_arena_array(arena, n + 1, sizeof(double));
    p->slow_use = atm_arena_array(arena, 3 * n + 1, sizeof(double));
    p->dense = atm_arena_array(arena, m->st.n, sizeof(double));
    p->sorted = atm_arena_array(arena, m->st.n, 4);
    tmp = atm_arena_new();
    alive++;
    *ilp = p;
    if (!p->link || !p->alpha || !p->beta || !p->col_of || !p->has_fast ||
         !p->has_slow || !p->has_entries || !p->use ||
        !p->slow_use || !p->dense || !p->sorted || !tmp) {
        atm_arena_delete(tmp);
        atm__ilp_delete(ilp);
        return ATM_NOMEM;
    }
    if (glp_init_env() > 1) { /* later it would end the process */
        atm_arena_delete(tmp);
        atm__ilp_delete(ilp);
        return atm_fail(ATM_NOMEM, "out of memory: the LP solver");
    }
    (void)glp_term_out(GLP_OFF);
    if (setjmp(escape)) {
        enum atm_status st = died();

        atm_arena_delete(tmp);
        atm__ilp_delete(ilp);
        return st;
    }
    guard();
    p->lp = glp_create_prob();
    ok = atm__lp_build(p, tmp);
    if (ok) {
        load(p);
        glp_scale_prob(p->lp, GLP_SF_AUTO);
        glp_cpx_basis(p->lp);
        p->x = atm_arena_array(p->arena, p->n_col + 1, sizeof(double));
        p->val = atm_arena_array(p->arena, p->n_col + 1, sizeof(double));
        p->ind = atm_arena_array(p->arena, p->n_col + 1, sizeof(int));
        ok = p->x && p->val && p->ind;
    }
    unguard();
    atm_arena_delete(tmp);
    if (!ok) {
        atm__ilp_delete(ilp);
        return atm_fail(ATM_NOMEM, "out of memory: the linear program");
    }
    return ATM_OK;
}

void atm__ilp_delete(struct atm__ilp **ilp)
{
    struct atm__ilp *p = *ilp;

    if (!p)
        return;
    if (p->lp && !is_dead(p))
        glp_delete_prob(p->lp);
    if (--alive == 0)
        (void)glp_free_env();
    atm_arena_delete(p->arena);
    *ilp = NULL;
}

/* ---- solving ---- */

static double price(const struct atm__ilp *p, int row)
{
    return row ? glp_get_row_dual(p->lp, row) / p->cost_scale : 0;
}

static enum atm_status operand_prices(struct atm__ilp *p,
                                      struct atm_certificate *c)
{
    const struct atm__model *m = p->m;
    uint32_t k, j, n = 0;

    for (k = 0; k < m->p->n_kernels; k++)
        n += m->kernel[k].n;
    c->operand = atm_arena_array(p->arena, n, sizeof(*c->operand));
    if (!c->operand)
        return ATM_NOMEM;
    for (k = 0; k < m->p->n_kernels; k++)
        for (j = 0; j < m->kernel[k].n; j++) {
            const struct link *l = &p->link[k][j];
            double v = l->linear - l->factor * price(p, l->row[0]);

            if (v != 0)
                c->operand[c->n_operand++] = (struct atm_price_operand){
                    k, m->kernel[k].use[j].position, v};
        }
    return ATM_OK;
}

static enum atm_status pair_prices(struct atm__ilp *p,
                                   struct atm_certificate *c)
{
    const struct atm_problem *q = p->m->p;
    uint32_t k, j, n = 0;

    for (k = 0; k < q->n_kernels; k++)
        n += q->kernel[k].n_pairs;
    c->pair = atm_arena_array(p->arena, n, sizeof(*c->pair));
    if (!c->pair)
        return ATM_NOMEM;
    for (k = 0; k < q->n_kernels; k++)
        for (j = 0; j < q->kernel[k].n_pairs && j < 64; j++) {
            double a = fmax(0, -price(p, p->alpha[k][j]));
            double b = fmax(0, -price(p, p->beta[k][j]));

            if (a > 0 || b > 0)
                c->pair[c->n_pair++] = (struct atm_price_pair){k, j, a, b};
        }
    return ATM_OK;
}

static enum atm_status prices(struct atm__ilp *p, struct atm_certificate *c)
{
    const struct atm__model *m = p->m;
    enum atm_status st;
    uint32_t i, j;

    memset(c, 0, sizeof(*c));
    c->budget = m->budget;
    c->memory = atm_arena_array(p->arena, p->n_lazy, sizeof(*c->memory));
    c->slow_memory = atm_arena_array(p->arena, p->n_lazy,
                                     sizeof(*c->slow_memory));
    c->knapsack = atm_arena_array(p->arena, p->n_lazy, sizeof(*c->knapsack));
    if (!c->memory || !c->slow_memory || !c->knapsack)
        return ATM_NOMEM;
    for (i = 0; i < p->n_lazy; i++) {
        const struct lazy *l = &p->lazy[i];
        double v = -price(p, l->row);
        struct atm_price_knapsack *q = &c->knapsack[c->n_knapsack];

        if (!(v > 0))
            continue;
        if (l->kind == FAST_ROW)
            c->memory[c->n_memory++] =
                (struct atm_price){l->at, v * p->byte_scale};
        if (l->kind == SLOW_ROW)
            c->slow_memory[c->n_slow_memory++] =
                (struct atm_price){l->at, v * p->byte_scale};
        if (l->kind != COVER)
            continue;
        *q = (struct atm_price_knapsack){.kernel = l->at, .nu = v, .b = l->b,
                                         .n = l->n, .a = l->a};
        q->tensor = atm_arena_array(p->arena, l->n, sizeof(*q->tensor));
        if (!q->tensor)
            return ATM_NOMEM;
        for (j = 0; j < l->n; j++)
            q->tensor[j] = m->st.s[l->storage[j]].tensor[0];
        c->n_knapsack++;
    }
    st = operand_prices(p, c);
    return st ? st : pair_prices(p, c);
}

/* One warm solve; false: infeasible. */
static bool simplex(struct atm__ilp *p)
{
    bool look = p->m->stop != NULL;
    int code, start = glp_get_it_cnt(p->lp);
    int few = LOOK_WORK / (glp_get_num_rows(p->lp) + 1);
    glp_smcp s;
    uint32_t c;

    glp_init_smcp(&s);
    s.msg_lev = GLP_MSG_OFF;
    s.meth = GLP_DUALP;
    s.pricing = GLP_PT_PSE;
    s.r_test = GLP_RT_FLIP;
    s.presolve = GLP_OFF;
    s.it_lim = !look ? ITERATIONS_MAX : few > LOOK_MIN ? few : LOOK_MIN;
    do
        code = glp_simplex(p->lp, &s);
    while (code == GLP_EITLIM && look &&
           !(p->stopped = p->m->stop(p->m->stop_user)) &&
           glp_get_it_cnt(p->lp) - start < ITERATIONS_MAX);
    if (code != 0 && code != GLP_EITLIM) {
        /* a singular basis: from a fresh one */
        glp_std_basis(p->lp);
        s.r_test = GLP_RT_HAR;
        (void)glp_simplex(p->lp, &s);
    }
    p->effort += (double)(glp_get_it_cnt(p->lp) - start) *
               (glp_get_num_rows(p->lp) + WORK_ROWS);
    for (c = 1; c <= p->n_col; c++)
        p->x[c] = glp_get_col_prim(p->lp, (int)c);
    return glp_get_dual_stat(p->lp) != GLP_NOFEAS &&
           glp_get_prim_stat(p->lp) == GLP_FEAS;
}

static enum atm_status results(struct atm__ilp *p, struct atm__lp *r)
{
    uint32_t c, i;

    if (!r->arc_weight)
        r->arc_weight = atm_arena_array(p->arena, p->m->arc_of[p->m->st.n],
                                        sizeof(double));
    if (!r->arc_weight)
        return ATM_NOMEM;
    memset(r->arc_weight, 0, p->m->arc_of[p->m->st.n] * sizeof(double));
    for (c = 1; c < p->col_of[p->m->st.n]; c++)
        for (i = 0; i < p->col[c].n_arcs; i++)
            r->arc_weight[p->m->arc_of[p->col[c].owner] +
                          p->arcs[p->col[c].arc + i]] += p->x[c];
    r->bound = glp_get_obj_val(p->lp) / p->cost_scale;
    return prices(p, &r->certificate);
}

static enum atm_status solve(struct atm__ilp *p, bool cuts, struct atm__lp *r)
{
    uint32_t round, cut_rounds = 0, i;

    for (i = 0; i < p->n_lazy; i++)
        glp_set_row_bnds(p->lp, p->lazy[i].row, GLP_UP, 0,
                         atm__lp_row_limit(p, &p->lazy[i]));
    r->infeasible = r->stopped = p->stopped = false;
    if (p->m->without & ATM_PART_LAZY && p->n_lazy == 0)
        atm__lp_add_all(p);
    for (round = 0; round < ROUNDS_MAX; round++) {
        bool whole = simplex(p);

        if (!p->stopped && p->m->stop)
            p->stopped = p->m->stop(p->m->stop_user);
        if (p->stopped || !whole) {
            r->infeasible = !whole && !p->stopped;
            r->stopped = p->stopped;
            return p->stopped ? results(p, r) : ATM_OK;
        }
        if (atm__lp_add_violated(p))
            continue;
        if (p->failed || !cuts || p->m->without & ATM_PART_COVERS ||
            cut_rounds++ >= CUT_ROUNDS || atm__lp_separate(p) == 0)
            break;
    }
    return p->failed ? atm_fail(ATM_NOMEM, "out of memory: rows")
                     : results(p, r);
}

enum atm_status atm__ilp_solve(struct atm__ilp *p, const uint64_t *limit,
                               bool cuts, struct atm__lp *r)
{
    enum atm_status st;

    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (setjmp(escape))
        return died();
    guard();
    p->limit = limit;
    st = solve(p, cuts, r);
    unguard();
    return st;
}

/* ---- from budget to budget ---- */

static void begin(struct atm__ilp *p, const struct atm_plan_start *start)
{
    uint32_t i;

    for (i = 0; i < start->n_lazy; i++)
        atm__lp_add_lazy(
            p, (struct lazy){.kind = start->slow[i] ? SLOW_ROW : FAST_ROW,
                             .at = start->at[i]});
    for (i = 1; i <= start->n_row + start->n_lazy; i++)
        glp_set_row_stat(p->lp, (int)i, start->row[i]);
    for (i = 1; i <= start->n_col; i++)
        glp_set_col_stat(p->lp, (int)i, start->col[i]);
}

enum atm_status atm__ilp_begin(struct atm__ilp *p,
                               const struct atm_plan_start *start)
{
    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (start->n_row != p->n_row || start->n_col != p->n_col || p->n_lazy)
        return ATM_OK;
    if (setjmp(escape))
        return died();
    guard();
    begin(p, start);
    unguard();
    return p->failed ? atm_fail(ATM_NOMEM, "out of memory: rows") : ATM_OK;
}

static void keep(struct atm__ilp *p, struct atm_plan_start *start)
{
    uint32_t i;

    for (i = 0; i < p->n_lazy; i++) {
        start->at[i] = p->lazy[i].at;
        start->slow[i] = p->lazy[i].kind == SLOW_ROW;
    }
    for (i = 1; i <= p->n_row + p->n_lazy; i++)
        start->row[i] = (uint8_t)glp_get_row_stat(p->lp, (int)i);
    for (i = 1; i <= p->n_col; i++)
        start->col[i] = (uint8_t)glp_get_col_stat(p->lp, (int)i);
}

enum atm_status atm__ilp_keep(struct atm__ilp *p, struct atm_plan_start *start)
{
    enum atm_status st;

    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    st = atm__plan_start_reset(start, p->n_row, p->n_col, p->n_lazy);
    if (st)
        return st;
    if (setjmp(escape))
        return died();
    guard();
    keep(p, start);
    unguard();
    return ATM_OK;
}

/* ---- certificate trees ---- */

enum atm_status atm__ilp_elastic(struct atm__ilp *p, double seconds)
{
    const double v[] = {0, 1};
    int row[] = {0, 0}, c;

    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (setjmp(escape))
        return died();
    guard();
    for (row[1] = 1; row[1] <= (int)p->n_row; row[1]++) {
        if (p->row[row[1]].kind != ROW_EQUAL || p->row[row[1]].b != 1)
            continue;
        c = glp_add_cols(p->lp, 1);
        glp_set_obj_coef(p->lp, c, seconds * p->cost_scale);
        glp_set_col_bnds(p->lp, c, GLP_DB, 0, 1);
        glp_set_mat_col(p->lp, c, 1, row, v);
    }
    unguard();
    return ATM_OK;
}

void atm__ilp_restrict(struct atm__ilp *p, const struct atm__split *x,
                       uint32_t n)
{
    const struct atm__model *m = p->m;
    struct atm__place_of_use at = {0, 0};
    uint32_t c, i, k = ATM_NONE;

    for (c = 1; c <= p->n_col; c++) {
        const struct column *q = &p->col[c];
        bool left = true;

        if (q->kind == PATH) {
            for (i = 0; i < q->n_arcs && left; i++)
                left = atm__split_arc(
                    m, q->owner, &m->graph[q->owner].arc[p->arcs[q->arc + i]],
                    x, n);
        } else if (q->kind == ENTRY) {
            if (q->owner != k)
                at = atm__split_uses(m, q->owner, x, n);
            k = q->owner;
            left = atm__split_variant(k, q->variant, x, n) &&
                   !(q->slow & at.fast) &&
                   !(~q->slow & at.slow & m->kernel[k].all[q->variant]);
        } else {
            continue;
        }
        glp_set_col_bnds(p->lp, (int)c, left ? GLP_DB : GLP_FX, 0,
                         left ? 1 : 0);
    }
}

static void trim(struct atm__ilp *p)
{
    uint32_t i, n = 0;
    int gone = 0;

    for (i = 0; i < p->n_lazy; i++) {
        struct lazy l = p->lazy[i];

        if (l.kind == COVER && glp_get_row_stat(p->lp, l.row) == GLP_BS) {
            p->ind[++gone] = l.row;
            continue;
        }
        l.row -= gone;
        p->lazy[n++] = l;
    }
    p->n_lazy = n;
    if (gone)
        glp_del_rows(p->lp, gone, p->ind);
}

enum atm_status atm__ilp_trim(struct atm__ilp *p)
{
    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (setjmp(escape))
        return died();
    guard();
    trim(p);
    unguard();
    return ATM_OK;
}

double atm__ilp_work(const struct atm__ilp *p)
{
    return p->effort;
}

/* ---- exclusions ---- */

enum atm_status atm__ilp_exclude(struct atm__ilp *p,
                                 const struct atm_box *box, uint32_t n)
{
    struct exclusion *x = atm_arena_grow(p->arena, p->out, &p->cap_out,
                                         p->n_out + 1, sizeof(*x));
    uint32_t i, c;
    int at = 0;

    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (!x)
        return ATM_NOMEM;
    p->out = x;
    x = &p->out[p->n_out++];
    x->n = n;
    x->box = atm_arena_memdup(p->arena, box, n * sizeof(*box));
    if (!x->box)
        return ATM_NOMEM;
    if (setjmp(escape))
        return died();
    guard();
    for (c = 1; c <= p->n_col; c++) {
        int count = 0;

        for (i = 0; i < n; i++)
            count += atm__lp_column_has(p, c, &box[i]);
        if (count) {
            p->ind[++at] = (int)c;
            p->val[at] = count;
        }
    }
    (void)atm__lp_append(p, at, (double)n - 1);
    unguard();
    return ATM_OK;
}

bool atm__ilp_excludes(const struct atm__ilp *p, const struct atm__plan *a)
{
    uint32_t i, j;

    for (i = 0; i < p->n_out; i++) {
        for (j = 0; j < p->out[i].n; j++)
            if (!atm__lp_plan_has(p->m, a, &p->out[i].box[j]))
                break;
        if (j == p->out[i].n)
            return true;
    }
    return false;
}

/* ---- tree ---- */

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void take_plan(struct atm__ilp *p)
{
    double seconds = atm__plan_seconds(p->work);

    if (seconds < p->best_s && !atm__ilp_excludes(p, p->work)) {
        p->best_s = seconds;
        atm__plan_copy(p->best, p->work);
    }
}

/* The plan of an integer point, improved; kept if it is the best so far. */
static void take_point(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    struct atm__plan *w = p->work;
    uint32_t s, c, i, j, n;

    for (s = 0; s < m->st.n; s++) {
        for (i = 0; i < m->graph[s].n_arcs; i++)
            w->arc_cost[i] = 1;
        for (c = p->col_of[s]; c < p->col_of[s + 1]; c++)
            for (j = 0; j < p->col[c].n_arcs; j++)
                w->arc_cost[p->arcs[p->col[c].arc + j]] -= p->x[c];
        (void)atm__shortest(&m->graph[s], w->arc_cost, w->arc_path, &n);
        memcpy(w->old_path, w->arc_path, n * sizeof(*w->old_path));
        if (w->n_path[s])
            atm__plan_remove(w, s);
        atm__plan_put(w, s, w->old_path, n);
    }
    for (c = p->col_of[m->st.n]; c <= p->n_col; c++)
        if (p->col[c].kind == ENTRY && p->x[c] > 0.5)
            atm__plan_choose(w, p->col[c].owner, p->col[c].variant);
    take_plan(p); /* as it is: the descent may end in what is excluded */
    if (!atm__plan_repair(w))
        return;
    atm__plan_descend(w, 1, 4);
    take_plan(p);
}

static void on_node(glp_tree *tree, void *info)
{
    struct atm__ilp *p = info;
    const struct atm_plan_options *o = p->options;
    glp_prob *lp;
    uint32_t c;
    int node, nodes;
    double bound, t;

    switch (glp_ios_reason(tree)) {
    case GLP_IROWGEN:
        lp = glp_ios_get_prob(tree);
        if (glp_get_status(lp) != GLP_OPT)
            break;
        for (c = 1; c <= p->n_col; c++)
            p->x[c] = glp_get_col_prim(lp, (int)c);
        (void)atm__lp_add_violated(p);
        break;
    case GLP_IBINGO:
        lp = glp_ios_get_prob(tree);
        for (c = 1; c <= p->n_col; c++)
            p->x[c] = glp_get_col_prim(lp, (int)c);
        take_point(p);
        break;
    default:
        break;
    }
    node = glp_ios_best_node(tree);
    if (node) {
        bound = glp_ios_node_bound(tree, node) / p->cost_scale;
        if (isfinite(bound) && bound > p->tree_bound)
            p->tree_bound = bound;
    }
    glp_ios_tree_size(tree, NULL, NULL, &nodes);
    t = now_s() - p->started;
    if (p->best_s - p->tree_bound <= o->gap_target * p->best_s ||
        nodes > TREE_NODES || ++p->calls > TREE_CALLS ||
        glp_get_it_cnt(p->lp) - p->start_it > TREE_ITERATIONS ||
        (o->time_limit_s > 0 && t > o->time_limit_s) || p->failed)
        glp_ios_terminate(tree);
    else if (o->progress && t - p->told > 1) {
        p->told = t;
        if (o->progress(o->user, t, p->best_s, p->tree_bound))
            glp_ios_terminate(tree);
    }
}

/* Path columns of use j of kernel k that are lost (or fetched) there; the
 * first entries of ind and val. */
static int path_columns(struct atm__ilp *p, uint32_t k, uint32_t j, bool lost)
{
    const struct atm__use *u = &p->m->kernel[k].use[j];
    uint32_t c, i;
    int n = 0;

    for (c = p->col_of[u->storage]; c < p->col_of[u->storage + 1]; c++)
        for (i = 0; i < p->col[c].n_arcs; i++) {
            const struct atm__arc *arc =
                &p->m->graph[u->storage].arc[p->arcs[p->col[c].arc + i]];

            if (arc->station == u->station &&
                (lost ? arc->lost : arc->fetch && arc->fast)) {
                p->ind[++n] = (int)c;
                p->val[n] = 1;
            }
        }
    return n;
}

/* (C13) what is lost is not read; (C14) what is fetched is read; (C15) only
 * operands of the variant share. Of variants that read different operands;
 * the prices of certificates do not know these rows, so that they come when
 * those are taken. */
static void add_tree_rows(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    uint32_t v, j, c, way;
    uint64_t every = ~UINT64_C(0), bits;
    int n;

    for (v = 0; v < pk->n_variants; v++)
        every &= q->all[v];
    for (j = 0; j < q->n; j++)
        for (way = 0; way < 2 && !(every >> j & 1); way++) {
            n = path_columns(p, k, j, way == 0);
            for (c = p->col_of[m->st.n]; c <= p->n_col && n > 0; c++) {
                bool reads;

                if (p->col[c].kind != ENTRY || p->col[c].owner != k)
                    continue;
                reads = q->all[p->col[c].variant] >> j & 1;
                if (way == 0 ? !reads
                             : reads && !(p->col[c].slow >> j & 1)) {
                    p->ind[++n] = (int)c;
                    p->val[n] = -1;
                }
            }
            if (n > 0)
                (void)atm__lp_append(p, n, 0);
        }
    for (c = p->col_of[m->st.n]; c <= p->n_col; c++) {
        uint32_t i;

        if (p->col[c].kind != SHARE || p->col[c].owner != k)
            continue;
        i = (uint32_t)p->col[c].slow;
        bits = UINT64_C(1) << atm__use_index(
                   m, k, m->st.of[pk->operand[pk->pair[i].in]]);
        bits |= UINT64_C(1) << atm__use_index(
                    m, k, m->st.of[pk->operand[pk->n_in + pk->pair[i].out]]);
        if ((every & bits) == bits)
            continue;
        n = 1;
        p->ind[1] = (int)c;
        p->val[1] = 1;
        for (j = p->col_of[m->st.n]; j <= p->n_col; j++)
            if (p->col[j].kind == ENTRY && p->col[j].owner == k &&
                (q->all[p->col[j].variant] & bits) == bits) {
                p->ind[++n] = (int)j;
                p->val[n] = -1;
            }
        (void)atm__lp_append(p, n, 0);
    }
}

/* Which columns must be whole for a point to be a plan: paths, and entries
 * where variants differ. */
static void set_integers(struct atm__ilp *p)
{
    uint32_t c;

    for (c = 1; c <= p->n_col; c++)
        if (p->col[c].kind == PATH ||
            (p->col[c].kind == ENTRY &&
             p->m->p->kernel[p->col[c].owner].n_variants > 1))
            glp_set_col_kind(p->lp, (int)c, GLP_BV);
}

/* Rows that only whole numbers need, and which those are. */
static void make_whole(struct atm__ilp *p)
{
    uint32_t k;

    for (k = 0; k < p->m->p->n_kernels && !p->has_tree_rows; k++)
        if (p->m->p->kernel[k].n_variants > 1 && p->has_entries[k])
            add_tree_rows(p, k);
    p->has_tree_rows = true;
    set_integers(p);
}

enum atm_status atm__ilp_complete(struct atm__ilp *p, bool all_rows)
{
    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (setjmp(escape))
        return died();
    guard();
    if (all_rows)
        atm__lp_add_all(p);
    make_whole(p);
    unguard();
    return p->failed ? atm_fail(ATM_NOMEM, "out of memory: rows") : ATM_OK;
}

int atm__ilp_row(struct atm__ilp *p, int i, struct lp_row *row)
{
    if (i > glp_get_num_rows(p->lp))
        return -1;
    row->kind = glp_get_row_type(p->lp, i) == GLP_FX   ? ROW_EQUAL
                : glp_get_row_type(p->lp, i) == GLP_LO ? ROW_LEAST
                                                       : ROW_MOST;
    row->b = row->kind == ROW_LEAST ? glp_get_row_lb(p->lp, i)
                                    : glp_get_row_ub(p->lp, i);
    return glp_get_mat_row(p->lp, i, p->ind, p->val);
}

double atm__ilp_cost(const struct atm__ilp *p, uint32_t c)
{
    return glp_get_obj_coef(p->lp, (int)c) / p->cost_scale;
}

bool atm__ilp_is_whole(const struct atm__ilp *p, uint32_t c)
{
    return glp_get_col_kind(p->lp, (int)c) != GLP_CV;
}

static void tree(struct atm__ilp *p)
{
    const struct atm_plan_options *o = p->options;
    glp_iocp c;
    double v;

    make_whole(p);
    if (!simplex(p))
        return;
    glp_init_iocp(&c);
    c.msg_lev = GLP_MSG_OFF;
    c.br_tech = GLP_BR_DTH;
    c.bt_tech = GLP_BT_BLB;
    c.gmi_cuts = c.cov_cuts = c.clq_cuts = GLP_ON;
    c.mir_cuts = GLP_OFF;
    c.presolve = GLP_OFF;
    c.mip_gap = o->gap_target;
    c.cb_func = on_node;
    c.cb_info = p;
    p->start_it = glp_get_it_cnt(p->lp);
    p->calls = 0;
    p->in_tree = true;
    if (glp_intopt(p->lp, &c) == 0 && glp_mip_status(p->lp) == GLP_OPT) {
        v = glp_mip_obj_val(p->lp) / p->cost_scale * (1 - o->gap_target);
        p->tree_bound = v > p->tree_bound ? v : p->tree_bound;
    }
    p->in_tree = false;
}

enum atm_status atm__ilp_search(struct atm__ilp *p,
                                const struct atm_plan_options *o,
                                struct atm__plan *best, struct atm__plan *work,
                                double *seconds, double *bound)
{
    *bound = -INFINITY;
    if (is_dead(p))
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    p->options = o;
    p->best = best;
    p->work = work;
    p->best_s = *seconds;
    p->tree_bound = -INFINITY;
    p->started = now_s();
    p->told = 0;
    if (setjmp(escape)) {
        *seconds = p->best_s;
        return died();
    }
    guard();
    tree(p);
    *seconds = p->best_s;
    *bound = fmin(p->tree_bound, p->best_s);
    unguard();
    return ATM_OK;
}
