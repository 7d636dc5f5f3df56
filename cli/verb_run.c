/* verb_run.c - autotm run: a model by a plan, measured beside its prediction.
 */
#include "cli.h"

#include "arena.h"
#include "clock.h"
#include "free_memory.h"
#include "hash.h"
#include "measure.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Iterations are repeated so many times those asked for, or so long. */
#define PATIENCE 2
#define PATIENCE_S 5
#define SPREAD_S 0.5
#define SPREAD_MOST 400 /* untimed iterations before a timed one */

struct run {
    struct pipe p;
    uint64_t n, warmup, seed;
    struct atm_array *input, *output;
    struct atm_session_options options;
    struct measured plan, fast; /* fast: only with --compare */
    struct atm_schedule *fast_schedule;
    uint64_t pool[2];
    uint64_t lent; /* of pool[1]: ranges of the model's own files */
    double bound_measured_s;
};

/* ---- outputs ------------------------------------------------------------ */

static bool safe_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);

    return n > 0 && n <= 200 && strspn(name, letters) == n && name[0] != '.' &&
           name[0] != '-';
}

/* Whether the name is what an unsafe output `i` is called. */
static bool is_fallback(const char *name, uint32_t i)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "output_%" PRIu32, i);
    return strcmp(name, text) == 0;
}

static bool own_name(const struct pipe *p, uint32_t i)
{
    const char *name = output_name(p, i);
    uint32_t k;

    for (k = 0; k < p->graph->n_outputs; k++)
        if (k != i && is_fallback(name, k) && !safe_name(output_name(p, k)))
            return false;
    return safe_name(name);
}

static enum atm_status write_outputs(struct run *r, const char *dir)
{
    enum atm_status st = ATM_OK;
    char path[4096];
    uint32_t i;
    int n;

    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return atm_fail(ATM_IO, "%s: cannot be created: %s", dir,
                        strerror(errno));
    for (i = 0; i < r->p.graph->n_outputs && !st; i++) {
        if (own_name(&r->p, i))
            n = snprintf(path, sizeof(path), "%s/%s.npy", dir,
                         output_name(&r->p, i));
        else
            n = snprintf(path, sizeof(path), "%s/output_%" PRIu32 ".npy", dir,
                         i);
        if (n < 0 || (size_t)n >= sizeof(path))
            return atm_fail(ATM_INVAL, "--output-dir %s: too long", dir);
        st = atm_array_write_npy(path, &r->output[i],
                                 cli_flag(r->p.c, OPT_FORCE));
    }
    return st;
}

struct summary {
    double min, max, mean;
    bool finite, any;
};

static bool element(const struct atm_array *a, uint64_t i, double *v)
{
    const unsigned char *at = a->data;

    switch (a->dtype) {
    case ATM_F32: {
        float f;

        memcpy(&f, at + 4 * i, 4);
        *v = (double)f;
        return true;
    }
    case ATM_F64:
        memcpy(v, at + 8 * i, 8);
        return true;
    case ATM_I64: {
        int64_t x;

        memcpy(&x, at + 8 * i, 8);
        *v = (double)x;
        return true;
    }
    case ATM_I32: {
        int32_t x;

        memcpy(&x, at + 4 * i, 4);
        *v = (double)x;
        return true;
    }
    case ATM_U8:
    case ATM_BOOL:
        *v = at[i];
        return true;
    case ATM_I8:
        *v = (signed char)at[i];
        return true;
    default:
        return false;
    }
}

static struct summary summarise(const struct atm_array *a)
{
    struct summary s = {0, 0, 0, true, false};
    uint64_t i, n = a->bytes / atm_dtype_bytes(a->dtype);
    double v, sum = 0;

    for (i = 0; i < n && element(a, i, &v); i++) {
        if (!isfinite(v)) {
            s.finite = false;
            continue;
        }
        s.min = !s.any || v < s.min ? v : s.min;
        s.max = !s.any || v > s.max ? v : s.max;
        s.any = true;
        sum += v;
    }
    s.mean = n ? sum / (double)n : 0;
    return s;
}

static json_t *outputs_json(const struct run *r)
{
    json_t *all = json_array();
    uint32_t i, d;

    for (i = 0; i < r->p.graph->n_outputs; i++) {
        const struct atm_array *a = &r->output[i];
        struct summary s = summarise(a);
        json_t *shape = json_array();

        for (d = 0; d < a->shape.rank; d++)
            (void)json_array_append_new(shape, json_integer(a->shape.dim[d]));
        (void)json_array_append_new(
            all,
            json_pack(
                "{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:o}", "name",
                output_name(&r->p, i), "dtype", atm_dtype_name(a->dtype),
                "shape", shape, "min", s.any ? json_real(s.min) : json_null(),
                "max", s.any ? json_real(s.max) : json_null(), "mean",
                s.any ? json_real(s.mean) : json_null(), "finite", s.finite,
                "hash",
                cli_json_hash(atm_hash_bytes(a->data, (size_t)a->bytes))));
    }
    return all;
}

static void show_outputs(const struct run *r)
{
    char shape[128], hash[ATM_HASH_STR];
    uint32_t i;

    for (i = 0; i < r->p.graph->n_outputs; i++) {
        const struct atm_array *a = &r->output[i];
        struct summary s = summarise(a);

        cli_line(i ? "" : "outputs",
                 "%s %s %s, %.4g to %.4g, mean %.4g%s, "
                 "%.16s",
                 output_name(&r->p, i), atm_dtype_name(a->dtype),
                 atm_shape_str(&a->shape, shape, sizeof(shape)), s.min, s.max,
                 s.mean, s.finite ? "" : ", NOT FINITE",
                 atm_hash_str(atm_hash_bytes(a->data, (size_t)a->bytes), hash));
    }
}

/* ---- measuring ---------------------------------------------------------- */

/* The certificate holds for any table: with each entry at its low spread it
 * bounds every plan on this machine as it was profiled. */
static double bound_measured(struct pipe *p)
{
    struct atm_problem *problem = NULL;
    double bound = NAN;
    uint32_t k;

    for (k = 0; k < p->profile->n_kernels; k++)
        if (p->program->kernel[k].kind == ATM_KERNEL_RUN &&
            p->profile->kernel[k].fast.n == 0)
            return NAN; /* bandwidths alone are known */
    for (k = 0; k < p->profile->n_kernels; k++)
        p->profile->kernel[k].fast.seconds = p->profile->kernel[k].fast.low;
    if (atm_problem_from_program(p->program, p->profile,
                                 p->profile->tier[1].size, &problem) ||
        atm_certificate_bound(problem, &p->schedule->certificate, &bound))
        bound = NAN;
    atm_problem_delete(&problem);
    return bound;
}

static uint64_t pools(const struct atm_schedule *s)
{
    return s->tier[0].pool_bytes + s->tier[1].pool_bytes;
}

/* Short iterations are spread over SPREAD_S: what other work does to memory
 * for a moment then hits few of them. The profiler spreads its sweeps too. */
static enum atm_status idle(const struct run *r, struct measured *m)
{
    double n = m->took_s > 0 ? SPREAD_S / ((double)r->n * m->took_s) : 0;
    enum atm_status st = ATM_OK;

    for (n = n < SPREAD_MOST ? n : SPREAD_MOST; n >= 1 && !st; n--)
        st = measured_run(m, false);
    return st;
}

/* Before each timed iteration of a turn stands one that is not timed: it finds
 * the caches as the other session left them, which no run alone does. One that
 * lost a core is taken again, later, as long as there is patience: the profiler
 * drops such samples too, both tell about the kernels and not about who else
 * is on the machine. */
static enum atm_status turn(const struct run *r, struct measured *m, bool alone,
                            bool keep)
{
    uint32_t times = 0;
    enum atm_status st = keep ? idle(r, m) : ATM_OK;

    if (!st && !alone)
        st = measured_run(m, false);
    if (!st)
        st = measured_run(m, keep);
    while (!st && keep && m->disturbed &&
           (m->repeated < PATIENCE * r->n || m->waited_s < PATIENCE_S)) {
        double start = atm_now_s();

        m->repeated++;
        m->n--;
        atm_back_off(&times);
        st = measured_run(m, false);
        if (!st)
            st = measured_run(m, true);
        m->waited_s += atm_now_s() - start;
    }
    return st;
}

static enum atm_status iterate(struct run *r, struct measured *a,
                               struct measured *b)
{
    enum atm_status st = ATM_OK;
    uint64_t i;

    for (i = 0; i < r->warmup + r->n && !st; i++) {
        st = turn(r, a, !b, i >= r->warmup);
        if (!st && b)
            st = turn(r, b, false, i >= r->warmup);
        cli_progress(r->p.c, "run: iteration %" PRIu64 " of %" PRIu64, i + 1,
                     r->warmup + r->n);
    }
    cli_progress_end(r->p.c);
    return st;
}

static enum atm_status open_one(struct run *r, const struct atm_schedule *s,
                                struct measured *m)
{
    enum atm_status st = measured_open(&r->p, s, &r->options, r->n, m);

    return st ? st : measured_feed(&r->p, m, r->input);
}

static void note_pools(struct run *r)
{
    r->pool[0] = atm_session_pool_bytes(r->plan.session, 0);
    r->pool[1] = atm_session_pool_bytes(r->plan.session, 1);
    r->lent = atm_session_lent_bytes(r->plan.session);
}

/* Turn by turn where both fit in memory, so that a slow minute of the machine
 * hits both alike; else one after the other. */
static enum atm_status measure_both(struct run *r)
{
    uint64_t free_bytes = atm_memory_available();
    bool fits = pools(r->p.schedule) / 4 * 5 + pools(r->fast_schedule) / 4 * 5 <
                free_bytes;
    enum atm_status st = open_one(r, r->p.schedule, &r->plan);

    if (!st && fits)
        st = open_one(r, r->fast_schedule, &r->fast);
    if (!st)
        st = iterate(r, &r->plan, fits ? &r->fast : NULL);
    if (!st)
        st = outputs_read(&r->p, r->plan.session, &r->output);
    if (!st)
        note_pools(r);
    measured_close(&r->plan);
    if (!st && !fits) {
        cli_say(r->p.c, "run: both do not fit in memory at once; all-fast "
                        "runs after the plan");
        st = open_one(r, r->fast_schedule, &r->fast);
        if (!st)
            st = iterate(r, &r->fast, NULL);
    }
    measured_close(&r->fast);
    return st;
}

static enum atm_status measure_plan(struct run *r)
{
    enum atm_status st = open_one(r, r->p.schedule, &r->plan);

    if (!st)
        st = iterate(r, &r->plan, NULL);
    if (!st)
        st = outputs_read(&r->p, r->plan.session, &r->output);
    if (!st)
        note_pools(r);
    measured_close(&r->plan);
    return st;
}

/* ---- results ------------------------------------------------------------ */

static uint64_t peak_rss(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0;
}

static const char *clock_name(const struct pipe *p)
{
    switch (p->profile->tier[1].clock) {
    case ATM_CLOCK_VIRTUAL:
        return "virtual";
    case ATM_CLOCK_WALL:
        return "wall";
    case ATM_CLOCK_TABLE:
        return "table";
    case ATM_CLOCK_REAL:
        break;
    }
    return "real";
}

static json_t *run_json(const struct run *r)
{
    const struct atm_schedule *s = r->p.schedule;
    uint32_t worst;
    json_t *j = json_pack(
        "{s:s, s:f, s:f, s:I, s:f, s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:b, "
        "s:s, s:s, s:o, s:f, s:s}",
        "model", r->p.model, "seconds", measured_median(&r->plan),
        "seconds_min", measured_min(&r->plan), "iterations",
        (json_int_t)r->plan.n, "predicted_seconds", s->predicted_s,
        "bound_measured_seconds", cli_json_real(r->bound_measured_s),
        "moved_bytes", (json_int_t)r->plan.last.moved_bytes, "budget_bytes",
        (json_int_t)s->budget_bytes, "fast_peak_bytes", (json_int_t)r->pool[0],
        "slow_peak_bytes", (json_int_t)r->pool[1], "rss_bytes",
        (json_int_t)peak_rss(), "threads", r->p.program->threads, "emulated",
        pipe_emulated(&r->p), "planner", s->planner, "slow", s->tier[1].spec,
        "outputs", outputs_json(r), "wall_seconds", r->plan.last.wall_seconds,
        "clock", clock_name(&r->p));

    if (j)
        (void)json_object_update_new(
            j, json_pack("{s:i, s:i, s:I, s:o, s:o, s:f, s:f}", "kernels_off",
                         (int)steps_off(&r->p, &r->plan, &worst),
                         "repeated_iterations", (int)r->plan.repeated,
                         "lent_bytes", (json_int_t)r->lent, "all_fast_seconds",
                         cli_json_real(s->all_fast_s), "all_slow_seconds",
                         cli_json_real(s->all_slow_s), "lower_bound_seconds",
                         s->lower_bound_s, "gap", s->gap));
    if (j)
        (void)json_object_set_new(j, "steps",
                                  steps_json(&r->p, r->plan.step_s));
    if (j && r->fast.n)
        (void)json_object_update_new(
            j,
            json_pack("{s:f, s:f}", "all_fast_measured_seconds",
                      measured_median(&r->fast),
                      "all_fast_measured_seconds_min", measured_min(&r->fast)));
    return j;
}

/* A prediction that is off is said, and what to do about it. */
static void offer(const struct run *r)
{
    const struct atm_schedule *s = r->p.schedule;
    uint32_t worst = 0, n = steps_off(&r->p, &r->plan, &worst);
    char x[64], y[64];

    if (n > 0)
        cli_say(r->p.c,
                "%" PRIu32 " kernels take another time than predicted, most "
                "of all \"%s\": %s, not %s; --reprofile measures them again",
                n, s->kernel_name[s->step[worst].kernel],
                cli_seconds(r->plan.step_s[worst], x),
                cli_seconds(s->step[worst].predicted_s, y));
}

static double error_percent(double predicted, double measured)
{
    return 100 * (predicted - measured) / measured;
}

static void show_run(const struct run *r)
{
    const struct atm_schedule *s = r->p.schedule;
    const char *note = pipe_emulated(&r->p) ? ", emulated" : "";
    double median = measured_median(&r->plan);
    char x[64], y[64];

    cli_line("model", "%s", r->p.model);
    cli_line("plan", "planner %s, %d threads, slow tier %s%s", s->planner,
             r->p.program->threads, s->tier[1].spec,
             pipe_emulated(&r->p) ? " (emulated)" : "");
    /* clock=table adds up the profile: nothing of that is a measurement */
    cli_line(r->p.profile->tier[1].clock == ATM_CLOCK_TABLE ? "from the table"
                                                            : "measured",
             "%s median, %s least, of %" PRIu32 " iterations%s",
             cli_seconds(median, x), cli_seconds(measured_min(&r->plan), y),
             r->plan.n, note);
    if (r->plan.repeated)
        cli_line("repeated",
                 "%" PRIu32 " more iterations lost a core to other work and "
                 "do not count",
                 r->plan.repeated);
    cli_line("predicted", "%s (%+.1f %%)%s", cli_seconds(s->predicted_s, x),
             error_percent(s->predicted_s, median), note);
    if (isfinite(r->bound_measured_s))
        cli_line("best possible", "%s or more on this machine%s",
                 cli_seconds(r->bound_measured_s, x), note);
    if (r->fast.n) {
        double fast = measured_median(&r->fast);

        cli_line("all-fast measured",
                 "%s (predicted %s, %+.1f %%); the plan "
                 "is %.2fx",
                 cli_seconds(fast, x), cli_seconds(s->all_fast_s, y),
                 error_percent(s->all_fast_s, fast), median / fast);
    }
    if (!r->fast.n && isfinite(s->all_fast_s))
        cli_line("all-fast predicted", "%s", cli_seconds(s->all_fast_s, x));
    if (isfinite(s->all_slow_s))
        cli_line("all-slow predicted", "%s%s", cli_seconds(s->all_slow_s, x),
                 note);
    cli_line("lower bound", "%s, gap %.3f %%%s",
             cli_seconds(s->lower_bound_s, x), 100 * s->gap, note);
    cli_line("fast pool", "%s of a budget of %s", cli_bytes(r->pool[0], x),
             cli_bytes_exact(s->budget_bytes, y));
    cli_line("slow pool", "%s", cli_bytes_exact(r->pool[1], x));
    if (r->lent)
        cli_line("  in the model's files", "%s", cli_bytes_exact(r->lent, x));
    cli_line("moved per iteration", "%s",
             cli_bytes_exact(r->plan.last.moved_bytes, x));
    cli_line("peak RSS", "%s%s", cli_bytes(peak_rss(), x),
             pipe_emulated(&r->p) ? " (the emulated tier is in it)" : "");
    show_outputs(r);
}

static enum atm_status prepare(struct run *r)
{
    struct cli *c = r->p.c;
    const char *plan = cli_text(c, OPT_PLAN);
    enum atm_status st;

    st = cli_count(c, OPT_ITERATIONS, 5, 1, 1000000, &r->n);
    if (!st)
        st = cli_count(c, OPT_WARMUP, 1, 0, 1000000, &r->warmup);
    if (!st)
        st = cli_count(c, OPT_SEED, 0, 0, UINT64_MAX, &r->seed);
    if (!st)
        st = plan ? pipe_read_plan(&r->p, plan)
                  : pipe_until(&r->p, PIPE_SCHEDULE);
    if (!st)
        st = pipe_inputs(&r->p, r->seed, &r->input);
    if (!st && cli_flag(c, OPT_COMPARE))
        st = pipe_plan_with(&r->p, "all-fast", &r->fast_schedule);
    r->options.profile = r->p.profile;
    r->options.seed = r->seed;
    return st;
}

enum atm_status verb_run(struct cli *c)
{
    struct run r = {.p = {.c = c, .model = c->arg[0]}};
    const char *dir = cli_text(c, OPT_OUTPUT_DIR);
    enum atm_status st;

    st = prepare(&r);
    if (!st)
        st = r.fast_schedule ? measure_both(&r) : measure_plan(&r);
    if (!st && dir)
        st = write_outputs(&r, dir);
    if (!st) {
        r.bound_measured_s = bound_measured(&r.p);
        if (c->json)
            st = cli_print_json(run_json(&r));
        else
            show_run(&r);
        if (!st && !c->json && cli_flag(c, OPT_STEPS))
            st = steps_show(&r.p, r.plan.step_s);
        offer(&r);
    }
    outputs_free(&r.p, &r.output);
    pipe_inputs_free(&r.p, &r.input);
    atm_schedule_delete(&r.fast_schedule);
    pipe_close(&r.p);
    return st;
}
