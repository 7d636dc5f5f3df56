/* verb_inspect.c - autotm inspect: what a model is, whether it can run, and
 * what it needs. Nothing is measured, no weight is read. */
#include "cli.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kind of slow tier, as far as the least budget cares. */
struct need {
    const char *title;
    uint32_t caps;
    uint64_t bytes;
    const char *kernel;
};

struct impl {
    const char *name;
    uint32_t count;
};

struct inspect {
    struct pipe p;
    struct atm_model_summary *m;
    enum atm_status why; /* the program cannot be made: why not */
    const char *reason;
    uint64_t weight_bytes;
    struct need need[2];
    uint32_t n_impls, cap_impls;
    struct impl *impl;
};

/* "1x3x?xW" with each open dimension's name where it has one. */
static const char *shape_text(struct cli *c, const struct atm_model_input *in)
{
    const char *s = in->shaped ? "" : "(no shape)";
    uint32_t i;

    for (i = 0; i < in->rank && s; i++)
        s = in->dim[i] >= 0 ? atm_arena_printf(c->arena, "%s%s%" PRId64, s,
                                               i ? "x" : "", in->dim[i])
                            : atm_arena_printf(c->arena, "%s%s?%s", s,
                                               i ? "x" : "", in->symbol[i]);
    return !s ? "" : in->shaped && in->rank == 0 ? "scalar" : s;
}

/* The flag that fixes what is open; "" when nothing is. */
static const char *shape_flag(struct cli *c, const struct atm_model_input *in)
{
    const char *flag = "";
    bool nameless = !in->shaped;
    uint32_t i;

    for (i = 0; i < in->rank && flag; i++)
        if (in->dim[i] < 0 && !*in->symbol[i])
            nameless = true;
        else if (in->dim[i] < 0)
            flag = atm_arena_printf(c->arena, "%s%s--dim %s=N", flag,
                                    *flag ? " " : "", in->symbol[i]);
    if (nameless)
        flag = atm_arena_printf(c->arena, "--shape %s=N,N,..", in->name);
    return flag ? flag : "";
}

static enum atm_status least_budget(struct inspect *x, struct need *n)
{
    struct atm_tier_info tier[2];
    const char *const spec[2] = {"dram", n->title};
    struct atm_profile *profile = NULL;
    struct atm_problem *problem = NULL;
    enum atm_status st;
    uint32_t kernel;

    memset(tier, 0, sizeof(tier)); /* times are of no matter here */
    tier[0].read_bw = tier[0].write_bw = 1e10;
    tier[0].size = tier[1].size = UINT64_MAX;
    tier[1] = tier[0];
    tier[0].caps = ATM_TIER_ADDRESSABLE;
    tier[1].caps = n->caps;
    st = atm_profile_new(x->p.program, tier, spec, 1e-6, &profile);
    if (!st)
        st = atm_problem_from_program(x->p.program, profile, UINT64_MAX,
                                      &problem);
    if (!st) {
        n->bytes = atm_problem_min_budget(problem, &kernel);
        n->kernel = x->p.program->kernel[kernel].name;
    }
    atm_problem_delete(&problem);
    atm_profile_delete(&profile);
    return st;
}

static int by_count(const void *a, const void *b)
{
    const struct impl *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum atm_status count_impls(struct inspect *x)
{
    const struct atm_program *g = x->p.program;
    uint32_t k, i;

    for (k = 0; k < g->n_kernels; k++) {
        if (g->kernel[k].kind != ATM_KERNEL_RUN)
            continue;
        for (i = 0; i < x->n_impls; i++)
            if (strcmp(x->impl[i].name, g->kernel[k].impl) == 0)
                break;
        if (i == x->n_impls) {
            x->impl = atm_arena_grow(x->p.c->arena, x->impl, &x->cap_impls,
                                     i + 1, sizeof(*x->impl));
            if (!x->impl)
                return ATM_NOMEM;
            x->impl[x->n_impls++] = (struct impl){g->kernel[k].impl, 0};
        }
        x->impl[i].count++;
    }
    if (x->n_impls)
        qsort(x->impl, x->n_impls, sizeof(*x->impl), by_count);
    for (i = 0; i < g->n_tensors; i++)
        if (g->tensor[i].arg)
            x->weight_bytes += g->tensor[i].bytes;
    return ATM_OK;
}

/* ---- output ------------------------------------------------------------- */

static json_t *inputs_json(const struct inspect *x)
{
    json_t *all = json_array();
    uint32_t i, d;

    for (i = 0; i < x->m->n_inputs; i++) {
        const struct atm_model_input *in = &x->m->input[i];
        json_t *shape = json_array();

        for (d = 0; d < in->rank; d++)
            (void)json_array_append_new(
                shape, in->dim[d] >= 0  ? json_integer(in->dim[d])
                       : *in->symbol[d] ? json_string(in->symbol[d])
                                        : json_null());
        (void)json_array_append_new(
            all, json_pack("{s:s, s:s, s:o, s:b, s:s}", "name", in->name,
                           "dtype", in->dtype, "shape", shape, "initialised",
                           in->initialised, "flag", shape_flag(x->p.c, in)));
    }
    return all;
}

static json_t *ops_json(const struct inspect *x)
{
    json_t *all = json_array();
    uint32_t i;

    for (i = 0; i < x->m->n_ops; i++)
        (void)json_array_append_new(
            all, json_pack("{s:s, s:s, s:I, s:b}", "domain", x->m->op[i].domain,
                           "name", x->m->op[i].name, "count",
                           (json_int_t)x->m->op[i].count, "supported",
                           x->m->op[i].supported));
    return all;
}

static json_t *program_json(const struct inspect *x)
{
    json_t *impls = json_array(), *least = json_array();
    uint32_t i;

    for (i = 0; i < x->n_impls; i++)
        (void)json_array_append_new(
            impls, json_pack("{s:s, s:I}", "name", x->impl[i].name, "count",
                             (json_int_t)x->impl[i].count));
    for (i = 0; i < 2; i++)
        (void)json_array_append_new(
            least, json_pack("{s:b, s:I, s:s}", "addressable",
                             (x->need[i].caps & ATM_TIER_ADDRESSABLE) != 0,
                             "bytes", (json_int_t)x->need[i].bytes, "kernel",
                             x->need[i].kernel));
    return json_pack("{s:I, s:I, s:I, s:I, s:i, s:o, s:o}", "kernel_count",
                     (json_int_t)x->p.program->n_kernels, "tensor_count",
                     (json_int_t)x->p.program->n_tensors, "weight_bytes",
                     (json_int_t)x->weight_bytes, "peak_bytes",
                     (json_int_t)x->p.program->peak_bytes, "threads",
                     x->p.program->threads, "smallest_fast", least,
                     "implementations", impls);
}

static enum atm_status print_json(const struct inspect *x)
{
    json_t *j = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b}", "model",
        x->p.model, "producer", x->m->info.producer, "ir_version",
        (json_int_t)x->m->info.ir_version, "opset",
        (json_int_t)x->m->info.opset, "nodes", (json_int_t)x->m->info.n_nodes,
        "initialisers", (json_int_t)x->m->info.n_initialisers,
        "initialiser_bytes", (json_int_t)x->m->info.initialiser_bytes, "inputs",
        inputs_json(x), "operators", ops_json(x), "supported",
        x->why != ATM_UNSUPPORTED);

    if (j && x->p.program)
        (void)json_object_update_new(j, program_json(x));
    else if (j)
        (void)json_object_set_new(j, "reason", json_string(x->reason));
    return cli_print_json(j);
}

static enum atm_status show_inputs(const struct inspect *x)
{
    static const char *const head[] = {"INPUT", "TYPE", "SHAPE", "FIXED BY"};
    uint32_t n = x->m->n_inputs, i, rows = 0;
    const char **cell =
        atm_arena_array(x->p.c->arena, (size_t)n * 4, sizeof(*cell));

    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < n; i++) {
        const struct atm_model_input *in = &x->m->input[i];

        if (in->initialised)
            continue;
        cell[4 * rows] = in->name;
        cell[4 * rows + 1] = in->dtype;
        cell[4 * rows + 2] = shape_text(x->p.c, in);
        cell[4 * rows++ + 3] = shape_flag(x->p.c, in);
    }
    return cli_table(head, 4, cell, rows);
}

static enum atm_status show_ops(const struct inspect *x)
{
    static const char *const head[] = {"OPERATOR", "COUNT>", "SUPPORTED"};
    struct atm_arena *a = x->p.c->arena;
    const char **cell =
        atm_arena_array(a, (size_t)x->m->n_ops * 3, sizeof(*cell));
    uint32_t i;

    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < x->m->n_ops; i++) {
        const struct atm_model_op *o = &x->m->op[i];

        cell[3 * i] = atm_arena_printf(a, "%s%s%s", o->domain,
                                       *o->domain ? "." : "", o->name);
        cell[3 * i + 1] = atm_arena_printf(a, "%" PRIu32, o->count);
        cell[3 * i + 2] = o->supported ? "yes" : "NO";
        if (!cell[3 * i] || !cell[3 * i + 1])
            return ATM_NOMEM;
    }
    printf("\n");
    return cli_table(head, 3, cell, x->m->n_ops);
}

static enum atm_status show_program(const struct inspect *x)
{
    static const char *const head[] = {"IMPLEMENTATION", "KERNELS>"};
    const struct atm_program *g = x->p.program;
    struct atm_arena *a = x->p.c->arena;
    const char **cell =
        atm_arena_array(a, (size_t)x->n_impls * 2, sizeof(*cell));
    char text[64];
    uint32_t i;

    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < x->n_impls; i++) {
        cell[2 * i] = x->impl[i].name;
        cell[2 * i + 1] = atm_arena_printf(a, "%" PRIu32, x->impl[i].count);
        if (!cell[2 * i + 1])
            return ATM_NOMEM;
    }
    printf("\n");
    (void)cli_table(head, 2, cell, x->n_impls);
    printf("\n");
    cli_line("program", "%" PRIu32 " kernels, %" PRIu32 " tensors, %d threads",
             g->n_kernels, g->n_tensors, g->threads);
    cli_line("weights, as packed", "%s",
             cli_bytes_exact(x->weight_bytes, text));
    cli_line("peak, all fast", "%s", cli_bytes_exact(g->peak_bytes, text));
    for (i = 0; i < 2; i++)
        cli_line(i ? "  move-only slow tier" : "smallest --fast",
                 "%s, set by kernel \"%s\"%s",
                 cli_bytes_exact(x->need[i].bytes, text), x->need[i].kernel,
                 i ? "" : " (slow tier used in place)");
    return ATM_OK;
}

static enum atm_status show(const struct inspect *x)
{
    const struct atm_model_info *m = &x->m->info;
    enum atm_status st;
    char text[64];

    cli_line("model", "%s", x->p.model);
    cli_line("opset", "%" PRId64 ", IR %" PRId64 "%s%s", m->opset,
             m->ir_version, *m->producer ? ", from " : "", m->producer);
    cli_line("nodes", "%" PRIu32, m->n_nodes);
    cli_line("initialisers", "%" PRIu32 ", %s", m->n_initialisers,
             cli_bytes_exact(m->initialiser_bytes, text));
    printf("\n");
    st = show_inputs(x);
    if (!st)
        st = show_ops(x);
    if (st || x->p.program)
        return st ? st : show_program(x);
    printf("\n");
    cli_line("program", "none: %s", x->reason);
    return ATM_OK;
}

enum atm_status verb_inspect(struct cli *c)
{
    struct inspect x = {.p = {.c = c, .model = c->arg[0]},
                        .need = {{"in place", ATM_TIER_ADDRESSABLE, 0, ""},
                                 {"move only", 0, 0, ""}}};
    bool bound = cli_flag(c, OPT_DIM) || cli_flag(c, OPT_SHAPE) ||
                 cli_flag(c, OPT_INPUT);
    enum atm_status st;
    uint32_t i;

    st = atm_onnx_describe(x.p.model, &x.m);
    if (st)
        return st;
    x.why = pipe_until(&x.p, PIPE_PROGRAM);
    /* Open dimensions and what is unsupported are what inspect is asked for;
     * anything else is an error like any other. */
    if (x.why && x.why != ATM_UNSUPPORTED && x.why != ATM_INVAL)
        st = x.why;
    x.reason = x.why ? atm_arena_strdup(c->arena, atm_errmsg()) : "";
    if (!st && !x.reason)
        st = ATM_NOMEM;
    if (!st && x.p.program) {
        st = count_impls(&x);
        for (i = 0; i < 2 && !st; i++)
            st = least_budget(&x, &x.need[i]);
    }
    if (!st)
        st = c->json ? print_json(&x) : show(&x);
    if (!st && (x.why == ATM_UNSUPPORTED || (x.why && bound)))
        st = atm_fail(x.why, "%s", x.reason);
    atm_model_summary_delete(&x.m);
    pipe_close(&x.p);
    return st;
}
