/* measure.c - what run and verify share: a session, its iterations, its
 * outputs. */
#include "measure.h"

#include "arena.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>

enum atm_status measured_open(struct pipe *p, const struct atm_schedule *s,
                              const struct atm_session_options *o, uint64_t n,
                              struct measured *m)
{
    memset(m, 0, sizeof(*m));
    m->seconds = atm_arena_array(p->c->arena, (size_t)n, sizeof(*m->seconds));
    m->step_s = atm_arena_array(p->c->arena, s->n_steps, sizeof(*m->step_s));
    m->step_range[0] = atm_arena_array(p->c->arena, s->n_steps, sizeof(double));
    m->step_range[1] = atm_arena_array(p->c->arena, s->n_steps, sizeof(double));
    if (!m->seconds || !m->step_s || !m->step_range[0] || !m->step_range[1])
        return ATM_NOMEM;
    return atm_session_open(p->program, s, o, &m->session);
}

void measured_close(struct measured *m)
{
    if (m->session)
        atm_session_close(&m->session);
}

enum atm_status measured_feed(struct pipe *p, struct measured *m,
                              const struct atm_array *input)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < p->graph->n_inputs && !st; i++)
        st = atm_session_set_input(m->session, i, input[i].data);
    return st;
}

enum atm_status measured_run(struct measured *m, bool keep)
{
    double lost = atm_waited_s() + atm_stolen_s(), start = atm_now_s();
    enum atm_status st;
    uint32_t i;

    cli_interrupt_defer(true);
    st = atm_session_run(m->session, &m->last);
    cli_interrupt_defer(false);
    m->took_s = atm_now_s() - start;
    m->disturbed =
        atm_waited_s() + atm_stolen_s() - lost > ATM_LOST_PART * m->took_s;
    if (!st && cli_interrupted())
        st = atm_fail(ATM_INTERRUPTED, "interrupted");
    if (st || !keep)
        return st;
    for (i = 0; i < m->last.n_steps; i++) {
        double s = m->last.step[i].seconds;

        m->step_s[i] = s;
        if (m->n == 0 || s < m->step_range[0][i])
            m->step_range[0][i] = s;
        if (m->n == 0 || s > m->step_range[1][i])
            m->step_range[1][i] = s;
    }
    m->seconds[m->n++] = m->last.seconds;
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double measured_median(const struct measured *m)
{
    double *s = m->seconds;

    qsort(s, m->n, sizeof(*s), ascending);
    return m->n % 2 ? s[m->n / 2] : (s[m->n / 2 - 1] + s[m->n / 2]) / 2;
}

double measured_min(const struct measured *m)
{
    double least = m->seconds[0];
    uint32_t i;

    for (i = 1; i < m->n; i++)
        least = m->seconds[i] < least ? m->seconds[i] : least;
    return least;
}

const char *output_name(const struct pipe *p, uint32_t i)
{
    return p->graph->value[p->graph->output[i]].name;
}

enum atm_status outputs_read(struct pipe *p, struct atm_session *s,
                             struct atm_array **output)
{
    const struct atm_graph *g = p->graph;
    struct atm_array *list = atm_alloc_array(g->n_outputs, sizeof(*list));
    enum atm_status st = ATM_OK;
    uint32_t i;

    *output = list;
    if (!list)
        return ATM_NOMEM;
    for (i = 0; i < g->n_outputs && !st; i++) {
        const struct atm_value *v = &g->value[g->output[i]];

        list[i].dtype = v->dtype;
        list[i].shape = v->shape;
        st = atm_shape_bytes(&v->shape, v->dtype, &list[i].bytes);
        if (st)
            break;
        list[i].data = atm_alloc((size_t)list[i].bytes);
        st = list[i].data ? atm_session_output(s, i, list[i].data) : ATM_NOMEM;
        if (!st)
            st = atm_array_settle(&list[i]);
    }
    if (st)
        outputs_free(p, output);
    return st;
}

void outputs_free(struct pipe *p, struct atm_array **output)
{
    uint32_t i;

    if (!*output)
        return;
    for (i = 0; i < p->graph->n_outputs; i++)
        atm_array_clear(&(*output)[i]);
    atm_free(*output);
    *output = NULL;
}
