/* profile_store.c - what the store holds, out to lines of JSON, in from them,
 * and without other machines. */
#include "profile_store.h"

#include "arena.h"
#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((uint64_t)1 << 32)
#define TEXT_MAX 1024 /* of a machine or a tier in an imported line */

bool profile_store_asked(const struct cli *c)
{
    return cli_flag(c, OPT_LIST) || cli_flag(c, OPT_EXPORT) ||
           cli_flag(c, OPT_IMPORT) || cli_flag(c, OPT_PRUNE);
}

/* ---- list ---------------------------------------------------------------- */

struct listing {
    struct cli *c;
    json_t *rows;
    const char **cell;
    uint32_t n, cap;
};

static enum atm_status list_row(void *user, const struct atm_store_summary *r)
{
    struct listing *l = user;
    const char **x;

    l->cell = atm_arena_grow(l->c->arena, l->cell, &l->cap, 4 * (l->n + 1),
                             sizeof(*l->cell));
    if (!l->cell)
        return ATM_NOMEM;
    x = &l->cell[4 * l->n++];
    x[0] = atm_arena_printf(l->c->arena, "%s%s", r->description,
                            r->this_machine ? " (this one)" : "");
    x[1] = r->tier[0] ? atm_arena_strdup(l->c->arena, r->tier) : "all fast";
    x[2] = atm_arena_printf(l->c->arena, "%" PRIu64, r->vectors);
    x[3] = atm_arena_printf(l->c->arena, "%" PRIu64, r->samples);
    (void)json_array_append_new(
        l->rows,
        json_pack("{s:s, s:b, s:s, s:I, s:I}", "machine", r->description,
                  "this_machine", r->this_machine, "tier", r->tier, "vectors",
                  (json_int_t)r->vectors, "samples", (json_int_t)r->samples));
    return x[0] && x[1] && x[2] && x[3] ? ATM_OK : ATM_NOMEM;
}

static enum atm_status list(struct cli *c, struct atm_store *store)
{
    static const char *const head[] = {"MACHINE", "SLOW TIER", "VECTORS>",
                                       "SAMPLES>"};
    struct listing l = {.c = c, .rows = json_array()};
    enum atm_status st = atm_store_list(store, list_row, &l);

    if (!st && c->json)
        return cli_print_json(l.rows);
    json_decref(l.rows);
    if (!st && l.n == 0)
        cli_say(c, "the store is empty");
    return st || l.n == 0 ? st : cli_table(head, 4, l.cell, l.n);
}

/* ---- export and import ----------------------------------------------------
 */

static enum atm_status write_row(void *user, const struct atm_store_row *r)
{
    char machine[ATM_HASH_STR], signature[ATM_HASH_STR];
    struct atm_file *f = user;
    enum atm_status st;
    json_t *row;
    char *text;

    row = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f}", "machine",
                    atm_hash_str(r->machine, machine), "description",
                    r->description, "signature",
                    atm_hash_str(r->signature, signature), "tier", r->tier,
                    "mask", (json_int_t)r->mask, "sweep", (json_int_t)r->sweep,
                    "instance", (json_int_t)r->instance, "seconds", r->seconds);
    text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    json_decref(row);
    if (!text)
        return atm_fail(ATM_FORMAT, "profile store: a row is no UTF-8");
    st = atm_file_write(f, text, strlen(text));
    if (!st)
        st = atm_file_write(f, "\n", 1);
    free(text);
    return st;
}

static enum atm_status export_to(struct cli *c, struct atm_store *store)
{
    struct atm_file f;
    enum atm_status st;

    st = atm_file_create(cli_text(c, OPT_EXPORT), cli_flag(c, OPT_FORCE), &f);
    if (st)
        return st;
    st = atm_store_export(store, write_row, &f);
    if (!st)
        return atm_file_commit(&f);
    atm_file_abort(&f);
    return st;
}

static enum atm_status read_row(const char *line, size_t n,
                                struct atm_store *store)
{
    const char *machine, *signature;
    json_int_t mask, sweep, instance;
    struct atm_store_row r;
    enum atm_status st = ATM_FORMAT;
    json_error_t e;
    json_t *row = json_loadb(line, n, JSON_REJECT_DUPLICATES, &e);

    if (!row)
        return atm_fail(ATM_FORMAT, "%s", e.text);
    if (json_unpack_ex(
            row, &e, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:F}",
            "machine", &machine, "description", &r.description, "signature",
            &signature, "tier", &r.tier, "mask", &mask, "sweep", &sweep,
            "instance", &instance, "seconds", &r.seconds) != 0)
        st = atm_fail(ATM_FORMAT, "%s", e.text);
    else if (!atm_hash_parse(machine, &r.machine) ||
             !atm_hash_parse(signature, &r.signature))
        st = atm_fail(ATM_FORMAT, "a hash has 32 hexadecimal digits");
    else if (mask < 0 || sweep < 0 || sweep > UINT32_MAX || instance < 0 ||
             instance > UINT32_MAX || !(r.seconds > 0 && r.seconds < 1e6) ||
             (mask > 0 && !r.tier[0]) || strlen(r.tier) > TEXT_MAX ||
             strlen(r.description) > TEXT_MAX)
        st = atm_fail(ATM_FORMAT, "a number or text is out of range");
    else {
        r.mask = (uint64_t)mask;
        r.sweep = (uint32_t)sweep;
        r.instance = (uint32_t)instance;
        st = atm_store_import(store, &r);
    }
    json_decref(row);
    return st;
}

static enum atm_status import_from(struct cli *c, struct atm_store *store)
{
    const char *path = cli_text(c, OPT_IMPORT), *at;
    enum atm_status st;
    uint64_t line = 0;
    size_t bytes;
    char *text;

    st = atm_file_read(path, FILE_MAX, &text, &bytes);
    if (st)
        return st;
    st = atm_store_import_begin(store);
    for (at = text; !st && at < text + bytes;) {
        size_t n = strcspn(at, "\n");

        line++;
        if (n > 0)
            st = read_row(at, n, store);
        at += n + 1;
    }
    if (st)
        st = atm_fail_in(st, "%s: line %" PRIu64, path, line);
    st = atm_store_import_end(store, st);
    atm_free(text);
    if (!st)
        cli_say(c, "%s: %" PRIu64 " samples read", path, line);
    return st;
}

enum atm_status profile_store(struct cli *c)
{
    struct atm_store *store;
    const char *warning;
    uint64_t samples;
    enum atm_status st;

    if (c->n_args > 0)
        return atm_fail(ATM_INVAL, "profile: --list, --export, --import and "
                                   "--prune go without a model");
    st = atm_store_open(cli_text(c, OPT_STORE), &store, &warning);
    if (st)
        return st;
    if (warning)
        cli_warn(c, "%s", warning);
    if (cli_flag(c, OPT_IMPORT))
        st = import_from(c, store);
    if (!st && cli_flag(c, OPT_PRUNE)) {
        st = atm_store_prune(store, &samples);
        if (!st)
            cli_say(c, "%" PRIu64 " samples of other machines are gone",
                    samples);
    }
    if (!st && cli_flag(c, OPT_EXPORT))
        st = export_to(c, store);
    if (!st && cli_flag(c, OPT_LIST))
        st = list(c, store);
    atm_store_close(&store);
    return st;
}
