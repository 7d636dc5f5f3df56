/* verb_pack.c - autotm pack: address assignment alone, CSV in and out.
 *
 * In: `id,lower,upper,size`, one buffer a line, live in [lower, upper). Out:
 * the same with `offset`. */
#include "cli.h"

#include "arena.h"
#include "clock.h"
#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "id,lower,upper,size"
#define FILE_MAX (UINT64_C(1) << 30)

enum { ID, LOWER, UPPER, SIZE, FIELDS };
static const char *const names[FIELDS] = {"id", "lower", "upper", "size"};

struct row {
    uint64_t field[FIELDS];
    uint32_t line;
};

struct pack {
    struct cli *c;
    const char *path;
    uint32_t n, cap;
    struct row *row;
    struct atm_pack_box *box;
    uint64_t capacity, height, lower_bound; /* capacity 0: none */
    double seconds;
    bool valid;
};

/* ---- reading ---- */

static enum atm_status bad_field(const struct pack *p, uint32_t line,
                                 uint32_t f, const char *what)
{
    return atm_fail(ATM_FORMAT, "%s: line %" PRIu32 ": %s: %s", p->path, line,
                    names[f], what);
}

/* A decimal number that fills the text up to a comma or the line's end. */
static const char *read_field(const char *at, uint64_t *value)
{
    const char *begin = at;

    for (*value = 0; *at >= '0' && *at <= '9'; at++) {
        uint64_t d = (uint64_t)(*at - '0');

        if (*value > (UINT64_MAX - d) / 10)
            return NULL;
        *value = *value * 10 + d;
    }
    return at == begin ? NULL : at;
}

static enum atm_status read_row(struct pack *p, const char *at, const char *end,
                                uint32_t line)
{
    struct row *r, *grown;
    uint32_t f;

    grown =
        atm_arena_grow(p->c->arena, p->row, &p->cap, p->n + 1, sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    p->row = grown;
    r = &p->row[p->n++];
    r->line = line;
    for (f = 0; f < FIELDS; f++) {
        at = read_field(at, &r->field[f]);
        if (!at)
            return bad_field(p, line, f,
                             "a whole number below 2^64 is "
                             "expected");
        if (f + 1 < FIELDS && *at++ != ',')
            return bad_field(p, line, f + 1,
                             "missing; a line is "
                             "id,lower,upper,size");
    }
    if (at != end)
        return bad_field(p, line, SIZE,
                         "more than four fields, or text after "
                         "the number");
    if (r->field[LOWER] > r->field[UPPER])
        return bad_field(p, line, UPPER, "it is before lower");
    return ATM_OK;
}

static enum atm_status read_rows(struct pack *p, const char *text, size_t bytes)
{
    const char *at = text, *stop = text + bytes;
    enum atm_status st = ATM_OK;
    uint32_t line = 0;

    if (memchr(text, 0, bytes))
        return atm_fail(ATM_FORMAT, "%s: a zero byte; this is no CSV", p->path);
    while (at < stop && !st) {
        const char *next = memchr(at, '\n', (size_t)(stop - at)), *end;

        next = next ? next : stop;
        end = next > at && next[-1] == '\r' ? next - 1 : next;
        line++;
        if (line == 1 && ((size_t)(end - at) != strlen(HEAD) ||
                          memcmp(at, HEAD, strlen(HEAD)) != 0))
            st = atm_fail(ATM_FORMAT,
                          "%s: line 1: the head \"" HEAD "\" is expected",
                          p->path);
        else if (line > 1)
            st = read_row(p, at, end, line);
        at = next + 1;
    }
    if (!st && !line)
        st = atm_fail(ATM_FORMAT,
                      "%s: empty; the head \"" HEAD "\" is expected", p->path);
    return st;
}

static int by_id(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a;
    const struct row *y = *(const struct row *const *)b;

    if (x->field[ID] != y->field[ID])
        return x->field[ID] < y->field[ID] ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

static enum atm_status check_ids(struct pack *p)
{
    struct row **r = atm_arena_array(p->c->arena, p->n, sizeof(struct row *));
    uint32_t i;

    if (!r)
        return ATM_NOMEM;
    for (i = 0; i < p->n; i++)
        r[i] = &p->row[i];
    qsort(r, p->n, sizeof(struct row *), by_id);
    for (i = 1; i < p->n; i++)
        if (r[i]->field[ID] == r[i - 1]->field[ID])
            return atm_fail(ATM_FORMAT,
                            "%s: line %" PRIu32 ": id: %" PRIu64
                            " is that of line %" PRIu32 " too",
                            p->path, r[i]->line, r[i]->field[ID],
                            r[i - 1]->line);
    return ATM_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Times as they are where they fit, since lengths guide the search; else their
 * ranks, which say as much of what meets what. */
static enum atm_status make_boxes(struct pack *p)
{
    uint64_t *time = atm_arena_array(p->c->arena, 2 * (size_t)p->n, 8);
    uint32_t nt = 0, i, f;

    p->box = atm_arena_array(p->c->arena, p->n, sizeof(*p->box));
    if (!p->box || !time)
        return ATM_NOMEM;
    for (i = 0; i < p->n; i++) {
        time[2 * i] = p->row[i].field[LOWER];
        time[2 * i + 1] = p->row[i].field[UPPER];
    }
    qsort(time, 2 * (size_t)p->n, 8, by_value);
    for (i = 0; i < 2 * p->n; i++)
        if (!i || time[i] != time[nt - 1])
            time[nt++] = time[i];
    for (i = 0; i < p->n; i++) {
        uint32_t t[2];

        for (f = 0; f < 2; f++) {
            const uint64_t *v = &p->row[i].field[LOWER + f];

            t[f] =
                nt && time[nt - 1] <= UINT32_MAX
                    ? (uint32_t)*v
                    : (uint32_t)((uint64_t *)bsearch(v, time, nt, 8, by_value) -
                                 time);
        }
        p->box[i] = (struct atm_pack_box){.bytes = p->row[i].field[SIZE],
                                          .align = 1,
                                          .lower = t[0],
                                          .upper = t[1]};
    }
    return ATM_OK;
}

static enum atm_status read_csv(struct pack *p)
{
    char *text = NULL;
    size_t bytes;
    enum atm_status st = atm_file_read(p->path, FILE_MAX, &text, &bytes);

    if (!st)
        st = read_rows(p, text, bytes);
    atm_free(text);
    if (!st)
        st = check_ids(p);
    return st ? st : make_boxes(p);
}

/* ---- the answer ---- */

static int by_lower(const void *a, const void *b)
{
    const struct atm_pack_box *x = *(const struct atm_pack_box *const *)a;
    const struct atm_pack_box *y = *(const struct atm_pack_box *const *)b;

    return x->lower < y->lower ? -1 : x->lower > y->lower;
}

/* Looks at each two buffers that are live at once; shares nothing with the
 * packer. */
static enum atm_status check_answer(struct pack *p)
{
    const struct atm_pack_box **b =
        atm_arena_array(p->c->arena, p->n, sizeof(*b));
    uint32_t n_live = 0, i, j,
             *live = atm_arena_array(p->c->arena, p->n, sizeof(*live));

    if (!b || !live)
        return ATM_NOMEM;
    for (i = 0; i < p->n; i++)
        b[i] = &p->box[i];
    qsort(b, p->n, sizeof(*b), by_lower);
    for (i = 0; i < p->n; i++) {
        if (b[i]->offset > p->height || b[i]->bytes > p->height - b[i]->offset)
            return atm_fail(ATM_INTERNAL, "pack: a buffer ends above the "
                                          "height");
        if (b[i]->lower == b[i]->upper || !b[i]->bytes)
            continue;
        for (j = 0; j < n_live;) {
            const struct atm_pack_box *o = b[live[j]];

            if (o->upper <= b[i]->lower) {
                live[j] = live[--n_live];
                continue;
            }
            if (o->offset < b[i]->offset + b[i]->bytes &&
                b[i]->offset < o->offset + o->bytes)
                return atm_fail(ATM_INTERNAL, "pack: two buffers overlap");
            j++;
        }
        live[n_live++] = i;
    }
    p->valid = !p->capacity || p->height <= p->capacity;
    return ATM_OK;
}

static enum atm_status write_csv(const struct pack *p, const char *path)
{
    size_t bytes = sizeof(HEAD ",offset\n") + (size_t)p->n * 5 * 21, at;
    char *text = atm_alloc(bytes);
    enum atm_status st;
    uint32_t i;

    if (!text)
        return ATM_NOMEM;
    at = (size_t)snprintf(text, bytes, HEAD ",offset\n");
    for (i = 0; i < p->n; i++)
        at += (size_t)snprintf(
            text + at, bytes - at,
            "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
            p->row[i].field[ID], p->row[i].field[LOWER], p->row[i].field[UPPER],
            p->row[i].field[SIZE], p->box[i].offset);
    st = atm_file_put(path, text, cli_flag(p->c, OPT_FORCE));
    atm_free(text);
    return st;
}

static enum atm_status show_json(const struct pack *p)
{
    return cli_print_json(json_pack(
        "{s:o, s:I, s:I, s:b, s:f}", "capacity",
        p->capacity ? json_integer((json_int_t)p->capacity) : json_null(),
        "height", (json_int_t)p->height, "lower_bound",
        (json_int_t)p->lower_bound, "valid", p->valid, "seconds", p->seconds));
}

static void show(const struct pack *p)
{
    char x[64];

    cli_line("buffers", "%" PRIu32, p->n);
    if (p->capacity)
        cli_line("capacity", "%s", cli_bytes_exact(p->capacity, x));
    cli_line(
        "height", "%s, %.3f %% above the bound", cli_bytes_exact(p->height, x),
        p->lower_bound ? 100 * ((double)p->height / (double)p->lower_bound - 1)
                       : 0);
    cli_line("lower bound", "%s", cli_bytes_exact(p->lower_bound, x));
    cli_line("found in", "%.2f s", p->seconds);
}

static bool stopped(void *user)
{
    (void)user;
    return cli_interrupted();
}

static enum atm_status solve(struct pack *p)
{
    double start = atm_now_s(), limit;
    enum atm_status st = cli_real(p->c, OPT_TIME_LIMIT, 0, &limit);

    if (st)
        return st;
    cli_interrupt_defer(true);
    st = atm_pack_hard(p->box, p->n, p->capacity, limit, stopped, NULL,
                       &p->height, &p->lower_bound);
    cli_interrupt_defer(false);
    if (!st && cli_interrupted())
        cli_warn(p->c, "interrupted: this is the lowest packing found so far");
    p->seconds = atm_now_s() - start;
    return st ? st : check_answer(p);
}

enum atm_status verb_pack(struct cli *c)
{
    struct pack p = {.c = c, .path = c->arg[0]};
    const char *out = cli_text(c, OPT_OUTPUT);
    enum atm_status st;

    if (out && strcmp(out, "-") != 0 && !cli_flag(c, OPT_FORCE) &&
        access(out, F_OK) == 0)
        return atm_fail(ATM_INVAL, "%s exists; use -f to overwrite it", out);
    st = cli_count(c, OPT_CAPACITY, 0, 1, INT64_MAX, &p.capacity);
    if (!st)
        st = read_csv(&p);
    if (!st)
        st = solve(&p);
    if (!st && p.valid && (out || !c->json))
        st = write_csv(&p, out ? out : "-");
    if (!st && c->json)
        st = show_json(&p);
    else if (!st && p.valid && out && strcmp(out, "-") != 0)
        show(&p);
    if (!st && !p.valid)
        st = atm_fail(ATM_INFEASIBLE,
                      "%s: the capacity of %" PRIu64 " bytes is missed: a "
                      "packing of %" PRIu64 " was found, and no packing is "
                      "below %" PRIu64 "; %s",
                      p.path, p.capacity, p.height, p.lower_bound,
                      p.lower_bound > p.capacity
                          ? "the capacity is too small"
                          : "a longer --time-limit may do");
    return st;
}
