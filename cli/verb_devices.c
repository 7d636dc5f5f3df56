/* verb_devices.c - autotm devices: each kind of tier, usable or why not, and
 * what DRAM gives on this machine. */
#include "cli.h"

#include "arena.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Specs worth showing of a kind that has several: its shipped profiles. */
static const char *const shown[] = {"dram",
                                    "emu:profile=optane6",
                                    "emu:profile=optane1",
                                    "emu:profile=cxl-near",
                                    "emu:profile=cxl-far",
                                    "emu:profile=remote-numa",
                                    "emu:profile=nvme4"};
#define SHOWN_MAX 64
#define COLUMNS 7

struct row {
    const char *spec, *help;
    struct atm_tier_info info;
    enum atm_status st;
    const char *why; /* not usable */
};

static bool kind_shown(const char *kind)
{
    size_t i, n = strlen(kind);

    for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (strncmp(shown[i], kind, n) == 0 &&
            (shown[i][n] == ':' || shown[i][n] == '\0'))
            return true;
    return false;
}

static enum atm_status probe(struct cli *c, const char *spec, double read_bw,
                             double write_bw, struct row *r)
{
    const struct atm_tier_ops *ops = NULL;

    r->spec = spec;
    r->st = atm_tier_probe(spec, read_bw, write_bw, &r->info, &ops);
    r->help = ops ? ops->help : "";
    r->why = r->st ? atm_arena_strdup(c->arena, atm_errmsg()) : "";
    return r->why ? ATM_OK : ATM_NOMEM;
}

static json_t *row_json(const struct row *r)
{
    const struct atm_tier_info *t = &r->info;

    if (r->st)
        return json_pack("{s:s, s:b, s:s}", "spec", r->spec, "usable", 0,
                         "reason", r->why);
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:f, s:f, s:f}", "spec", r->spec,
        "kind", t->kind, "help", r->help, "usable", 1, "emulated",
        (t->caps & ATM_TIER_EMULATED) != 0, "addressable",
        (t->caps & ATM_TIER_ADDRESSABLE) != 0, "size_bytes",
        t->size == UINT64_MAX ? json_null() : json_integer((json_int_t)t->size),
        "read_bw", t->read_bw, "write_bw", t->write_bw, "latency_seconds",
        t->latency_s);
}

static enum atm_status show(struct cli *c, const struct row *row, uint32_t n)
{
    static const char *const head[COLUMNS] = {
        "TIER",        "USABLE",      "ACCESS", "READ GB/s>",
        "WRITE GB/s>", "LATENCY ns>", "TIMES"};
    const char *cell[COLUMNS * SHOWN_MAX];
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct atm_tier_info *t = &row[i].info;
        const char **x = &cell[COLUMNS * i];

        x[0] = row[i].spec;
        x[1] = row[i].st ? "no" : "yes";
        if (row[i].st) {
            x[2] = x[3] = x[4] = x[5] = "";
            x[6] = row[i].why;
            continue;
        }
        x[2] = t->caps & ATM_TIER_ADDRESSABLE ? "in place" : "move only";
        x[3] = atm_arena_printf(c->arena, "%.1f", t->read_bw / 1e9);
        x[4] = atm_arena_printf(c->arena, "%.1f", t->write_bw / 1e9);
        x[5] = atm_arena_printf(c->arena, "%.0f", t->latency_s * 1e9);
        x[6] = t->caps & ATM_TIER_EMULATED ? "emulated" : "measured";
        if (!x[3] || !x[4] || !x[5])
            return ATM_NOMEM;
    }
    return cli_table(head, COLUMNS, cell, n);
}

enum atm_status verb_devices(struct cli *c)
{
    const char *slow = cli_text(c, OPT_SLOW), *warning;
    struct row row[SHOWN_MAX];
    struct atm_store *store;
    double read_bw, write_bw;
    uint32_t i, n = 0;
    uint64_t threads;
    enum atm_status st;
    json_t *all;

    st = cli_count(c, OPT_THREADS, (uint64_t)atm_default_threads(), 1, 4096,
                   &threads);
    if (st)
        return st;
    st = atm_store_open(cli_text(c, OPT_STORE), &store, &warning);
    if (st)
        return st;
    if (warning)
        cli_warn(c, "%s", warning);
    st = atm_store_dram(store, (int)threads, &read_bw, &write_bw);
    atm_store_close(&store);
    for (i = 0; i < sizeof(shown) / sizeof(shown[0]) && !st && !slow; i++)
        st = probe(c, shown[i], read_bw, write_bw, &row[n++]);
    for (i = 0; atm_tier_kind_at(i) && n < SHOWN_MAX && !st && !slow; i++)
        if (!kind_shown(atm_tier_kind_at(i)->kind))
            st = probe(c, atm_tier_kind_at(i)->kind, read_bw, write_bw,
                       &row[n++]);
    if (!st && slow)
        st = probe(c, slow, read_bw, write_bw, &row[n++]);
    if (st)
        return st;
    if (!c->json) {
        st = show(c, row, n);
        printf("\nDRAM, measured on %d threads: read %.1f GB/s, write %.1f "
               "GB/s\n",
               (int)threads, read_bw / 1e9, write_bw / 1e9);
        return st;
    }
    all = json_array();
    for (i = 0; i < n; i++)
        (void)json_array_append_new(all, row_json(&row[i]));
    return cli_print_json(json_pack("{s:o, s:i, s:f, s:f}", "tiers", all,
                                    "threads", (int)threads, "dram_read_bw",
                                    read_bw, "dram_write_bw", write_bw));
}
