/* verb_plan.c - autotm plan: a schedule for a model, or the answer to a problem
 * file. */
#include "cli.h"

#include "arena.h"
#include "file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *status_text(enum atm_plan_status s)
{
    return s == ATM_PLAN_OPTIMAL    ? "optimal"
           : s == ATM_PLAN_FEASIBLE ? "feasible"
                                    : "infeasible";
}

static const char *mode_of(const char *planner)
{
    return strcmp(planner, "static") == 0  ? "static"
           : strcmp(planner, "async") == 0 ? "async"
                                           : "sync";
}

/* Refused before hours of solving, not after. */
static enum atm_status may_write(const struct cli *c, enum option_id id)
{
    const char *path = cli_text(c, id);

    if (path && strcmp(path, "-") != 0 && !cli_flag(c, OPT_FORCE) &&
        access(path, F_OK) == 0)
        return atm_fail(ATM_INVAL, "%s exists; use -f to overwrite it", path);
    return ATM_OK;
}

static enum atm_status check_gap(const struct cli *c, double gap)
{
    double limit;
    enum atm_status st = cli_real(c, OPT_REQUIRE_GAP, INFINITY, &limit);

    if (!st && gap > limit)
        st = atm_fail(ATM_INFEASIBLE,
                      "plan: the gap is %.3f %%, above "
                      "--require-gap %s; nothing is written; try --gap or a "
                      "longer --time-limit",
                      100 * gap, cli_text(c, OPT_REQUIRE_GAP));
    return st;
}

static json_t *plan_json(const struct pipe *p)
{
    const struct atm_schedule *s = p->schedule;
    const struct atm_placement *a = p->placement;
    json_t *j;

    j = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:f, s:f, "
        "s:s, s:s, s:s, s:f, s:b, s:I, s:o, s:s, s:i}",
        "model", p->model, "kernel_count", (json_int_t)s->n_kernels,
        "tensor_count", (json_int_t)s->n_tensors, "peak_bytes",
        (json_int_t)s->peak_bytes, "budget_bytes", (json_int_t)s->budget_bytes,
        "fast_peak_bytes", (json_int_t)s->fast_peak_bytes, "slow_peak_bytes",
        (json_int_t)s->slow_peak_bytes, "moved_bytes",
        (json_int_t)s->moved_bytes, "predicted_seconds", s->predicted_s,
        "all_fast_seconds", cli_json_real(s->all_fast_s), "all_slow_seconds",
        cli_json_real(s->all_slow_s), "lower_bound_seconds", s->lower_bound_s,
        "gap", s->gap, "status", status_text(s->status), "planner", s->planner,
        "mode", mode_of(s->planner), "solve_seconds", a->solve_seconds,
        "emulated", s->emulated, "smallest_bytes",
        (json_int_t)a->smallest_budget, "uncertified_bound_seconds",
        cli_json_real(s->uncertified_bound_s), "slow", s->tier[1].spec,
        "threads", s->threads);
    if (j && p->target.name[0])
        (void)json_object_set_new(j, "target", json_string(p->target.name));
    if (j && a->asynchronous)
        (void)json_object_set_new(j, "hidden_share",
                                  cli_json_real(a->hidden_share));
    return j;
}

static void show_times(double predicted, double fast, double slow,
                       const char *note)
{
    char a[64], b[64], d[64];

    cli_line("predicted", "%s%s", cli_seconds(predicted, a), note);
    if (isfinite(fast) && fast > 0)
        cli_line("all-fast", "%s (the plan is %.2fx)", cli_seconds(fast, b),
                 predicted / fast);
    if (isfinite(slow))
        cli_line("all-slow", "%s%s", cli_seconds(slow, d), note);
    else
        cli_line("all-slow", "not allowed on this tier");
}

static void show_hidden(const struct atm_placement *a)
{
    if (a->asynchronous && isfinite(a->hidden_share))
        cli_line("hidden", "%.1f %% of sync's move time under the same clock%s",
                 100 * a->hidden_share,
                 a->hidden_share > 1 ? " (kernels are faster too)" : "");
}

static void show_plan(const struct pipe *p)
{
    const struct atm_schedule *s = p->schedule;
    const struct atm_placement *a = p->placement;
    const char *note = s->emulated ? ", emulated" : "";
    char x[64], y[64];

    cli_line("model", "%s", p->model);
    cli_line("program", "%" PRIu32 " kernels, %" PRIu32 " tensors, %d threads",
             s->n_kernels, s->n_tensors, s->threads);
    cli_line("slow tier", "%s%s", s->tier[1].spec,
             s->emulated ? " (emulated)" : "");
    if (p->target.name[0])
        cli_line("target",
                 "%s: %s; times are predicted from kernels timed here with "
                 "everything fast",
                 p->target.name, p->target.about);
    cli_line("peak of the model", "%s", cli_bytes_exact(s->peak_bytes, x));
    cli_line("budget (--fast)", "%s, %.1f %% of the peak",
             cli_bytes_exact(s->budget_bytes, x),
             100.0 * (double)s->budget_bytes / (double)s->peak_bytes);
    cli_line("smallest budget", "%s, set by kernel \"%s\"",
             cli_bytes(a->smallest_budget, y),
             s->kernel_name[a->smallest_kernel]);
    cli_line("fast pool", "%s", cli_bytes_exact(s->fast_peak_bytes, x));
    cli_line("slow pool", "%s", cli_bytes_exact(s->slow_peak_bytes, x));
    cli_line("moved per iteration", "%s", cli_bytes_exact(s->moved_bytes, x));
    show_times(s->predicted_s, s->all_fast_s, s->all_slow_s, note);
    show_hidden(a);
    cli_line("lower bound", "%s, gap %.3f %%%s",
             cli_seconds(s->lower_bound_s, x), 100 * s->gap, note);
    cli_line("status", "%s by planner %s in %.2f s", status_text(s->status),
             s->planner, a->solve_seconds);
}

static enum atm_status write_text(const struct cli *c, enum option_id id,
                                  const char *text)
{
    return atm_file_put(cli_text(c, id), text, cli_flag(c, OPT_FORCE));
}

/* The problem that the planner solves: only async sees the key `async`. */
static enum atm_status emit_problem(const struct pipe *p)
{
    const char *planner = cli_text(p->c, OPT_PLANNER);
    struct atm_problem seen = *p->problem;
    enum atm_status st;
    char *text;

    seen.has_async = planner && strcmp(planner, "async") == 0;
    st = atm_problem_to_json(&seen, &text);
    if (!st)
        st = write_text(p->c, OPT_EMIT_PROBLEM, text);
    atm_string_free(text);
    return st;
}

static enum atm_status emit_lp(const struct cli *c, const struct atm_problem *p,
                               uint64_t budget)
{
    const char *path = cli_text(c, OPT_EMIT_LP);
    const char *rows = cli_text(c, OPT_LP_ROWS);
    bool final = rows && strcmp(rows, "final") == 0;

    if (rows && !final && strcmp(rows, "all") != 0)
        return atm_fail(ATM_INVAL, "--lp-rows %s: all or final", rows);
    if (rows && !path)
        return atm_fail(ATM_INVAL, "--lp-rows: of --emit-lp, which is missing");
    return path ? atm_problem_write_lp(
                      p, budget, final ? ATM_LP_FINAL_ROWS : ATM_LP_ALL_ROWS,
                      path, cli_flag(c, OPT_FORCE))
                : ATM_OK;
}

static enum atm_status emit_plan(const struct pipe *p)
{
    char *text;
    enum atm_status st = atm_schedule_to_json(p->schedule, &text);

    if (!st)
        st = write_text(p->c, OPT_OUTPUT, text);
    atm_string_free(text);
    return st;
}

/* Planners that only predict. */
static const struct atm_planner *simulated(const struct cli *c)
{
    const char *name = cli_text(c, OPT_PLANNER);
    const struct atm_planner *planner = name ? atm_planner_find(name) : NULL;

    return planner && planner->predict ? planner : NULL;
}

static enum atm_status show_prediction(struct cli *c,
                                       const struct atm_problem *p,
                                       const char *path, uint64_t budget)
{
    const struct atm_planner *planner = simulated(c);
    struct atm_plan_options o;
    struct atm_prediction r = {0};
    char x[64];
    enum atm_status st = pipe_plan_options(c, &o);

    o.budget_bytes = budget;
    if (!st)
        st = planner->predict(p, &o, &r);
    if (st)
        return st;
    if (c->json)
        return cli_print_json(json_pack(
            "{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:f}", "model", path,
            "planner", planner->name, "mode", "simulated", "simulated", 1,
            "peak_bytes", (json_int_t)p->peak_bytes, "budget_bytes",
            (json_int_t)budget, "moved_bytes", (json_int_t)r.moved_bytes,
            "predicted_seconds", r.seconds));
    cli_line("model", "%s", path);
    cli_line("budget (--fast)", "%s", cli_bytes_exact(budget, x));
    cli_line("moved per iteration", "%s", cli_bytes_exact(r.moved_bytes, x));
    cli_line("predicted", "%s, simulated", cli_seconds(r.seconds, x));
    cli_line("status", "planner %s has no schedule", planner->name);
    return ATM_OK;
}

static enum atm_status graph_text(const struct pipe *p, char **text)
{
    return atm_graph_to_json(p->graph, text);
}

static enum atm_status program_text(const struct pipe *p, char **text)
{
    return atm_program_to_json(p->program, text);
}

static enum atm_status profile_text(const struct pipe *p, char **text)
{
    return atm_profile_to_json(p->profile, text);
}

static enum atm_status problem_text(const struct pipe *p, char **text)
{
    return atm_problem_to_json(p->problem, text);
}

static enum atm_status schedule_text(const struct pipe *p, char **text)
{
    return atm_schedule_to_json(p->schedule, text);
}

static const struct {
    const char *name;
    enum pipe_stage until;
    enum atm_status (*text)(const struct pipe *p, char **text);
} dumps[] = {{"graph", PIPE_PROGRAM, graph_text}, /* folded and fused */
             {"program", PIPE_PROGRAM, program_text},
             {"profile", PIPE_PROFILE, profile_text},
             {"problem", PIPE_PROBLEM, problem_text},
             {"schedule", PIPE_SCHEDULE, schedule_text}};

static enum atm_status dump(struct cli *c, const char *stage)
{
    struct pipe p = {.c = c, .model = c->arg[0]};
    char *text = NULL;
    enum atm_status st;
    size_t i;

    for (i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++)
        if (strcmp(dumps[i].name, stage) == 0)
            break;
    if (i == sizeof(dumps) / sizeof(dumps[0]))
        return atm_fail(ATM_INVAL,
                        "--dump: no stage \"%.40s\"; there are: graph program "
                        "profile problem schedule",
                        stage);
    st = pipe_until(&p, dumps[i].until);
    if (!st)
        st = dumps[i].text(&p, &text);
    if (!st)
        st = atm_file_put("-", text, false);
    atm_string_free(text);
    pipe_close(&p);
    return st;
}

static enum atm_status plan_model(struct cli *c)
{
    struct pipe p = {.c = c, .model = c->arg[0]};
    enum atm_status st;
    uint64_t budget;

    if (!cli_text(c, OPT_FAST))
        return atm_fail(ATM_INVAL,
                        "plan: --fast is missing: bytes such as "
                        "512M, or a part of the model's peak such as 30%%");
    st = pipe_until(&p, PIPE_PROBLEM);
    if (!st && cli_text(c, OPT_EMIT_PROBLEM))
        st = emit_problem(&p);
    if (!st)
        st = cli_budget(cli_text(c, OPT_FAST), p.program->peak_bytes, &budget);
    if (!st)
        st = emit_lp(c, p.problem, budget);
    if (simulated(c)) {
        if (!st)
            st = show_prediction(c, p.problem, p.model, budget);
        goto out;
    }
    if (!st)
        st = pipe_until(&p, PIPE_SCHEDULE);
    if (!st)
        st = check_gap(c, p.schedule->gap);
    if (!st && cli_text(c, OPT_OUTPUT))
        st = emit_plan(&p);
    if (!st && cli_text(c, OPT_OUTPUT) &&
        strcmp(cli_text(c, OPT_OUTPUT), "-") == 0)
        goto out; /* stdout is the plan itself */
    if (!st && c->json)
        st = cli_print_json(plan_json(&p));
    else if (!st)
        show_plan(&p);
out:
    pipe_close(&p);
    return st;
}

/* ---- problem files ------------------------------------------------------ */

/* Seconds with every operand in one tier; NaN where it is not allowed. */
static double all_in(const struct atm_problem *p, bool slow)
{
    double sum = 0;
    uint32_t k, v;

    for (k = 0; k < p->n_kernels; k++) {
        double least = -1;

        for (v = 0; v < p->kernel[k].n_variants; v++) {
            const struct atm_table *t = &p->kernel[k].variant[v].t;
            double s =
                t->n < 64
                    ? atm_table_at(t, slow ? (UINT64_C(1) << t->n) - 1 : 0)
                    : -1;

            if (s >= 0 && (least < 0 || s < least))
                least = s;
        }
        if (least < 0)
            return NAN;
        sum += least;
    }
    return sum;
}

static json_t *answer_json(const struct atm_problem *p,
                           const struct atm_placement *a,
                           const struct atm_plan_options *o, const char *path)
{
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:f, s:f, "
        "s:s, s:s, s:s, s:f, s:b}",
        "model", p->name ? p->name : path, "kernel_count",
        (json_int_t)p->n_kernels, "tensor_count", (json_int_t)p->n_tensors,
        "peak_bytes", (json_int_t)p->peak_bytes, "budget_bytes",
        (json_int_t)o->budget_bytes, "fast_peak_bytes",
        (json_int_t)a->fast_peak_bytes, "slow_peak_bytes",
        (json_int_t)a->slow_peak_bytes, "moved_bytes",
        (json_int_t)a->moved_bytes, "predicted_seconds", a->objective,
        "all_fast_seconds", cli_json_real(all_in(p, false)), "all_slow_seconds",
        cli_json_real(all_in(p, true)), "lower_bound_seconds", a->lower_bound,
        "gap", a->gap, "status", status_text(a->status), "planner", o->planner,
        "mode", mode_of(o->planner), "solve_seconds", a->solve_seconds,
        "emulated", 0);
}

static void show_answer(const struct atm_problem *p,
                        const struct atm_placement *a,
                        const struct atm_plan_options *o, const char *path)
{
    char x[64];

    cli_line("problem", "%s", p->name ? p->name : path);
    cli_line("size", "%" PRIu32 " kernels, %" PRIu32 " tensors", p->n_kernels,
             p->n_tensors);
    cli_line("peak", "%s", cli_bytes_exact(p->peak_bytes, x));
    cli_line("budget (--fast)", "%s", cli_bytes_exact(o->budget_bytes, x));
    cli_line("smallest budget", "%s, set by kernel %" PRIu32,
             cli_bytes_exact(a->smallest_budget, x), a->smallest_kernel);
    cli_line("fast pool", "%s", cli_bytes_exact(a->fast_peak_bytes, x));
    cli_line("slow pool", "%s", cli_bytes_exact(a->slow_peak_bytes, x));
    cli_line("moved", "%s", cli_bytes_exact(a->moved_bytes, x));
    show_times(a->objective, all_in(p, false), all_in(p, true), "");
    show_hidden(a);
    cli_line("lower bound", "%s, gap %.3f %%", cli_seconds(a->lower_bound, x),
             100 * a->gap);
    cli_line("status", "%s by planner %s in %.2f s", status_text(a->status),
             o->planner, a->solve_seconds);
}

static enum atm_status give_answer(struct cli *c, const struct atm_problem *p,
                                   const struct atm_placement *a,
                                   const struct atm_plan_options *o,
                                   const char *path)
{
    json_t *keys = answer_json(p, a, o, path);
    char *extra = keys ? json_dumps(keys, JSON_REAL_PRECISION(17)) : NULL;
    char *text = NULL;
    enum atm_status st = ATM_NOMEM;

    if (extra)
        st = atm_placement_to_json(p, a, extra, &text);
    else
        (void)atm_fail(ATM_NOMEM, "out of memory: the answer as JSON");
    if (!st && cli_text(c, OPT_OUTPUT))
        st = write_text(c, OPT_OUTPUT, text);
    if (!st && c->json)
        printf("%s", text);
    else if (!st)
        show_answer(p, a, o, path);
    atm_string_free(text);
    free(extra); /* jansson's own allocation */
    json_decref(keys);
    return st;
}

static enum atm_status plan_problem(struct cli *c, const char *path)
{
    struct atm_problem *p = NULL;
    struct atm_placement *a = NULL;
    struct atm_plan_options o;
    enum atm_status st;

    if (c->n_args > 0)
        return atm_fail(ATM_INVAL, "plan: a model or --problem, not both");
    if (!cli_text(c, OPT_FAST))
        return atm_fail(ATM_INVAL, "plan: --fast is missing: bytes, or a part "
                                   "of the problem's peak such as 30%%");
    st = pipe_plan_options(c, &o);
    if (!st)
        st = atm_problem_read(path, &p);
    if (!st)
        st = atm_problem_check(p);
    if (!st)
        st = cli_budget(cli_text(c, OPT_FAST), p->peak_bytes, &o.budget_bytes);
    if (!st)
        st = emit_lp(c, p, o.budget_bytes);
    if (simulated(c)) {
        if (!st)
            st = show_prediction(c, p, path, o.budget_bytes);
        goto out;
    }
    if (!st) {
        cli_interrupt_defer(true);
        st = atm_plan(p, &o, &a);
        cli_interrupt_defer(false);
        cli_progress_end(c);
        if (!st && cli_interrupted())
            cli_warn(c, "interrupted: this is the best plan found so far");
    }
    if (!st)
        st = atm_placement_check(p, a);
    if (!st)
        st = check_gap(c, a->gap);
    if (!st)
        st = give_answer(c, p, a, &o, path);
out:
    atm_placement_delete(&a);
    atm_problem_delete(&p);
    return st;
}

enum atm_status verb_plan(struct cli *c)
{
    const char *problem = cli_text(c, OPT_PROBLEM);
    enum atm_status st;

    if (simulated(c) &&
        (cli_text(c, OPT_OUTPUT) || cli_text(c, OPT_REQUIRE_GAP)))
        return atm_fail(ATM_INVAL,
                        "plan: planner %s is simulated: it predicts a time "
                        "and has no plan to write and no gap; leave out -o "
                        "and --require-gap",
                        simulated(c)->name);
    st = may_write(c, OPT_OUTPUT);
    if (!st)
        st = may_write(c, OPT_EMIT_PROBLEM);
    if (!st)
        st = may_write(c, OPT_EMIT_LP);
    if (st)
        return st;
    if (problem)
        return plan_problem(c, problem);
    if (c->n_args == 0)
        return atm_fail(ATM_INVAL, "plan: MODEL or --problem FILE is missing; "
                                   "see `autotm help plan`");
    return cli_text(c, OPT_DUMP) ? dump(c, cli_text(c, OPT_DUMP))
                                 : plan_model(c);
}
