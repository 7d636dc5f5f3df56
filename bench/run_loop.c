/* run_loop.c - runs a model all-fast, one iteration for each line of stdin.
 *
 *     run_loop MODEL.onnx INPUT.npy OUTPUT.npy THREADS
 *
 * Answers each line with the seconds of one iteration, as a clock around the
 * call sees them, so that a script can take turns between this runtime and
 * another one. At the end of stdin the output of the last iteration is
 * written. One input, one output.
 */
#include "autotm/autotm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct loop {
    struct atm_graph *graph;
    struct atm_program *program;
    struct atm_profile *profile;
    struct atm_schedule *schedule;
    struct atm_session *session;
    struct atm_array input, output;
};

/* The all-fast schedule: no times are needed for it, so none are measured. */
static enum atm_status plan_all_fast(struct loop *l)
{
    static const char *const spec[2] = {"dram", "emu:profile=optane6"};
    struct atm_problem *problem = NULL;
    struct atm_placement *placement = NULL;
    const struct atm_tier_ops *ops;
    struct atm_tier_info tier[2];
    struct atm_plan_options o;
    enum atm_status st = ATM_OK;
    int i;

    for (i = 0; !st && i < 2; i++)
        st = atm_tier_probe(spec[i], 1e10, 1e10, &tier[i], &ops);
    if (!st)
        st = atm_profile_new(l->program, tier, spec, 1e-6, &l->profile);
    if (!st)
        st = atm_profile_check(l->profile, l->program);
    if (!st)
        st = atm_problem_from_program(l->program, l->profile, tier[1].size,
                                      &problem);
    if (st)
        return st;
    atm_plan_options_init(&o);
    o.planner = "all-fast";
    o.budget_bytes = problem->peak_bytes;
    st = atm_plan(problem, &o, &placement);
    if (!st)
        st = atm_schedule_build(l->program, l->profile, problem, placement, &o,
                                &l->schedule);
    atm_placement_delete(&placement);
    atm_problem_delete(&problem);
    return st;
}

static enum atm_status open_loop(struct loop *l, const char *model,
                                 const char *input, int threads)
{
    const struct atm_import_options import = {0};
    const struct atm_lower_options lower = {.threads = threads};
    const struct atm_session_options session = {0};
    const struct atm_value *x, *y;
    enum atm_status st;

    st = atm_onnx_import(model, &import, NULL, &l->graph);
    if (!st)
        st = atm_graph_fuse(l->graph);
    if (!st)
        st = atm_lower(l->graph, &lower, &l->program);
    if (!st)
        st = plan_all_fast(l);
    if (!st)
        st = atm_session_open(l->program, l->schedule, &session, &l->session);
    if (st)
        return st;
    x = &l->graph->value[l->graph->input[0]];
    y = &l->graph->value[l->graph->output[0]];
    st = atm_array_read(input, x->dtype, &x->shape, &l->input);
    if (!st)
        st = atm_session_set_input(l->session, 0, l->input.data);
    l->output = (struct atm_array){.dtype = y->dtype, .shape = y->shape};
    if (!st)
        st = atm_shape_bytes(&y->shape, y->dtype, &l->output.bytes);
    return st;
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum atm_status serve(struct loop *l)
{
    struct atm_run_report report;
    enum atm_status st = ATM_OK;
    char line[16];

    while (!st && fgets(line, sizeof(line), stdin)) {
        double start = now();

        st = atm_session_run(l->session, &report);
        printf("%.9f\n", now() - start);
        (void)fflush(stdout);
    }
    return st;
}

static void close_loop(struct loop *l)
{
    atm_session_close(&l->session);
    free(l->output.data);
    l->output.data = NULL;
    atm_array_clear(&l->input);
    atm_schedule_delete(&l->schedule);
    atm_profile_delete(&l->profile);
    atm_program_delete(&l->program);
    atm_graph_delete(&l->graph);
}

int main(int argc, char **argv)
{
    struct loop l = {0};
    enum atm_status st;

    if (argc != 5) {
        fprintf(stderr, "usage: run_loop MODEL INPUT.npy OUTPUT.npy THREADS\n");
        return 2;
    }
    st = open_loop(&l, argv[1], argv[2], atoi(argv[4]));
    if (!st)
        st = serve(&l);
    if (!st) {
        l.output.data = malloc((size_t)l.output.bytes);
        st = l.output.data ? atm_session_output(l.session, 0, l.output.data)
                           : ATM_NOMEM;
    }
    if (!st)
        st = atm_array_write_npy(argv[3], &l.output, true);
    if (st)
        fprintf(stderr, "run_loop: %s\n", atm_errmsg());
    close_loop(&l);
    return atm_status_exit_code(st);
}
