/* verb_devices.c - autotm devices: each kind of tier, usable or why not, and
 * what DRAM gives on this machine. */
#include "cli.h"

#include "arena.h"

#include <inttypes.h>
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
#define NODE_MAX 63
#define BLOCKS_MAX 8 /* sizes of a block in a curve */

struct row {
    const char *spec, *help;
    struct atm_tier_info info;
    enum atm_status st;
    const char *why; /* not usable */
    bool measured;   /* by --calibrate, now or before */
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

/* A real tier's figures are a prior until it is calibrated. */
static enum atm_status known(struct atm_store *store, struct row *r)
{
    struct atm_curve_point p[ATM_CURVE_MAX];
    enum atm_status st;
    uint32_t n = 0;

    if (r->st || r->info.caps & ATM_TIER_EMULATED)
        return ATM_OK;
    st = atm_store_curve(store, r->spec, p, ATM_CURVE_MAX, &n);
    r->measured = n > 0 || strcmp(r->spec, "dram") == 0;
    if (!st && n > 0) {
        atm_curve_knee(p, n, ATM_READ, &r->info.read_bw, &r->info.read_par);
        atm_curve_knee(p, n, ATM_WRITE, &r->info.write_bw, &r->info.write_par);
    }
    return st;
}

static const char *times(const struct row *r)
{
    return r->info.caps & ATM_TIER_EMULATED ? "emulated"
           : r->measured                    ? "measured"
           : r->info.firmware               ? "from firmware (HMAT)"
                                            : "assumed";
}

static json_t *row_json(const struct row *r)
{
    const struct atm_tier_info *t = &r->info;

    if (r->st)
        return json_pack("{s:s, s:b, s:s}", "spec", r->spec, "usable", 0,
                         "reason", r->why);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:f, s:f, s:f}", "spec",
        r->spec, "kind", t->kind, "help", r->help, "times", times(r), "note",
        t->note, "usable", 1, "emulated", (t->caps & ATM_TIER_EMULATED) != 0,
        "addressable", (t->caps & ATM_TIER_ADDRESSABLE) != 0, "size_bytes",
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
        x[6] = t->note[0] ? atm_arena_printf(c->arena, "%s; %s", times(&row[i]),
                                             t->note)
                          : times(&row[i]);
        if (!x[3] || !x[4] || !x[5] || !x[6])
            return ATM_NOMEM;
    }
    return cli_table(head, COLUMNS, cell, n);
}

/* Each node of the machine but the first, which is DRAM as a rule. */
static enum atm_status probe_nodes(struct cli *c, double read_bw,
                                   double write_bw, struct row *row,
                                   uint32_t *n)
{
    enum atm_status st = ATM_OK;
    int node;

    for (node = 1; node <= NODE_MAX && *n < SHOWN_MAX && !st; node++) {
        const char *spec = atm_arena_printf(c->arena, "numa:node=%d", node);

        st = spec ? probe(c, spec, read_bw, write_bw, &row[*n]) : ATM_NOMEM;
        *n += !st && !row[*n].st;
    }
    return st;
}

static enum atm_status probe_all(struct cli *c, struct atm_store *store,
                                 double read_bw, double write_bw,
                                 struct row *row, uint32_t *n)
{
    const char *slow = cli_text(c, OPT_SLOW);
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < sizeof(shown) / sizeof(shown[0]) && !st && !slow; i++)
        st = probe(c, shown[i], read_bw, write_bw, &row[(*n)++]);
    for (i = 0; atm_tier_kind_at(i) && *n < SHOWN_MAX && !st && !slow; i++)
        if (!kind_shown(atm_tier_kind_at(i)->kind))
            st = probe(c, atm_tier_kind_at(i)->kind, read_bw, write_bw,
                       &row[(*n)++]);
    if (!st && !slow)
        st = probe_nodes(c, read_bw, write_bw, row, n);
    if (!st && slow)
        st = probe(c, slow, read_bw, write_bw, &row[(*n)++]);
    for (i = 0; i < *n && !st; i++)
        st = known(store, &row[i]);
    return st;
}

/* ---- --calibrate ----------------------------------------------------------
 */

static const char *const direction[] = {"read", "write", "mixed"};

static json_t *curve_json(const struct atm_curve_point *p, uint32_t n)
{
    json_t *all = json_array();
    uint32_t i;

    for (i = 0; i < n; i++)
        (void)json_array_append_new(
            all,
            json_pack("{s:s, s:i, s:I, s:f}", "direction",
                      direction[p[i].direction], "at_once", p[i].par,
                      "block_bytes", (json_int_t)p[i].block, "bw", p[i].bw));
    return all;
}

/* A row a direction and number at once, a column a size of blocks; points come
 * by number, direction, size. */
static enum atm_status curve_table(struct cli *c,
                                   const struct atm_curve_point *p, uint32_t n)
{
    const char *head[2 + BLOCKS_MAX] = {"GB/s", "AT ONCE>"};
    const char *cell[(2 + BLOCKS_MAX) * ATM_CURVE_MAX], **x = cell;
    uint32_t columns = 2, rows = 0, i, k, d;

    for (i = 0; i < n && p[i].direction == p[0].direction &&
                p[i].par == p[0].par && columns < 2 + BLOCKS_MAX;
         i++)
        head[columns++] =
            atm_arena_printf(c->arena, "%" PRIu64 " KiB>", p[i].block >> 10);
    for (d = 0; d < 3; d++)
        for (i = 0; i < n; i++) {
            if (p[i].direction != d || p[i].block != p[0].block)
                continue;
            x[0] = direction[d];
            x[1] = atm_arena_printf(c->arena, "%d", p[i].par);
            for (k = 2; k < columns; k++)
                x[k] = "-"; /* too large for so many at once */
            for (k = 0; k + 2 < columns && i + k < n &&
                        p[i + k].direction == d && p[i + k].par == p[i].par;
                 k++)
                x[2 + k] =
                    atm_arena_printf(c->arena, "%.2f", p[i + k].bw / 1e9);
            x += columns;
            rows++;
        }
    for (i = 0; i < columns * rows; i++)
        if (!cell[i])
            return ATM_NOMEM;
    return cli_table(head, columns, cell, rows);
}

static enum atm_status show_curve(struct cli *c, const char *spec,
                                  const struct atm_curve_point *p, uint32_t n)
{
    enum atm_status st;
    double bw;
    uint32_t i;
    int par;

    if (c->json)
        return cli_print_json(
            json_pack("{s:s, s:o}", "spec", spec, "curve", curve_json(p, n)));
    st = curve_table(c, p, n);
    printf("\n");
    for (i = 0; i < 3 && !st; i++) {
        atm_curve_knee(p, n, (enum atm_direction)i, &bw, &par);
        cli_line(direction[i], "%.2f GB/s, within 5 %% from %d at once",
                 bw / 1e9, par);
    }
    return st;
}

static enum atm_status calibrate(struct cli *c, struct atm_store *store,
                                 int threads)
{
    const char *spec = cli_text(c, OPT_SLOW);
    struct atm_curve_point p[ATM_CURVE_MAX];
    enum atm_status st;
    uint32_t n;

    if (!spec)
        return atm_fail(ATM_INVAL, "--calibrate: name the tier with --slow");
    st = atm_store_calibrate(store, spec, threads, p, ATM_CURVE_MAX, &n);
    return st ? st : show_curve(c, spec, p, n);
}

enum atm_status verb_devices(struct cli *c)
{
    struct row row[SHOWN_MAX];
    struct atm_store *store;
    const char *warning;
    double read_bw, write_bw;
    uint32_t i, n = 0;
    uint64_t threads;
    enum atm_status st;
    json_t *all;

    memset(row, 0, sizeof(row));
    st = cli_count(c, OPT_THREADS, (uint64_t)atm_default_threads(), 1, 4096,
                   &threads);
    if (st)
        return st;
    st = atm_store_open(cli_text(c, OPT_STORE), &store, &warning);
    if (st)
        return st;
    if (warning)
        cli_warn(c, "%s", warning);
    if (cli_flag(c, OPT_CALIBRATE)) {
        st = calibrate(c, store, (int)threads);
        atm_store_close(&store);
        return st;
    }
    st = atm_store_dram(store, (int)threads, &read_bw, &write_bw);
    if (!st)
        st = probe_all(c, store, read_bw, write_bw, row, &n);
    atm_store_close(&store);
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
