/* verb_verify.c - autotm verify: the planned run against another placement of
 * the same program, byte by byte. Ranges are poisoned at the end of their
 * residence and moved tensors hashed meanwhile. */
#include "cli.h"

#include "arena.h"
#include "free_memory.h"
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISMATCHES_SHOWN 16

struct mismatch {
    uint64_t iteration, count, first; /* differing bytes */
    uint32_t output;
};

struct check {
    struct pipe p;
    uint64_t n, seed;
    struct atm_array *input;
    struct atm_array **output; /* per iteration, of the plan */
    struct atm_schedule *other;
    const char *against;
    uint64_t moved;
    const char *fault; /* what the session itself found wrong, or null */
    uint32_t n_bad;
    struct mismatch bad[MISMATCHES_SHOWN];
};

/* The hook of the tests: one move of each iteration goes wrong. */
static enum atm_status parse_fault(const struct cli *c,
                                   struct atm_session_options *o)
{
    const char *text = cli_text(c, OPT_INJECT);
    unsigned long move;
    char *end;

    if (!text)
        return ATM_OK;
    o->fault = strncmp(text, "flip@", 5) == 0   ? ATM_FAULT_FLIP
               : strncmp(text, "skip@", 5) == 0 ? ATM_FAULT_SKIP
               : strncmp(text, "late@", 5) == 0 ? ATM_FAULT_LATE
                                                : ATM_FAULT_NONE;
    if (!o->fault || text[5] < '0' || text[5] > '9')
        goto err_text;
    move = strtoul(text + 5, &end, 10);
    if (*end || move >= UINT32_MAX)
        goto err_text;
    o->fault_move = (uint32_t)move;
    return ATM_OK;

err_text:
    return atm_fail(ATM_INVAL, "--inject %s: flip@N, skip@N or late@N", text);
}

/* The other placement: as asked, else all-fast where memory holds it, else the
 * most different one that can be had. */
static enum atm_status choose_other(struct check *k)
{
    static const char *const order[] = {"all-fast", "all-slow", "random"};
    const char *asked = cli_text(k->p.c, OPT_AGAINST);
    enum atm_status st = ATM_INFEASIBLE;
    size_t i;

    if (asked) {
        k->against = asked;
        return pipe_plan_with(&k->p, asked, &k->other);
    }
    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        k->against = order[i];
        st = pipe_plan_with(&k->p, order[i], &k->other);
        if (st && st != ATM_INFEASIBLE)
            return st;
        if (!st &&
            k->other->tier[0].pool_bytes < atm_memory_available() / 5 * 4)
            return ATM_OK;
        atm_schedule_delete(&k->other);
    }
    return st ? st
              : atm_fail(ATM_CAPACITY, "verify: no other placement fits "
                                       "in memory; name one with --against");
}

/* Runs all iterations by `s`, handing each one's outputs to `take`. */
static enum atm_status run_all(struct check *k, const struct atm_schedule *s,
                               const struct atm_session_options *o,
                               enum atm_status (*take)(struct check *k,
                                                       struct measured *m,
                                                       uint64_t iteration))
{
    struct measured m;
    enum atm_status st;
    uint64_t i;

    st = measured_open(&k->p, s, o, k->n, &m);
    for (i = 0; i < k->n && !st; i++) {
        st = pipe_reseed(&k->p, k->seed + i, k->input);
        if (!st)
            st = measured_feed(&k->p, &m, k->input);
        if (!st)
            st = measured_run(&m, true);
        if (!st)
            st = take(k, &m, i);
    }
    measured_close(&m);
    return st;
}

static enum atm_status keep_outputs(struct check *k, struct measured *m,
                                    uint64_t iteration)
{
    k->moved = m->last.moved_bytes;
    return outputs_read(&k->p, m->session, &k->output[iteration]);
}

static void compare(struct check *k, uint64_t iteration, uint32_t output,
                    const struct atm_array *a, const struct atm_array *b)
{
    const unsigned char *x = a->data, *y = b->data;
    struct mismatch bad = {iteration, 0, 0, output};
    uint64_t i;

    for (i = 0; i < a->bytes; i++) {
        if (x[i] == y[i])
            continue;
        if (bad.count++ == 0)
            bad.first = i;
    }
    if (bad.count == 0)
        return;
    if (k->n_bad < MISMATCHES_SHOWN)
        k->bad[k->n_bad] = bad;
    k->n_bad++;
}

static enum atm_status compare_outputs(struct check *k, struct measured *m,
                                       uint64_t iteration)
{
    struct atm_array *other;
    enum atm_status st = outputs_read(&k->p, m->session, &other);
    uint32_t i;

    if (st)
        return st;
    for (i = 0; i < k->p.graph->n_outputs; i++)
        compare(k, iteration, i, &k->output[iteration][i], &other[i]);
    outputs_free(&k->p, &other);
    return ATM_OK;
}

static enum atm_status show(const struct check *k)
{
    const struct pipe *p = &k->p;
    json_t *bad = json_array();
    char x[64];
    uint32_t i;

    for (i = 0; i < k->n_bad && i < MISMATCHES_SHOWN; i++)
        (void)json_array_append_new(
            bad, json_pack("{s:s, s:I, s:I, s:I}", "output",
                           output_name(p, k->bad[i].output), "iteration",
                           (json_int_t)k->bad[i].iteration, "bytes",
                           (json_int_t)k->bad[i].count, "first_byte",
                           (json_int_t)k->bad[i].first));
    if (p->c->json)
        return cli_print_json(json_pack(
            "{s:s, s:b, s:I, s:o, s:I, s:s, s:s, s:I, s:I, s:I, s:b, s:i, "
            "s:o}",
            "model", p->model, "identical", k->n_bad == 0 && !k->fault,
            "outputs", (json_int_t)p->graph->n_outputs, "mismatches", bad,
            "mismatch_count", (json_int_t)k->n_bad, "planner",
            p->schedule->planner, "against", k->against, "iterations",
            (json_int_t)k->n, "moved_bytes", (json_int_t)k->moved,
            "fast_peak_bytes", (json_int_t)p->schedule->fast_peak_bytes,
            "emulated", pipe_emulated(p), "threads", p->program->threads,
            "fault", k->fault ? json_string(k->fault) : json_null()));
    json_decref(bad);
    cli_line("model", "%s", p->model);
    cli_line("plan", "planner %s, fast pool %s, slow tier %s%s",
             p->schedule->planner, cli_bytes(p->schedule->fast_peak_bytes, x),
             p->schedule->tier[1].spec, pipe_emulated(p) ? " (emulated)" : "");
    cli_line("compared with",
             "%s, %" PRIu64 " iterations, other inputs in "
             "each, freed memory poisoned",
             k->against, k->n);
    cli_line("moved per iteration", "%s", cli_bytes(k->moved, x));
    for (i = 0; i < k->n_bad && i < MISMATCHES_SHOWN; i++)
        cli_line("DIFFERS",
                 "%s, iteration %" PRIu64 ": %" PRIu64 " bytes, "
                 "from byte %" PRIu64,
                 output_name(p, k->bad[i].output), k->bad[i].iteration,
                 k->bad[i].count, k->bad[i].first);
    if (k->fault)
        cli_line("FAULT", "%s", k->fault);
    cli_line("result", "%s",
             k->n_bad || k->fault ? "NOT identical"
                                  : "outputs are bit-identical");
    return ATM_OK;
}

static enum atm_status prepare(struct check *k, struct atm_session_options *o)
{
    struct cli *c = k->p.c;
    const char *plan = cli_text(c, OPT_PLAN);
    enum atm_status st;

    st = cli_count(c, OPT_ITERATIONS, 2, 2, 1000, &k->n);
    if (!st)
        st = cli_count(c, OPT_SEED, 0, 0, UINT64_MAX, &k->seed);
    if (!st)
        st = parse_fault(c, o);
    if (!st && !plan && !cli_text(c, OPT_FAST))
        st = atm_fail(ATM_INVAL, "verify: --fast or --plan is missing");
    if (!st)
        st = plan ? pipe_read_plan(&k->p, plan)
                  : pipe_until(&k->p, PIPE_SCHEDULE);
    if (!st)
        st = choose_other(k);
    if (!st)
        st = pipe_inputs(&k->p, k->seed, &k->input);
    if (st)
        return st;
    o->verify = true;
    o->profile = k->p.profile;
    o->seed = k->seed;
    k->output = atm_arena_array(c->arena, (size_t)k->n, sizeof(*k->output));
    return k->output ? ATM_OK : ATM_NOMEM;
}

enum atm_status verb_verify(struct cli *c)
{
    struct check k = {.p = {.c = c, .model = c->arg[0]}};
    struct atm_session_options o = {0}, plain = {0};
    enum atm_status st;
    uint64_t i;

    st = prepare(&k, &o);
    if (!st)
        st = run_all(&k, k.p.schedule, &o, keep_outputs);
    plain.profile = k.p.profile;
    if (!st)
        st = run_all(&k, k.other, &plain, compare_outputs);
    if (st == ATM_MISMATCH) {
        k.fault = atm_arena_strdup(c->arena, atm_errmsg());
        st = k.fault ? ATM_OK : ATM_NOMEM;
    }
    if (!st)
        st = show(&k);
    if (!st && k.fault)
        st = atm_fail(ATM_MISMATCH, "%s: %s", k.p.model, k.fault);
    else if (!st && k.n_bad)
        st = atm_fail(ATM_MISMATCH,
                      "%s: %" PRIu32 " outputs differ from those "
                      "of %s",
                      k.p.model, k.n_bad, k.against);
    for (i = 0; k.output && i < k.n; i++)
        outputs_free(&k.p, &k.output[i]);
    pipe_inputs_free(&k.p, &k.input);
    atm_schedule_delete(&k.other);
    pipe_close(&k.p);
    return st;
}
