/* steps.c - the steps of an iteration, each beside its prediction. */
#include "measure.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>

#define OFF 1.15
#define OFF_PART 0.02

static const char *const doing[] = {"run", "move", "start", "wait"};

static const char *what(const struct atm_schedule *s, uint32_t t)
{
    const struct atm_step *x = &s->step[t];

    return x->kind == ATM_STEP_RUN ? s->kernel_name[x->kernel]
                                   : s->tensor_name[x->tensor];
}

/* "slow" names every tier but the fast one. */
static const char *where(const struct atm_schedule *s, uint32_t t)
{
    const struct atm_step *x = &s->step[t];

    if (x->kind == ATM_STEP_RUN)
        return "";
    return s->residence[x->to].tier == 0 ? "to fast" : "to slow";
}

json_t *steps_json(const struct pipe *p, const double *step_s)
{
    const struct atm_schedule *s = p->schedule;
    json_t *list = json_array();
    uint32_t t;

    for (t = 0; t < s->n_steps; t++)
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:f, s:f}", "do", doing[s->step[t].kind],
                      "name", what(s, t), "predicted_seconds",
                      s->step[t].predicted_s, "seconds", step_s[t]));
    return list;
}

uint32_t steps_off(const struct pipe *p, const struct measured *m,
                   uint32_t *worst)
{
    const struct atm_schedule *s = p->schedule;
    double by, all = 0, most = 0;
    uint32_t t, n = 0;

    for (t = 0; t < s->n_steps; t++) {
        double predicted = s->step[t].predicted_s;

        by = 0;
        if (s->step[t].kind != ATM_STEP_RUN)
            continue;
        if (m->step_range[0][t] > OFF * predicted)
            by = m->step_range[0][t] - predicted;
        if (predicted > OFF * m->step_range[1][t])
            by = predicted - m->step_range[1][t];
        n += by > 0;
        all += by;
        if (by > most) {
            most = by;
            *worst = t;
        }
    }
    return all > OFF_PART * s->predicted_s ? n : 0;
}

enum atm_status steps_show(const struct pipe *p, const double *step_s)
{
    static const char *const head[] = {"step>", "do",         "what",
                                       "where", "predicted>", "measured>"};
    const struct atm_schedule *s = p->schedule;
    struct atm_arena *arena = p->c->arena;
    const char **cell, **row;
    char a[64], b[64];
    uint32_t t;

    cell = atm_arena_array(arena, (size_t)s->n_steps * 6, sizeof(*cell));
    if (!cell)
        return ATM_NOMEM;
    for (t = 0, row = cell; t < s->n_steps; t++, row += 6) {
        row[0] = atm_arena_printf(arena, "%" PRIu32, t);
        row[1] = doing[s->step[t].kind];
        row[2] = what(s, t);
        row[3] = where(s, t);
        row[4] =
            atm_arena_strdup(arena, cli_seconds(s->step[t].predicted_s, a));
        row[5] = atm_arena_strdup(arena, cli_seconds(step_s[t], b));
        if (!row[0] || !row[4] || !row[5])
            return ATM_NOMEM;
    }
    (void)putchar('\n');
    return cli_table(head, 6, cell, s->n_steps);
}
