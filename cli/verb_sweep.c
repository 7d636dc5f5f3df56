/* verb_sweep.c - autotm sweep: time against the budget of fast memory.
 *
 * Every plan found counts at every budget that its pool fits, and every
 * certificate at every budget, so that the curve never rises and the bound
 * under it is the best that all proofs together give. */
#include "cli.h"
#include "sweep.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 10000

/* ---- budgets ---- */

static enum atm_status add_point(struct sweep *s, uint64_t bytes)
{
    uint32_t i;
    struct sweep_point *p =
        atm_arena_grow(s->c->arena, s->point, &s->cap, s->n + 1, sizeof(*p));

    if (!p)
        return ATM_NOMEM;
    s->point = p;
    if (s->n >= POINTS_MAX)
        return atm_fail(ATM_INVAL, "--budgets: more than %d", POINTS_MAX);
    for (i = s->n; i > 0 && p[i - 1].bytes > bytes; i--)
        ;
    if (i > 0 && p[i - 1].bytes == bytes)
        return ATM_OK;
    memmove(&p[i + 1], &p[i], (s->n - i) * sizeof(*p));
    p[i] = (struct sweep_point){.bytes = bytes, .plan = ATM_NONE};
    s->n++;
    return ATM_OK;
}

/* "A", or "A-B+STEP". */
static enum atm_status add_item(struct sweep *s, const char *item)
{
    const char *minus = strchr(item, '-'), *plus = strchr(item, '+');
    uint64_t peak = s->problem->peak_bytes, a, b, step, at;
    struct atm_arena *arena = s->c->arena;
    enum atm_status st = ATM_OK;
    char *first, *last;

    if (!minus && !plus) {
        if (cli_budget(item, peak, &a))
            goto err_text;
        return add_point(s, a);
    }
    if (!minus || !plus || plus < minus)
        goto err_text;
    first = atm_arena_strndup(arena, item, (size_t)(minus - item));
    last = atm_arena_strndup(arena, minus + 1, (size_t)(plus - minus - 1));
    if (!first || !last)
        return ATM_NOMEM;
    if (cli_budget(first, peak, &a) || cli_budget(last, peak, &b) ||
        cli_budget(plus + 1, peak, &step) || a > b)
        goto err_text;
    if (step == 0 && strpbrk(plus + 1, "123456789"))
        step = 1; /* a part of less than a byte */
    if (step == 0)
        goto err_text;
    for (at = a; at <= b && !st; at += step)
        st = add_point(s, at);
    return st;

err_text:
    return atm_fail(ATM_INVAL,
                    "--budgets %s: budgets such as 512M or 30%%, or "
                    "a range such as 1G-4G+512M or 10%%-100%%+10%%",
                    item);
}

static enum atm_status add_budgets(struct sweep *s)
{
    const char *text = cli_text(s->c, OPT_BUDGETS);
    enum atm_status st;
    uint32_t i, n = 0;
    char *copy, *item, *rest = NULL;

    copy = atm_arena_strdup(s->c->arena, text ? text : "10%-100%+10%");
    if (!copy)
        return ATM_NOMEM;
    s->least = atm_problem_min_budget(s->problem, &s->least_kernel);
    st = add_point(s, s->least);
    for (item = strtok_r(copy, ",", &rest); item && !st;
         item = strtok_r(NULL, ",", &rest), n++)
        st = add_item(s, item);
    if (!st && n == 0)
        st = atm_fail(ATM_INVAL, "--budgets: the list is empty");
    for (i = 0; i < s->n && !st; i++)
        s->point[i].fraction =
            (double)s->point[i].bytes / (double)s->problem->peak_bytes;
    return st;
}

/* ---- another machine's bandwidths ---- */

/* Bytes a second: 12e9, 12G; decimal, as in the specs of tiers. */
static bool bandwidth(const char *text, double *value)
{
    static const char letters[] = "KMGT";
    const char *at;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *value = strtod(text, &end);
    at = *end ? strchr(letters, *end & ~0x20) : NULL;
    if (at) {
        *value *= pow(1000, (double)(at - letters + 1));
        end++;
    }
    return *end == '\0' && *value > 0 && isfinite(*value);
}

static enum atm_status read_what_if(struct sweep *s)
{
    const char *given = cli_text(s->c, OPT_WHAT_IF);
    enum atm_status st;
    char *copy, *item, *rest = NULL, *name;
    const char *value;

    if (!given)
        return ATM_OK;
    if (cli_text(s->c, OPT_PLANNER) &&
        strcmp(cli_text(s->c, OPT_PLANNER), "async") == 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "--what-if: asynchronous bandwidths stand under the "
                        "problem's key `async`; only synchronous proofs are "
                        "evaluated again so far");
    copy = atm_arena_strdup(s->c->arena, given);
    if (!copy)
        return ATM_NOMEM;
    for (item = strtok_r(copy, ",", &rest); item;
         item = strtok_r(NULL, ",", &rest)) {
        double *to;

        st = cli_pair(item, "what-if", &name, s->c->arena, &value);
        if (st)
            return st;
        to = strcmp(name, "read_bw") == 0    ? &s->read_bw
             : strcmp(name, "write_bw") == 0 ? &s->write_bw
                                             : NULL;
        if (!to || !bandwidth(value, to))
            return atm_fail(ATM_INVAL,
                            "--what-if %s: read_bw=12G,write_bw=4G "
                            "(bytes a second), one or both",
                            given);
    }
    return s->read_bw > 0 || s->write_bw > 0
               ? ATM_OK
               : atm_fail(ATM_INVAL, "--what-if: the list is empty");
}

static double at_other_speed(double seconds, double latency, double ratio)
{
    return seconds > latency ? latency + (seconds - latency) * ratio : seconds;
}

/* The same problem with other moves: what is not latency is scaled. */
static enum atm_status other_machine(struct sweep *s)
{
    const struct atm_problem *p = s->problem;
    struct atm_problem *q = &s->other;
    double read = s->read_bw > 0 ? p->read_bw / s->read_bw : 1;
    double write = s->write_bw > 0 ? p->write_bw / s->write_bw : 1;
    uint32_t i;

    *q = *p;
    q->read_bw /= read;
    q->write_bw /= write;
    q->tensor = atm_arena_memdup(s->c->arena, p->tensor,
                                 p->n_tensors * sizeof(*q->tensor));
    if (!q->tensor)
        return ATM_NOMEM;
    for (i = 0; i < p->n_tensors; i++) {
        struct atm_problem_tensor *t = &q->tensor[i];

        t->fetch_s = at_other_speed(t->fetch_s, p->move_latency_s, read);
        t->evict_s = at_other_speed(t->evict_s, p->move_latency_s, write);
    }
    return ATM_OK;
}

/* ---- plans and bounds ---- */

/* Best of all plans that fit the budget of point i. */
static void choose_plan(struct sweep *s, uint32_t i)
{
    struct sweep_point *p = &s->point[i];
    uint32_t j;

    for (j = 0; j < s->n; j++) {
        const struct atm_placement *a = s->point[j].placement;

        if (a && a->fast_peak_bytes <= p->bytes &&
            (p->plan == ATM_NONE || a->objective < p->seconds)) {
            p->plan = j;
            p->seconds = a->objective;
        }
    }
}

static enum atm_status envelope(struct sweep *s, const struct atm_problem *p,
                                uint32_t n_points, double *bound,
                                uint32_t *from)
{
    struct atm_arena *tmp = atm_arena_new();
    struct atm_certificate *c;
    uint32_t i, n = 0, *of;
    uint64_t *budget;
    enum atm_status st = ATM_NOMEM;

    if (!tmp)
        return ATM_NOMEM;
    c = atm_arena_array(tmp, s->n, sizeof(*c));
    of = atm_arena_array(tmp, s->n, sizeof(*of));
    budget = atm_arena_array(tmp, s->n, sizeof(*budget));
    if (!c || !of || !budget)
        goto out;
    for (i = 0; i < n_points; i++)
        budget[i] = s->point[s->n - n_points + i].bytes;
    for (i = 0; i < s->n; i++)
        if (s->point[i].placement) {
            of[n] = i;
            c[n++] = s->point[i].placement->certificate;
        }
    st = atm_certificate_envelope(p, n, c, n_points, budget, bound, from);
    for (i = 0; i < n_points; i++)
        if (from[i] != ATM_NONE)
            from[i] = of[from[i]];
out:
    atm_arena_delete(tmp);
    return st;
}

static double gap_of(double seconds, double bound)
{
    return seconds > 0 ? (seconds - bound) / seconds : 0;
}

/* Is what is known before planning point i good enough there? */
static enum atm_status known_enough(struct sweep *s, uint32_t i, bool *enough)
{
    struct sweep_point *p = &s->point[i];
    enum atm_status st;
    uint32_t from[1];
    double bound[1];
    struct sweep one = *s;

    *enough = false;
    choose_plan(s, i);
    if (p->plan == ATM_NONE)
        return ATM_OK;
    one.n = i + 1; /* later points have no certificate yet */
    st = envelope(&one, s->problem, 1, bound, from);
    *enough = !st && from[0] != ATM_NONE &&
              gap_of(p->seconds, bound[0]) <= s->options.gap_target;
    p->plan = ATM_NONE;
    return st;
}

static enum atm_status plan_points(struct sweep *s)
{
    enum atm_status st = ATM_OK;
    bool enough;
    uint32_t i;

    cli_interrupt_defer(true);
    for (i = 0; i < s->n && !st; i++) {
        struct sweep_point *p = &s->point[i];

        if (p->bytes < s->least || cli_interrupted())
            continue;
        st = known_enough(s, i, &enough);
        if (st || enough)
            continue;
        s->options.budget_bytes = p->bytes;
        st = atm_plan(s->problem, &s->options, &p->placement);
        if (st == ATM_INFEASIBLE)
            st = ATM_OK; /* the table says so */
        s->n_planned += p->placement != NULL;
        s->solve_s += p->placement ? p->placement->solve_seconds : 0;
        cli_progress(s->c, "sweep: %" PRIu32 " of %" PRIu32 " budgets", i + 1,
                     s->n);
    }
    cli_interrupt_defer(false);
    cli_progress_end(s->c);
    if (!st && cli_interrupted())
        cli_warn(s->c, "interrupted: larger budgets show the plans found "
                       "for smaller ones");
    return st;
}

/* Seconds that one more byte saves, as the prices behind the plan say. */
static double slope(const struct sweep *s, uint32_t i)
{
    const struct sweep_point *p = &s->point[i];
    uint32_t at = p->placement ? i : p->bound_from, j;
    const struct atm_certificate *c;
    double sum = 0;

    if (at == ATM_NONE)
        return NAN;
    c = atm_certificate_leaf(s->point[at].placement);
    for (j = 0; j < c->n_memory; j++)
        sum += c->memory[j].value;
    return sum;
}

/* Corners of the lower hull of the curve after which a byte saves at most half
 * of what it saved before, where that was worth 1 % of the whole range. */
static void find_knees(struct sweep *s)
{
    uint32_t i, n = 0, *hull = s->hull;
    double range;

    for (i = 0; i < s->n; i++) {
        const struct sweep_point *p = s->point;

        if (p[i].plan == ATM_NONE)
            continue;
        while (n > 1) {
            const struct sweep_point *a = &p[hull[n - 2]], *b = &p[hull[n - 1]];
            double ab = (b->seconds - a->seconds) *
                        ((double)p[i].bytes - (double)a->bytes);
            double ai = (p[i].seconds - a->seconds) *
                        ((double)b->bytes - (double)a->bytes);

            if (ab < ai)
                break;
            n--;
        }
        hull[n++] = i;
    }
    if (n < 3)
        return;
    range = s->point[hull[0]].seconds - s->point[hull[n - 1]].seconds;
    for (i = 1; i + 1 < n; i++) {
        const struct sweep_point *a = &s->point[hull[i - 1]];
        struct sweep_point *b = &s->point[hull[i]];
        const struct sweep_point *c = &s->point[hull[i + 1]];
        double before =
            (a->seconds - b->seconds) / (double)(b->bytes - a->bytes);
        double after =
            (b->seconds - c->seconds) / (double)(c->bytes - b->bytes);

        b->knee = after <= 0.5 * before &&
                  a->seconds - b->seconds >= 0.01 * range && range > 0;
    }
}

static enum atm_status judge_points(struct sweep *s)
{
    struct atm_arena *arena = s->c->arena;
    double *bound = atm_arena_array(arena, s->n, sizeof(*bound));
    uint32_t *from = atm_arena_array(arena, s->n, sizeof(*from));
    enum atm_status st = ATM_OK;
    uint32_t i;

    s->hull = atm_arena_array(arena, s->n, sizeof(*s->hull));
    if (!bound || !from || !s->hull)
        return ATM_NOMEM;
    st = envelope(s, s->problem, s->n, bound, from);
    for (i = 0; i < s->n && !st; i++) {
        struct sweep_point *p = &s->point[i];

        choose_plan(s, i);
        p->bound_from = from[i];
        if (p->plan == ATM_NONE)
            continue;
        p->bound = fmin(bound[i], p->seconds);
        p->gap = gap_of(p->seconds, p->bound);
        p->price = slope(s, i);
    }
    for (i = 0; i < s->n; i++)
        s->point[i].to_next =
            i + 1 < s->n && s->point[i].plan != ATM_NONE
                ? (s->point[i].seconds - s->point[i + 1].seconds) /
                      (double)(s->point[i + 1].bytes - s->point[i].bytes)
                : NAN;
    if (st)
        return st;
    find_knees(s);
    if (!cli_text(s->c, OPT_WHAT_IF))
        return ATM_OK;
    st = other_machine(s);
    if (!st)
        st = envelope(s, &s->other, s->n, bound, from);
    for (i = 0; i < s->n && !st; i++) {
        struct sweep_point *p = &s->point[i];
        uint32_t j;

        if (p->plan == ATM_NONE)
            continue;
        p->other_bound = bound[i];
        p->other_from = from[i];
        p->other_seconds = INFINITY;
        for (j = 0; j < s->n && !st; j++) {
            const struct atm_placement *a = s->point[j].placement;
            double t;

            if (!a || a->fast_peak_bytes > p->bytes)
                continue;
            st = atm_placement_seconds(&s->other, a, &t);
            if (!st && t < p->other_seconds)
                p->other_seconds = t;
        }
        p->other_bound = fmin(p->other_bound, p->other_seconds);
    }
    return st;
}

static enum atm_status sweep(struct sweep *s)
{
    enum atm_status st = pipe_plan_options(s->c, &s->options);
    uint32_t i;

    if (!st)
        st = read_what_if(s);
    if (!st)
        st = atm_plan_start_new(&s->options.start);
    if (!st)
        st = add_budgets(s);
    if (!st)
        st = plan_points(s);
    if (!st)
        st = judge_points(s);
    for (i = 0; i < s->n && !st && s->point[i].plan == ATM_NONE; i++)
        ;
    if (!st && i == s->n)
        st = atm_fail(ATM_INFEASIBLE,
                      "sweep: no plan at any of these budgets; "
                      "the smallest that can be is %" PRIu64 " bytes",
                      s->least);
    if (!st)
        st = sweep_show(s);
    for (i = 0; i < s->n; i++)
        atm_placement_delete(&s->point[i].placement);
    atm_plan_start_delete(&s->options.start);
    return st;
}

enum atm_status verb_sweep(struct cli *c)
{
    const char *file = cli_text(c, OPT_PROBLEM);
    struct sweep s = {.c = c};
    struct pipe p = {.c = c};
    struct atm_problem *problem = NULL;
    enum atm_status st;

    if ((c->n_args > 0) == (file != NULL))
        return atm_fail(ATM_INVAL, "sweep: a MODEL or --problem FILE, one of "
                                   "the two; see `autotm help sweep`");
    if (file) {
        st = atm_problem_read(file, &problem);
        if (!st)
            st = atm_problem_check(problem);
        s.name = !st && problem->name ? problem->name : file;
        s.problem = problem;
    } else {
        p.model = c->arg[0];
        st = pipe_until(&p, PIPE_PROBLEM);
        s.name = p.model;
        s.problem = p.problem;
        s.emulated = !st && pipe_emulated(&p);
    }
    if (!st)
        st = sweep(&s);
    atm_problem_delete(&problem);
    pipe_close(&p);
    return st;
}
