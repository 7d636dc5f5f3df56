/* verb_zoo.c - autotm zoo: lists the networks, or writes one as ONNX. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *network_name(uint32_t i)
{
    const struct atm_zoo_network *z = atm_zoo_at(i);

    return z ? z->name : NULL;
}

static enum atm_status list(const struct cli *c)
{
    const char *head[] = {"NETWORK", "DESCRIPTION"}, *cell[2 * 64];
    const struct atm_zoo_network *z;
    json_t *all = json_array();
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < 64 && (z = atm_zoo_at(i)); i++) {
        cell[2 * i] = z->name;
        cell[2 * i + 1] = z->help;
        (void)json_array_append_new(
            all, json_pack("{s:s, s:s}", "name", z->name, "help", z->help));
    }
    if (c->json)
        return cli_print_json(all);
    json_decref(all);
    st = cli_table(head, 2, cell, i);
    return st;
}

enum atm_status verb_zoo(struct cli *c)
{
    const struct atm_zoo_network *z;
    const char *path = cli_text(c, OPT_OUTPUT);
    char default_path[128], text[64];
    struct atm_graph *g = NULL;
    uint64_t batch, seed;
    enum atm_status st;
    struct stat sb;

    if (c->n_args == 0)
        return list(c);
    z = atm_zoo_find(c->arg[0]);
    if (!z) {
        const char *near = cli_nearest(c->arg[0], network_name);

        return near ? atm_fail(ATM_INVAL,
                               "zoo: no network \"%s\"; did you "
                               "mean \"%s\"?",
                               c->arg[0], near)
                    : atm_fail(ATM_INVAL,
                               "zoo: no network \"%s\"; `autotm "
                               "zoo` lists them",
                               c->arg[0]);
    }
    st = cli_count(c, OPT_BATCH, 1, 1, 65536, &batch);
    if (!st)
        st = cli_count(c, OPT_SEED, 0, 0, UINT64_MAX, &seed);
    if (st)
        return st;
    if (!path) {
        (void)snprintf(default_path, sizeof(default_path), "%s.onnx", z->name);
        path = default_path;
    }
    cli_interrupt_defer(true); /* nothing half-written */
    st = z->build((int64_t)batch, seed, &g);
    if (!st)
        st = atm_onnx_export(g, path, true);
    atm_graph_delete(&g);
    cli_interrupt_defer(false);
    if (!st && cli_interrupted())
        return atm_fail(ATM_INTERRUPTED, "zoo: interrupted; %s is whole", path);
    if (st)
        return st;
    if (stat(path, &sb) != 0)
        sb.st_size = 0;
    if (c->json)
        return cli_print_json(
            json_pack("{s:s, s:s, s:I, s:I, s:I}", "network", z->name, "path",
                      path, "batch", (json_int_t)batch, "seed",
                      (json_int_t)seed, "bytes", (json_int_t)sb.st_size));
    cli_line("network", "%s (%s)", z->name, z->help);
    cli_line("written", "%s, %s, batch %" PRIu64, path,
             cli_bytes_exact((uint64_t)sb.st_size, text), batch);
    return ATM_OK;
}
