/* pipe.c - see pipe.h. */
#include "pipe.h"

#include "arena.h"
#include "autotm/profiler.h"

#include <string.h>

enum atm_status pipe_lower(struct pipe *p, struct atm_graph *graph,
                           bool reference_only)
{
    static const char *const spec[2] = {"dram", "emu:rd=8G,wr=3G,lat=300"};
    const struct atm_lower_options o = {.threads = 1,
                                        .reference_only = reference_only};
    const struct atm_tier_ops *ops;
    struct atm_tier_info tier[2];
    enum atm_status st = ATM_OK;
    int i;

    memset(p, 0, sizeof(*p));
    p->graph = graph;
    for (i = 0; i < 2 && !st; i++)
        st = atm_tier_probe(spec[i], 1e10, 1e10, &tier[i], &ops);
    if (!st)
        st = atm_lower(graph, &o, &p->program);
    if (!st)
        st = atm_profile_new(p->program, tier, spec, 1e-6, &p->profile);
    if (!st)
        st = atm_profile_check(p->profile, p->program);
    if (!st)
        st = atm_problem_from_program(p->program, p->profile, tier[1].size,
                                      &p->problem);
    return st ? st : atm_problem_check(p->problem);
}

enum atm_status pipe_plan(struct pipe *p, const char *planner, uint64_t budget)
{
    struct atm_plan_options o;
    enum atm_status st;

    atm_schedule_delete(&p->schedule);
    atm_placement_delete(&p->placement);
    atm_plan_options_init(&o);
    o.planner = planner;
    o.budget_bytes = budget;
    st = atm_plan(p->problem, &o, &p->placement);
    if (!st)
        st = atm_placement_check(p->problem, p->placement);
    if (!st)
        st = atm_schedule_build(p->program, p->profile, p->problem,
                                p->placement, &o, &p->schedule);
    return st ? st : atm_schedule_check(p->schedule, p->program);
}

void pipe_close(struct pipe *p)
{
    atm_schedule_delete(&p->schedule);
    atm_placement_delete(&p->placement);
    atm_problem_delete(&p->problem);
    atm_profile_delete(&p->profile);
    atm_program_delete(&p->program);
    atm_graph_delete(&p->graph);
}

static enum atm_status value_bytes(const struct atm_graph *g, uint32_t value,
                                   uint64_t *bytes)
{
    return atm_shape_bytes(&g->value[value].shape, g->value[value].dtype,
                           bytes);
}

static enum atm_status feed(const struct pipe *p, struct atm_session *session,
                            void **input)
{
    const struct atm_graph *g = p->graph;
    enum atm_status st = ATM_OK;
    uint64_t bytes;
    uint32_t i;

    for (i = 0; i < g->n_inputs && !st; i++) {
        st = value_bytes(g, g->input[i], &bytes);
        if (st)
            return st;
        input[i] = atm_alloc((size_t)bytes);
        st = input[i] ? atm_input_fill(g, i, i, input[i]) : ATM_NOMEM;
        if (!st)
            st = atm_session_set_input(session, i, input[i]);
    }
    return st;
}

static enum atm_status collect(const struct pipe *p,
                               struct atm_session *session, uint64_t *sum)
{
    const struct atm_graph *g = p->graph;
    enum atm_status st = ATM_OK;
    uint64_t bytes, k;
    uint32_t i;

    *sum = 0;
    for (i = 0; i < g->n_outputs && !st; i++) {
        uint8_t *data;

        st = value_bytes(g, g->output[i], &bytes);
        if (st)
            return st;
        data = atm_alloc((size_t)bytes);
        st = data ? atm_session_output(session, i, data) : ATM_NOMEM;
        for (k = 0; k < bytes && !st; k++)
            *sum = *sum * 31 + data[k];
        atm_free(data);
    }
    return st;
}

enum atm_status pipe_run(const struct pipe *p, const struct atm_schedule *s,
                         uint64_t *sum)
{
    const struct atm_session_options o = {.verify = true,
                                          .profile = p->profile};
    void **input = atm_alloc_array(p->graph->n_inputs, sizeof(*input));
    struct atm_session *session = NULL;
    struct atm_run_report report;
    enum atm_status st;
    uint32_t i;

    if (!input)
        return ATM_NOMEM;
    st = atm_session_open(p->program, s, &o, &session);
    if (!st)
        st = feed(p, session, input);
    for (i = 0; i < 2 && !st; i++)
        st = atm_session_run(session, &report);
    if (!st)
        st = collect(p, session, sum);
    atm_session_close(&session);
    for (i = 0; i < p->graph->n_inputs; i++)
        atm_free(input[i]);
    atm_free(input);
    return st;
}
