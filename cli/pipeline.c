/* pipeline.c - from a model's file to a schedule: a flat list of stages, each
 * making one datum from the ones before. */
#include "cli.h"

#include "arena.h"
#include "clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SLOW "emu:profile=optane6"
#define NO_LIMIT (UINT64_C(1) << 52)

/* ---- import ------------------------------------------------------------- */

static enum atm_status parse_binds(struct cli *c, struct atm_import_options *o)
{
    const struct cli_option *dims = &c->option[OPT_DIM];
    const struct cli_option *shapes = &c->option[OPT_SHAPE];
    struct atm_bind_dim *dim = atm_arena_array(c->arena, dims->n, sizeof(*dim));
    struct atm_bind_shape *shape =
        atm_arena_array(c->arena, shapes->n, sizeof(*shape));
    enum atm_status st;
    const char *text;
    char *name, *end;
    uint32_t i;

    if (!dim || !shape)
        return ATM_NOMEM;
    for (i = 0; i < dims->n; i++) {
        st = cli_pair(dims->text[i], "dim", &name, c->arena, &text);
        if (st)
            return st;
        dim[i] = (struct atm_bind_dim){name, strtoll(text, &end, 10)};
        if (*end || text[0] < '0' || text[0] > '9' || dim[i].value > INT32_MAX)
            return atm_fail(ATM_INVAL, "--dim %s: NAME=N is wanted",
                            dims->text[i]);
    }
    for (i = 0; i < shapes->n; i++) {
        st = cli_shape(shapes->text[i], &name, c->arena, &shape[i].shape);
        if (st)
            return st;
        shape[i].input = name;
    }
    o->n_dims = dims->n;
    o->dim = dim;
    o->n_shapes = shapes->n;
    o->shape = shape;
    return ATM_OK;
}

static uint32_t find_value(const struct atm_graph *g, const uint32_t *list,
                           uint32_t n, const char *name)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (strcmp(g->value[list[i]].name, name) == 0)
            return i;
    return ATM_NONE;
}

/* Reads the --input files that import must see: overridden initialisers, or,
 * where import failed without them (`all`), every one. */
static enum atm_status read_bound(struct pipe *p, bool all,
                                  struct atm_bind_value *bind)
{
    const struct cli_option *given = &p->c->option[OPT_INPUT];
    const struct atm_graph *g = p->graph;
    struct atm_array *a;
    enum atm_status st;
    const char *file;
    char *name;
    uint32_t i, k;

    for (i = 0; i < given->n; i++) {
        st = cli_pair(given->text[i], "input", &name, p->c->arena, &file);
        if (st)
            return st;
        a = &p->bound[p->n_bound];
        if (all) { /* only integers decide shapes */
            if (atm_array_read(file, ATM_DTYPE_NONE, NULL, a))
                continue;
            if (a->dtype == ATM_F32 || a->dtype == ATM_F64) {
                atm_array_clear(a);
                continue;
            }
        } else if (find_value(g, g->input, g->n_inputs, name) != ATM_NONE) {
            continue; /* an ordinary input: read when the run begins */
        } else {
            k = find_value(g, g->overridable, g->n_overridable, name);
            if (k == ATM_NONE)
                return atm_fail(ATM_INVAL,
                                "--input %s: the model has no input "
                                "\"%s\"",
                                given->text[i], name);
            st = atm_array_read(file, g->value[g->overridable[k]].dtype,
                                &g->value[g->overridable[k]].shape, a);
        }
        if (st)
            return st;
        bind[p->n_bound++] = (struct atm_bind_value){name, a};
    }
    return ATM_OK;
}

/* The --value options, by what the model's file says of the inputs: their type,
 * and whether they are lists. */
static enum atm_status read_values(struct pipe *p,
                                   const struct atm_import_options *o,
                                   struct atm_bind_value *bind)
{
    const struct cli_option *given = &p->c->option[OPT_VALUE];
    struct atm_model_summary *s = NULL;
    enum atm_status st = ATM_OK;
    const char *list;
    char *name;
    uint32_t i, k, d;

    if (given->n > 0)
        st = atm_onnx_describe(p->model, &s);
    for (i = 0; !st && i < given->n; i++) {
        struct atm_array *a = &p->bound[p->n_bound];
        const struct atm_shape *shape = NULL;

        st = cli_pair(given->text[i], "value", &name, p->c->arena, &list);
        for (k = 0; !st && k < s->n_inputs; k++)
            if (strcmp(s->input[k].name, name) == 0)
                break;
        if (!st && k == s->n_inputs)
            st = atm_fail(ATM_INVAL,
                          "--value %s: the model has no input "
                          "\"%s\"",
                          given->text[i], name);
        for (d = 0; d < o->n_shapes; d++)
            if (!st && strcmp(o->shape[d].input, name) == 0)
                shape = &o->shape[d].shape;
        if (!st)
            st = cli_list(list, &s->input[k], shape, a);
        if (!st)
            bind[p->n_bound++] = (struct atm_bind_value){name, a};
    }
    atm_model_summary_delete(&s);
    return st;
}

static enum atm_status import(struct pipe *p)
{
    const struct cli_option *given = &p->c->option[OPT_INPUT];
    uint32_t n = given->n + p->c->option[OPT_VALUE].n;
    struct atm_import_options o = {0};
    struct atm_bind_value *bind;
    enum atm_status st, first;

    st = parse_binds(p->c, &o);
    if (st)
        return st;
    bind = atm_arena_array(p->c->arena, n, sizeof(*bind));
    p->bound = atm_arena_array(p->c->arena, n, sizeof(*p->bound));
    if (!bind || !p->bound)
        return ATM_NOMEM;
    st = read_values(p, &o, bind);
    if (st)
        return st;
    o.n_values = p->n_bound;
    o.value = bind;
    first = st = atm_onnx_import(p->model, &o, NULL, &p->graph);
    if (!st && p->graph->hard_linked)
        cli_warn(p->c,
                 "%s: external data with more than one name; somebody "
                 "may have linked a file that is not the model's",
                 p->graph->hard_linked);
    if (given->n == 0 || (st && st != ATM_INVAL && st != ATM_UNSUPPORTED))
        return st;
    n = p->n_bound;
    st = read_bound(p, first != ATM_OK, bind);
    if (st || (p->n_bound == n && !first))
        return st;
    atm_graph_delete(&p->graph);
    o.n_values = p->n_bound;
    o.value = bind;
    return atm_onnx_import(p->model, &o, NULL, &p->graph);
}

/* ---- stages ------------------------------------------------------------- */

static enum atm_status fuse(struct pipe *p)
{
    enum atm_status st = atm_graph_check(p->graph);

    if (!st)
        st = atm_graph_fuse(p->graph);
    return st ? st : atm_graph_check(p->graph);
}

static enum atm_status lower(struct pipe *p)
{
    struct atm_lower_options o = {0};
    uint64_t threads;
    enum atm_status st;

    st = cli_count(p->c, OPT_THREADS, 0, 1, 4096, &threads);
    if (st)
        return st;
    o.threads = (int)threads;
    o.no_pack = cli_flag(p->c, OPT_NO_PACK);
    if (!threads && p->schedule) /* a plan is obeyed in this, too */
        o.threads = p->schedule->threads;
    return atm_lower(p->graph, &o, &p->program);
}

enum atm_status pipe_store(struct pipe *p)
{
    const char *warning;
    enum atm_status st;

    if (p->store)
        return ATM_OK;
    st = atm_store_open(cli_text(p->c, OPT_STORE), &p->store, &warning);
    if (!st && warning)
        cli_warn(p->c, "%s", warning);
    return st;
}

struct told {
    struct pipe *p;
    bool counts, estimate, drift;
    uint32_t rounds;
};

static bool profile_progress(void *user, const struct atm_profile_plan *plan,
                             uint32_t done, double elapsed_s)
{
    struct told *t = user;
    const struct cli *c = t->p->c;
    double left = plan->estimated_seconds - elapsed_s;

    t->p->to_profile = *plan;
    if (!t->counts && plan->to_measure > 0)
        cli_say(c,
                "profile: %" PRIu32 " of %" PRIu32 " distinct vectors to "
                "measure (%" PRIu32 " kernels)",
                plan->to_measure, plan->distinct, plan->kernels);
    t->counts = true;
    if (plan->drifted > 0 && !t->drift) {
        cli_say(c,
                "profile: %" PRIu32 " of %" PRIu32 " vectors take another time "
                "than they did; measuring them again",
                plan->drifted, plan->distinct);
        t->drift = true;
    }
    if (plan->rounds > 1 && plan->rounds != t->rounds)
        cli_say(c, "profile: the machine was slower than it is now; measuring "
                   "again");
    t->rounds = plan->rounds;
    if (!t->estimate && plan->estimated_seconds > 0) {
        cli_say(c, "profile: about %.1f s of measuring",
                plan->estimated_seconds);
        t->estimate = true;
    } else if (left > 0)
        cli_progress(c,
                     "profile: %" PRIu32 " of %" PRIu32 " known, about "
                     "%.0f s to go",
                     done, plan->to_measure, left);
    else if (done > 0 || elapsed_s > 2)
        cli_progress(c, "profile: %" PRIu32 " of %" PRIu32 " known, %.0f s",
                     done, plan->to_measure, elapsed_s);
    return cli_interrupted();
}

/* --target, at the program's threads. */
static enum atm_status read_target(struct pipe *p)
{
    const char *path = cli_text(p->c, OPT_TARGET);

    if (!path)
        return ATM_OK;
    if (cli_text(p->c, OPT_SLOW))
        return atm_fail(ATM_INVAL, "--target describes the slow tier: leave "
                                   "--slow out");
    return atm_target_read(path, p->program->threads, &p->target);
}

static void profiler_options(struct pipe *p, struct atm_profiler_options *o)
{
    atm_profiler_options_init(o);
    o->slow_spec = DEFAULT_SLOW;
    if (cli_text(p->c, OPT_SLOW))
        o->slow_spec = cli_text(p->c, OPT_SLOW);
    if (p->target.name[0]) {
        o->slow_spec = p->target.spec;
        o->overlap = &p->target.overlap;
    }
    if (p->schedule) {
        o->fast_spec = p->schedule->tier[0].spec;
        o->slow_spec = p->schedule->tier[1].spec;
    }
}

static enum atm_status profile(struct pipe *p)
{
    struct atm_profiler_options o;
    struct told told = {.p = p};
    uint64_t samples;
    enum atm_status st;

    st = pipe_store(p);
    if (st)
        return st;
    st = read_target(p);
    if (st)
        return st;
    profiler_options(p, &o);
    st = cli_count(p->c, OPT_SAMPLES, o.samples, 5, 10000, &samples);
    if (st)
        return st;
    o.samples = (uint32_t)samples;
    o.fresh = cli_flag(p->c, OPT_FRESH);
    o.recheck = cli_flag(p->c, OPT_REPROFILE);
    o.dry_run = cli_flag(p->c, OPT_DRY_RUN);
    o.progress = profile_progress;
    o.user = &told;
    cli_interrupt_defer(true);
    st = atm_profile_program(p->program, p->store, &o, &p->profile);
    cli_interrupt_defer(false);
    cli_progress_end(p->c);
    return st;
}

static enum atm_status problem(struct pipe *p)
{
    enum atm_status st;

    st = atm_problem_from_program(p->program, p->profile,
                                  p->profile->tier[1].size, &p->problem);
    return st ? st : atm_problem_check(p->problem);
}

/* A line at each improvement and each second, for whoever is watching. */
static bool plan_progress(void *user, double seconds, double best, double bound)
{
    struct cli *c = user;
    bool first = seconds < c->told_s, better = first || best < c->told_best;
    double cpu = (double)clock() / CLOCKS_PER_SEC; /* reading too */
    char t[64], b[64];

    if ((c->level < 1 && !isatty(STDERR_FILENO)) || !isfinite(best) ||
        (!better && seconds < c->told_s + 1))
        return cli_interrupted();
    c->told_best = best;
    c->told_s = seconds;
    if (bound > 0)
        cli_say(c, "plan: %7.3f s (CPU %.3f s), best %s, bound %s, gap %.3f %%",
                seconds, cpu, cli_seconds(best, t), cli_seconds(bound, b),
                100 * (best - bound) / best);
    else
        cli_say(c, "plan: %7.3f s (CPU %.3f s), best %s", seconds, cpu,
                cli_seconds(best, t));
    return cli_interrupted();
}

enum atm_status pipe_plan_options(struct cli *c, struct atm_plan_options *o)
{
    enum atm_status st;

    atm_plan_options_init(o);
    if (cli_text(c, OPT_PLANNER))
        o->planner = cli_text(c, OPT_PLANNER);
    o->progress = plan_progress;
    o->user = c;
    c->told_s = INFINITY; /* nothing yet */
    st = cli_real(c, OPT_GAP, o->gap_target, &o->gap_target);
    if (!st)
        st = cli_real(c, OPT_TIME_LIMIT, o->time_limit_s, &o->time_limit_s);
    if (!st)
        st = cli_count(c, OPT_SEED, o->seed, 0, UINT64_MAX, &o->seed);
    return st;
}

static enum atm_status place(struct pipe *p)
{
    const char *fast = cli_text(p->c, OPT_FAST);
    enum atm_status st;

    st = pipe_plan_options(p->c, &p->options);
    if (!st)
        st = cli_budget(fast ? fast : "100%", p->program->peak_bytes,
                        &p->options.budget_bytes);
    if (st)
        return st;
    cli_interrupt_defer(true);
    st = atm_plan(p->problem, &p->options, &p->placement);
    cli_interrupt_defer(false);
    cli_progress_end(p->c);
    if (!st && cli_interrupted())
        cli_warn(p->c, "interrupted: this is the best plan found so far");
    return st ? st : atm_placement_check(p->problem, p->placement);
}

static enum atm_status schedule(struct pipe *p)
{
    enum atm_status st;

    st = atm_schedule_build(p->program, p->profile, p->problem, p->placement,
                            &p->options, &p->schedule);
    return st ? st : atm_schedule_check(p->schedule, p->program);
}

#define MADE(datum) offsetof(struct pipe, datum)
static const struct stage {
    enum pipe_stage part;
    const char *name;
    enum atm_status (*run)(struct pipe *p);
    size_t made; /* offset of the datum that says it has been run */
} stages[] = {
    {PIPE_PROGRAM, "import", import, MADE(graph)},
    {PIPE_PROGRAM, "fuse", fuse, MADE(program)},
    {PIPE_PROGRAM, "lower", lower, MADE(program)},
    {PIPE_PROFILE, "profile", profile, MADE(profile)},
    {PIPE_PROBLEM, "problem", problem, MADE(problem)},
    {PIPE_SCHEDULE, "plan", place, MADE(placement)},
    {PIPE_SCHEDULE, "schedule", schedule, MADE(schedule)},
};

enum atm_status pipe_until(struct pipe *p, enum pipe_stage last)
{
    size_t i;

    for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        void *const *made = (void *const *)((char *)p + stages[i].made);
        double start = atm_now_s();
        enum atm_status st;

        if (stages[i].part > last || *made)
            continue;
        st = stages[i].run(p);
        if (st)
            return st;
        if (p->c->level > 0)
            cli_say(p->c, "%-8s %8.1f ms", stages[i].name,
                    1e3 * (atm_now_s() - start));
    }
    return ATM_OK;
}

void pipe_close(struct pipe *p)
{
    uint32_t i;

    atm_schedule_delete(&p->schedule);
    atm_placement_delete(&p->placement);
    atm_problem_delete(&p->problem);
    atm_profile_delete(&p->profile);
    atm_store_close(&p->store);
    atm_program_delete(&p->program);
    atm_graph_delete(&p->graph);
    for (i = 0; i < p->n_bound; i++)
        atm_array_clear(&p->bound[i]);
    p->n_bound = 0;
}

/* ---- plans that exist already ------------------------------------------- */

/* What can be known without measuring: the whole profile if the store has it,
 * else the bandwidths alone. */
static enum atm_status known_profile(struct pipe *p, bool *whole)
{
    struct atm_profiler_options o;
    const struct atm_tier_ops *ops;
    struct atm_tier_info tier[2];
    double read_bw, write_bw;
    enum atm_status st;
    int i;

    st = pipe_store(p);
    if (st)
        return st;
    profiler_options(p, &o);
    o.known_only = true;
    st = atm_profile_program(p->program, p->store, &o, &p->profile);
    *whole = st == ATM_OK;
    if (st != ATM_STALE)
        return st;
    st = atm_store_dram(p->store, p->program->threads, &read_bw, &write_bw);
    for (i = 0; i < 2 && !st; i++)
        st = atm_tier_probe(i ? o.slow_spec : o.fast_spec, read_bw, write_bw,
                            &tier[i], &ops);
    if (st)
        return st;
    return atm_profile_new(p->program, tier,
                           (const char *const[]){o.fast_spec, o.slow_spec}, 0,
                           &p->profile);
}

enum atm_status pipe_read_plan(struct pipe *p, const char *path)
{
    const char *slow = cli_text(p->c, OPT_SLOW), *fast, *warning;
    enum atm_status st;
    uint64_t budget;
    bool whole;

    if (cli_text(p->c, OPT_TARGET))
        return atm_fail(ATM_INVAL, "--target: the plan has its slow tier in "
                                   "it; leave --plan or --target out");
    st = atm_schedule_read(path, &p->schedule);
    if (st)
        return st;
    if (p->schedule->n_tiers != 2)
        return atm_fail(ATM_FORMAT, "%s: %" PRIu32 " tiers, two are wanted",
                        path, p->schedule->n_tiers);
    if (slow && strcmp(slow, p->schedule->tier[1].spec) != 0)
        return atm_fail(ATM_STALE,
                        "%s: planned for the slow tier %s, not %s; "
                        "plan again",
                        path, p->schedule->tier[1].spec, slow);
    st = pipe_until(p, PIPE_PROGRAM);
    if (st)
        return st;
    st = atm_schedule_match(p->schedule, p->program, NULL, &warning);
    if (!st)
        st = atm_schedule_check(p->schedule, p->program);
    fast = cli_text(p->c, OPT_FAST);
    if (!st && fast) {
        st = cli_budget(fast, p->program->peak_bytes, &budget);
        if (!st && budget != p->schedule->budget_bytes)
            st = atm_fail(ATM_STALE,
                          "planned for --fast %" PRIu64 ", not %s; "
                          "plan again",
                          p->schedule->budget_bytes, fast);
    }
    if (st)
        return atm_fail_in(st, "%s", path);
    if (cli_flag(p->c, OPT_REPROFILE)) {
        st = profile(p);
        whole = true;
    } else {
        st = known_profile(p, &whole);
    }
    if (!st && !whole && p->profile->tier[1].clock == ATM_CLOCK_TABLE) {
        atm_profile_delete(&p->profile); /* that clock reads kernel times */
        st = profile(p);
        whole = true;
    }
    if (!st)
        st = atm_schedule_match(p->schedule, p->program,
                                whole ? p->profile : NULL, &warning);
    if (!st && warning)
        cli_warn(p->c, "%s", warning);
    else if (!st && !whole)
        cli_say(p->c,
                "%s: its kernels are not profiled on this machine; the "
                "prediction is the plan's own",
                path);
    return st;
}

enum atm_status pipe_plan_with(struct pipe *p, const char *planner,
                               struct atm_schedule **schedule_out)
{
    struct atm_plan_options o;
    struct atm_placement *placement = NULL;
    enum atm_status st;

    atm_plan_options_init(&o);
    o.planner = planner;
    o.budget_bytes = NO_LIMIT;
    st = pipe_until(p, PIPE_PROBLEM);
    if (!st)
        st = atm_plan(p->problem, &o, &placement);
    if (!st)
        st = atm_placement_check(p->problem, placement);
    if (!st)
        st = atm_schedule_build(p->program, p->profile, p->problem, placement,
                                &o, schedule_out);
    if (!st)
        st = atm_schedule_check(*schedule_out, p->program);
    atm_placement_delete(&placement);
    return st;
}

bool pipe_emulated(const struct pipe *p)
{
    return (p->profile->tier[1].caps & ATM_TIER_EMULATED) != 0;
}

/* ---- inputs ------------------------------------------------------------- */

static const char *input_file(const struct pipe *p, const char *name)
{
    const struct cli_option *given = &p->c->option[OPT_INPUT];
    size_t n = strlen(name);
    uint32_t i;

    for (i = given->n; i > 0; i--)
        if (strncmp(given->text[i - 1], name, n) == 0 &&
            given->text[i - 1][n] == '=')
            return given->text[i - 1] + n + 1;
    return NULL;
}

enum atm_status pipe_reseed(struct pipe *p, uint64_t seed,
                            struct atm_array *input)
{
    const struct atm_graph *g = p->graph;
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < g->n_inputs && !st; i++)
        if (!input_file(p, g->value[g->input[i]].name))
            st = atm_input_fill(g, i, seed * 1000003 + i, input[i].data);
    return st;
}

enum atm_status pipe_inputs(struct pipe *p, uint64_t seed,
                            struct atm_array **input)
{
    const struct atm_graph *g = p->graph;
    struct atm_array *list = atm_alloc_array(g->n_inputs, sizeof(*list));
    enum atm_status st = ATM_OK;
    uint32_t i;

    *input = NULL;
    if (!list)
        return ATM_NOMEM;
    for (i = 0; i < g->n_inputs && !st; i++) {
        const struct atm_value *v = &g->value[g->input[i]];
        const char *file = input_file(p, v->name);

        list[i].dtype = v->dtype;
        list[i].shape = v->shape;
        if (file) {
            st = atm_array_read(file, v->dtype, &v->shape, &list[i]);
            continue;
        }
        st = atm_shape_bytes(&v->shape, v->dtype, &list[i].bytes);
        if (!st) {
            list[i].data = atm_alloc((size_t)list[i].bytes);
            st = list[i].data ? ATM_OK : ATM_NOMEM;
        }
    }
    if (!st)
        st = pipe_reseed(p, seed, list);
    *input = list;
    if (st)
        pipe_inputs_free(p, input);
    return st;
}

void pipe_inputs_free(struct pipe *p, struct atm_array **input)
{
    uint32_t i;

    if (!*input)
        return;
    for (i = 0; i < p->graph->n_inputs; i++)
        atm_array_clear(&(*input)[i]);
    atm_free(*input);
    *input = NULL;
}
