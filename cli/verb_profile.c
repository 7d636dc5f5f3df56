/* verb_profile.c - autotm profile: fills the store, says what it holds. */
#include "cli.h"

#include "arena.h"
#include "profile_store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN 20 /* kernels of the human table, slowest first */

struct order {
    double seconds;
    uint32_t kernel;
};

static int slowest_first(const void *a, const void *b)
{
    const struct order *x = a, *y = b;

    if (x->seconds != y->seconds)
        return x->seconds > y->seconds ? -1 : 1;
    return x->kernel < y->kernel ? -1 : x->kernel > y->kernel;
}

static enum atm_status show_kernels(struct pipe *p)
{
    static const char *const head[] = {"KERNEL", "IMPLEMENTATION", "MEDIAN ms>",
                                       "LOW>",   "HIGH>",          "SAMPLES>"};
    struct atm_arena *a = p->c->arena;
    uint32_t n = p->program->n_kernels, i, k;
    struct order *order = atm_arena_array(a, n, sizeof(*order));
    const char *cell[6 * SHOWN];

    if (!order)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        order[i] = (struct order){p->profile->kernel[i].fast.seconds, i};
    qsort(order, n, sizeof(*order), slowest_first);
    for (i = 0; i < n && i < SHOWN && order[i].seconds > 0; i++) {
        const struct atm_time *t = &p->profile->kernel[order[i].kernel].fast;
        const char **x = &cell[6 * i];

        x[0] = p->program->kernel[order[i].kernel].name;
        x[1] = p->program->kernel[order[i].kernel].impl;
        x[2] = atm_arena_printf(a, "%.3f", 1e3 * t->seconds);
        x[3] = atm_arena_printf(a, "%.3f", 1e3 * t->low);
        x[4] = atm_arena_printf(a, "%.3f", 1e3 * t->high);
        x[5] = atm_arena_printf(a, "%" PRIu32, t->n);
        for (k = 0; k < 6; k++)
            x[k] = x[k] ? x[k] : "";
    }
    return cli_table(head, 6, cell, i);
}

static void show_overlap(const struct atm_overlap *o)
{
    const char *source = o->source == ATM_TIME_MODELLED ? " (assumed)" : "";

    cli_line("side by side",
             "reads keep %.0f %% of their bandwidth beside writes, writes "
             "%.0f %%%s",
             100 * o->mixed_read, 100 * o->mixed_write, source);
    cli_line("",
             "a copy beside kernels takes %.2fx, kernels beside a copy "
             "%.2fx%s",
             o->copy_slowdown, o->kernel_slowdown, source);
    if (o->source == ATM_TIME_MEASURED)
        cli_line("", "64 KiB come in %.0f us, in %.0f us beside writes",
                 1e6 * o->latency_s, 1e6 * o->loaded_latency_s);
}

static enum atm_status show_dry_run(struct pipe *p)
{
    const struct atm_profile_plan *f = &p->to_profile;

    if (p->c->json)
        return cli_print_json(json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:o}", "model", p->model, "kernels",
            (json_int_t)f->kernels, "distinct", (json_int_t)f->distinct,
            "known", (json_int_t)f->known, "to_measure",
            (json_int_t)f->to_measure, "estimated_seconds",
            cli_json_real(f->estimated_seconds)));
    cli_line("model", "%s", p->model);
    cli_line("kernels", "%" PRIu32, f->kernels);
    cli_line("distinct vectors", "%" PRIu32 ", of which known %" PRIu32,
             f->distinct, f->known);
    cli_line("to measure", "%" PRIu32, f->to_measure);
    if (isfinite(f->estimated_seconds))
        cli_line("estimated", "%.1f s", f->estimated_seconds);
    else
        cli_line("estimated", "unknown: the model does not fit in memory");
    return ATM_OK;
}

enum atm_status verb_profile(struct cli *c)
{
    struct pipe p = {.c = c, .model = c->n_args ? c->arg[0] : NULL};
    const struct atm_profile *f;
    enum atm_status st;
    double all_fast = 0;
    char *json = NULL;
    uint32_t k;

    if (profile_store_asked(c))
        return profile_store(c);
    if (!p.model)
        return atm_fail(ATM_INVAL, "profile: MODEL is missing; see `autotm "
                                   "help profile`");
    st = pipe_until(&p, PIPE_PROFILE);
    if (!st && cli_flag(c, OPT_DRY_RUN))
        st = show_dry_run(&p);
    if (st || cli_flag(c, OPT_DRY_RUN))
        goto out;
    f = p.profile;
    if (c->json) {
        st = atm_profile_to_json(f, &json);
        if (!st)
            printf("%s\n", json);
        goto out;
    }
    for (k = 0; k < f->n_kernels; k++)
        all_fast += f->kernel[k].fast.seconds;
    st = show_kernels(&p);
    printf("\n");
    cli_line("model", "%s", p.model);
    cli_line("measured", "%" PRIu32 " vectors", f->n_measured);
    cli_line("from the store", "%" PRIu32 " vectors", f->n_reused);
    if (cli_flag(c, OPT_REPROFILE))
        cli_line("measured again", "%" PRIu32 " vectors, whose times were off",
                 f->n_drifted);
    cli_line("modelled", "%" PRIu32 " operand costs%s", f->n_modelled,
             pipe_emulated(&p) ? " (emulated slow tier)" : "");
    cli_line("sum of kernels", "%.3f ms, everything fast", 1e3 * all_fast);
    cli_line("slow tier", "%s: read %.1f GB/s, write %.1f GB/s, %.0f ns%s",
             f->spec[1], f->tier[1].read_bw / 1e9, f->tier[1].write_bw / 1e9,
             f->tier[1].latency_s * 1e9,
             pipe_emulated(&p) ? " (emulated)" : "");
    show_overlap(&f->overlap);
out:
    atm_string_free(json);
    pipe_close(&p);
    return st;
}
