/* predict_run.c - a model profiled, planned and run at several budgets, round
 * after round in one process: what bench/predict.py compares.
 *
 *     predict_run MODEL.onnx SLOW THREADS STORE ROUNDS ITERATIONS BUDGET%...
 *
 * A round measures every kernel afresh, plans each budget and then runs all
 * plans and all-fast in turns, so that prediction and measurement meet the
 * same machine. A line of JSON a round and a budget (100: all-fast), with the
 * median of each kernel.
 */
#include "autotm/autotm.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUDGETS 8
#define WARM_S 0.01 /* untimed iterations first: the caches are its own again  \
                     */
#define TRIES 30    /* for an iteration that lost a core to other work */

struct turn {    /* a plan and its session */
    int percent; /* of the peak; 100: all-fast */
    struct atm_schedule *schedule;
    struct atm_session *session;
    double *seconds; /* per iteration */
    double *step_s;  /* per step and iteration */
    uint64_t moved_bytes;
};

static struct {
    struct atm_graph *graph;
    struct atm_program *program;
    struct atm_store *store;
    struct atm_profile *profile;
    struct atm_problem *problem;
    struct atm_profiler_options options;
    void **input;
    uint32_t rounds, iterations, n;
    struct turn turn[BUDGETS + 1];
} b;

static enum atm_status load(const char *model, int threads, const char *store)
{
    const struct atm_import_options import = {0};
    const struct atm_lower_options lower = {.threads = threads};
    enum atm_status st = atm_onnx_import(model, &import, NULL, &b.graph);
    const char *warning;
    uint32_t i;

    if (!st)
        st = atm_graph_fuse(b.graph);
    if (!st)
        st = atm_lower(b.graph, &lower, &b.program);
    if (!st)
        st = atm_store_open(store, &b.store, &warning);
    b.input = calloc(st ? 1 : b.graph->n_inputs, sizeof(*b.input));
    for (i = 0; !st && i < b.graph->n_inputs; i++) {
        const struct atm_value *v = &b.graph->value[b.graph->input[i]];
        uint64_t bytes;

        st = atm_shape_bytes(&v->shape, v->dtype, &bytes);
        if (!st)
            b.input[i] = malloc((size_t)bytes);
        if (!st)
            st = b.input[i] ? atm_input_fill(b.graph, i, i, b.input[i])
                            : ATM_NOMEM;
    }
    return st;
}

static enum atm_status plan(struct turn *t)
{
    struct atm_placement *placement = NULL;
    struct atm_plan_options o;
    enum atm_status st;

    atm_plan_options_init(&o);
    o.planner = t->percent == 100 ? "all-fast" : "sync";
    o.budget_bytes = b.problem->peak_bytes / 100 * (uint64_t)t->percent;
    if (t->percent == 100)
        o.budget_bytes = b.problem->peak_bytes;
    o.gap_target = 0.01;
    o.time_limit_s = 10;
    st = atm_plan(b.problem, &o, &placement);
    if (!st)
        st = atm_schedule_build(b.program, b.profile, b.problem, placement, &o,
                                &t->schedule);
    atm_placement_delete(&placement);
    return st;
}

static enum atm_status open_turn(struct turn *t)
{
    const struct atm_session_options o = {.profile = b.profile};
    enum atm_status st = plan(t);
    uint32_t i;

    if (!st)
        st = atm_session_open(b.program, t->schedule, &o, &t->session);
    for (i = 0; !st && i < b.graph->n_inputs; i++)
        st = atm_session_set_input(t->session, i, b.input[i]);
    if (st)
        return st;
    t->seconds = calloc(b.iterations, sizeof(*t->seconds));
    t->step_s =
        calloc((size_t)b.iterations * t->schedule->n_steps, sizeof(*t->step_s));
    return t->seconds && t->step_s ? ATM_OK : ATM_NOMEM;
}

static void close_turn(struct turn *t)
{
    if (t->session)
        atm_session_close(&t->session);
    atm_schedule_delete(&t->schedule);
    free(t->seconds);
    free(t->step_s);
    t->seconds = t->step_s = NULL;
}

static enum atm_status iterate(struct turn *t, uint32_t i)
{
    struct atm_run_report r;
    enum atm_status st;
    uint32_t k, times = 0;
    double lost, start;

    do {
        if (times > 0)
            atm_back_off(&times);
        start = atm_now_s();
        do
            st = atm_session_run(t->session, &r);
        while (!st && atm_now_s() - start < WARM_S);
        start = atm_now_s();
        lost = atm_waited_s() + atm_stolen_s();
        if (!st)
            st = atm_session_run(t->session, &r);
        lost = atm_waited_s() + atm_stolen_s() - lost;
    } while (!st && lost > ATM_LOST_PART * (atm_now_s() - start) &&
             times++ < TRIES);
    if (st)
        return st;
    t->seconds[i] = r.seconds;
    t->moved_bytes = r.moved_bytes;
    for (k = 0; k < r.n_steps; k++)
        t->step_s[(size_t)k * b.iterations + i] = r.step[k].seconds;
    return ATM_OK;
}

static int ascending(const void *a, const void *c)
{
    double x = *(const double *)a, y = *(const double *)c;

    return x < y ? -1 : x > y;
}

static double median(double *s)
{
    qsort(s, b.iterations, sizeof(*s), ascending);
    return s[b.iterations / 2];
}

static void print(const struct turn *t)
{
    const struct atm_schedule *s = t->schedule;
    const char *comma = "";
    uint32_t k;

    printf("{\"percent\": %d, \"emulated\": %s, \"predicted\": %.9f, "
           "\"measured\": %.9f, \"planned_bytes\": %" PRIu64
           ", \"moved_bytes\": %" PRIu64 ", \"kernels\": [",
           t->percent, s->emulated ? "true" : "false", s->predicted_s,
           median(t->seconds), s->moved_bytes, t->moved_bytes);
    for (k = 0; k < s->n_steps; k++) {
        if (s->step[k].kind != ATM_STEP_RUN || !(s->step[k].predicted_s > 0))
            continue;
        printf("%s[%.9f, %.9f]", comma, s->step[k].predicted_s,
               median(&t->step_s[(size_t)k * b.iterations]));
        comma = ", ";
    }
    printf("]}\n");
    (void)fflush(stdout);
}

static enum atm_status one_round(void)
{
    enum atm_status st;
    uint32_t i, k;

    b.options.fresh = true;
    st = atm_profile_program(b.program, b.store, &b.options, &b.profile);
    if (!st)
        st = atm_problem_from_program(b.program, b.profile,
                                      b.profile->tier[1].size, &b.problem);
    for (i = 0; i < b.n && !st; i++) {
        st = open_turn(&b.turn[i]);
        if (st == ATM_INFEASIBLE) {
            fprintf(stderr, "predict_run: %d %%: %s\n", b.turn[i].percent,
                    atm_errmsg());
            st = ATM_OK;
        }
    }
    for (k = 0; k < b.iterations; k++)
        for (i = 0; i < b.n && !st; i++)
            st = !b.turn[i].session ? ATM_OK : iterate(&b.turn[i], k);
    for (i = 0; i < b.n; i++) {
        if (!st && b.turn[i].session)
            print(&b.turn[i]);
        close_turn(&b.turn[i]);
    }
    atm_problem_delete(&b.problem);
    atm_profile_delete(&b.profile);
    return st;
}

int main(int argc, char **argv)
{
    enum atm_status st;
    uint32_t i;

    if (argc < 8 || argc > 7 + BUDGETS) {
        fprintf(stderr, "usage: predict_run MODEL SLOW THREADS STORE ROUNDS "
                        "ITERATIONS BUDGET%%...\n");
        return 2;
    }
    atm_profiler_options_init(&b.options);
    b.options.slow_spec = argv[2];
    b.rounds = (uint32_t)atoi(argv[5]);
    b.iterations = (uint32_t)atoi(argv[6]);
    for (i = 7; i < (uint32_t)argc; i++)
        b.turn[b.n++].percent = atoi(argv[i]);
    b.turn[b.n++].percent = 100;
    st = load(argv[1], atoi(argv[3]), argv[4]);
    for (i = 0; i < b.rounds && !st; i++)
        st = one_round();
    if (st)
        fprintf(stderr, "predict_run: %s\n", atm_errmsg());
    for (i = 0; b.graph && b.input && i < b.graph->n_inputs; i++)
        free(b.input[i]);
    free(b.input);
    atm_store_close(&b.store);
    atm_program_delete(&b.program);
    atm_graph_delete(&b.graph);
    return atm_status_exit_code(st);
}
