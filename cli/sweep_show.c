/* sweep_show.c - the curve of time against budget as a table with a plot, as
 * JSON and as CSV. */
#include "sweep.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PLOT_ROWS 12
#define PLOT_COLUMNS 64
#define GIB (1024.0 * 1024 * 1024)
#define MIB (1024.0 * 1024)

/* ---- JSON ---- */

static json_t *certificate_json(const struct sweep *s,
                                const struct sweep_point *p)
{
    struct atm_certificate at;
    json_t *root = NULL;
    char *text;

    if (p->bound_from == ATM_NONE)
        return json_null();
    if (atm_certificate_at(s->problem,
                           &s->point[p->bound_from].placement->certificate,
                           p->bytes, s->c->arena, &at) ||
        atm_certificate_to_json(&at, &text))
        return NULL;
    root = json_loads(text, 0, NULL);
    atm_string_free(text);
    return root;
}

static json_t *budget_json(const struct sweep *s, uint32_t i)
{
    return i == ATM_NONE ? json_null()
                         : json_integer((json_int_t)s->point[i].bytes);
}

static json_t *point_json(const struct sweep *s, const struct sweep_point *p)
{
    json_t *j =
        json_pack("{s:I, s:f, s:b}", "budget_bytes", (json_int_t)p->bytes,
                  "fraction", p->fraction, "feasible", p->plan != ATM_NONE);
    const struct atm_placement *a;

    if (!j || p->plan == ATM_NONE)
        return j;
    a = s->point[p->plan].placement;
    (void)json_object_update_new(
        j, json_pack("{s:f, s:f, s:f, s:I, s:I, s:o, s:o, s:o, s:o, s:b, s:o}",
                     "predicted_seconds", p->seconds, "lower_bound_seconds",
                     p->bound, "gap", p->gap, "fast_peak_bytes",
                     (json_int_t)a->fast_peak_bytes, "moved_bytes",
                     (json_int_t)a->moved_bytes, "plan_budget_bytes",
                     budget_json(s, p->plan), "certificate_budget_bytes",
                     budget_json(s, p->bound_from), "seconds_per_gib",
                     cli_json_real(p->price * GIB), "seconds_per_gib_to_next",
                     cli_json_real(p->to_next * GIB), "knee", p->knee,
                     "certificate", certificate_json(s, p)));
    if (s->read_bw > 0 || s->write_bw > 0)
        (void)json_object_set_new(
            j, "what_if",
            json_pack("{s:f, s:f, s:o}", "lower_bound_seconds", p->other_bound,
                      "plan_seconds", p->other_seconds,
                      "certificate_budget_bytes",
                      budget_json(s, p->other_from)));
    return j;
}

static json_t *sweep_json(const struct sweep *s)
{
    const struct atm_problem *p = s->problem;
    json_t *points = json_array();
    json_t *j = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:I, s:f, s:b, s:o}", "model",
        s->name, "kernel_count", (json_int_t)p->n_kernels, "tensor_count",
        (json_int_t)p->n_tensors, "peak_bytes", (json_int_t)p->peak_bytes,
        "smallest_bytes", (json_int_t)s->least, "smallest_kernel",
        (json_int_t)s->least_kernel, "planner", s->options.planner,
        "gap_target", s->options.gap_target, "plans_made",
        (json_int_t)s->n_planned, "solve_seconds", s->solve_s, "emulated",
        s->emulated, "points", points);
    uint32_t i;

    for (i = 0; i < s->n && j; i++)
        (void)json_array_append_new(points, point_json(s, &s->point[i]));
    if (j && (s->read_bw > 0 || s->write_bw > 0))
        (void)json_object_set_new(j, "what_if",
                                  json_pack("{s:f, s:f}", "read_bw",
                                            s->other.read_bw, "write_bw",
                                            s->other.write_bw));
    if (j && json_array_size(points) != s->n) {
        json_decref(j);
        return NULL;
    }
    return j;
}

/* ---- CSV ---- */

static enum atm_status sweep_csv(const struct sweep *s)
{
    bool other = s->read_bw > 0 || s->write_bw > 0;
    uint32_t i;

    printf("budget_bytes,fraction,predicted_seconds,lower_bound_seconds,gap,"
           "fast_peak_bytes,moved_bytes,plan_budget_bytes,"
           "certificate_budget_bytes,seconds_per_gib,seconds_per_gib_to_next,"
           "knee%s\n",
           other ? ",what_if_plan_seconds,what_if_lower_bound_seconds" : "");
    for (i = 0; i < s->n; i++) {
        const struct sweep_point *p = &s->point[i];
        const struct atm_placement *a;

        printf("%" PRIu64 ",%.9g,", p->bytes, p->fraction);
        if (p->plan == ATM_NONE) {
            printf(",,,,,,,,,%s\n", other ? ",," : "");
            continue;
        }
        a = s->point[p->plan].placement;
        printf("%.17g,%.17g,%.9g,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
               p->seconds, p->bound, p->gap, a->fast_peak_bytes, a->moved_bytes,
               s->point[p->plan].bytes);
        if (p->bound_from != ATM_NONE)
            printf("%" PRIu64, s->point[p->bound_from].bytes);
        (void)putchar(',');
        if (isfinite(p->price))
            printf("%.9g", p->price * GIB);
        (void)putchar(',');
        if (isfinite(p->to_next))
            printf("%.9g", p->to_next * GIB);
        printf(",%d", p->knee);
        if (other)
            printf(",%.17g,%.17g", p->other_seconds, p->other_bound);
        (void)putchar('\n');
    }
    return ATM_OK;
}

/* ---- for people ---- */

static enum atm_status table(const struct sweep *s)
{
    static const char *const heads[] = {
        "budget>",   "of peak>",          "time>", "proven gap>",
        "moved>",    "1 GiB more saves>", "knee",  "plan of>",
        "if: plan>", "if: at least>"};
    bool small = s->problem->peak_bytes < 2 * GIB;
    uint32_t columns = s->read_bw > 0 || s->write_bw > 0 ? 10 : 8, i;
    const char *head[10], **cell;
    struct atm_arena *arena = s->c->arena;
    char x[64];

    memcpy(head, heads, sizeof(head));
    if (small)
        head[5] = "1 MiB more saves>";
    cell = atm_arena_array(arena, (size_t)s->n * columns, sizeof(*cell));
    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < s->n; i++) {
        const struct sweep_point *p = &s->point[i];
        const char **row = cell + (size_t)i * columns;
        double worth;
        uint32_t j;

        for (j = 2; j < columns; j++)
            row[j] = "";
        row[0] = atm_arena_strdup(arena, cli_bytes(p->bytes, x));
        row[1] = atm_arena_printf(arena, "%.1f %%", 100 * p->fraction);
        if (p->plan == ATM_NONE) {
            row[2] = "no plan";
            continue;
        }
        row[2] = atm_arena_strdup(arena, cli_seconds(p->seconds, x));
        row[3] = atm_arena_printf(arena, "%.3f %%", 100 * p->gap);
        row[4] = atm_arena_strdup(
            arena, cli_bytes(s->point[p->plan].placement->moved_bytes, x));
        worth = p->price > 0 ? p->price : p->to_next;
        if (isfinite(worth))
            row[5] = atm_arena_strdup(
                arena, cli_seconds(worth * (small ? MIB : GIB), x));
        row[6] = p->knee ? "<--" : "";
        if (p->plan != i)
            row[7] =
                atm_arena_strdup(arena, cli_bytes(s->point[p->plan].bytes, x));
        if (columns > 8) {
            row[8] = atm_arena_strdup(arena, cli_seconds(p->other_seconds, x));
            row[9] = atm_arena_strdup(arena, cli_seconds(p->other_bound, x));
        }
        for (j = 0; j < columns; j++)
            if (!row[j])
                return ATM_NOMEM;
    }
    return cli_table(head, columns, cell, s->n);
}

/* Time (rows) against budget (columns); '*' a plan, 'O' a knee. */
static void plot(const struct sweep *s)
{
    char canvas[PLOT_ROWS][PLOT_COLUMNS + 1], a[64], b[64];
    const struct sweep_point *first = NULL, *last = NULL;
    uint32_t i, row;

    for (i = 0; i < s->n; i++)
        if (s->point[i].plan != ATM_NONE) {
            first = first ? first : &s->point[i];
            last = &s->point[i];
        }
    if (!first || last->bytes == first->bytes)
        return;
    for (row = 0; row < PLOT_ROWS; row++) {
        memset(canvas[row], ' ', PLOT_COLUMNS);
        canvas[row][PLOT_COLUMNS] = '\0';
    }
    for (i = 0; i < s->n; i++) {
        const struct sweep_point *p = &s->point[i];
        double x, y = 0;

        if (p->plan == ATM_NONE)
            continue;
        x = ((double)p->bytes - (double)first->bytes) /
            ((double)last->bytes - (double)first->bytes);
        if (first->seconds > last->seconds)
            y = (first->seconds - p->seconds) /
                (first->seconds - last->seconds);
        canvas[(int)(y * (PLOT_ROWS - 1) + 0.5)]
              [(int)(x * (PLOT_COLUMNS - 1) + 0.5)] = p->knee ? 'O' : '*';
    }
    (void)putchar('\n');
    for (row = 0; row < PLOT_ROWS; row++) {
        const char *label = row == 0 ? cli_seconds(first->seconds, a)
                            : row + 1 == PLOT_ROWS
                                ? cli_seconds(last->seconds, a)
                                : "";

        printf("%14s |%s\n", label, canvas[row]);
    }
    printf("%14s +", "");
    for (i = 0; i < PLOT_COLUMNS; i++)
        (void)putchar('-');
    printf("\n%14s  %-*s%s\n", "",
           PLOT_COLUMNS - (int)strlen(cli_bytes(last->bytes, b)),
           cli_bytes(first->bytes, a), b);
}

static enum atm_status sweep_human(const struct sweep *s)
{
    const struct atm_problem *p = s->problem;
    const char *name = p->kernel[s->least_kernel].name;
    enum atm_status st;
    char x[64];

    cli_line("model", "%s%s", s->name,
             s->emulated ? ", on an emulated slow tier" : "");
    cli_line("size", "%" PRIu32 " kernels, %" PRIu32 " tensors", p->n_kernels,
             p->n_tensors);
    cli_line("peak", "%s", cli_bytes_exact(p->peak_bytes, x));
    cli_line("smallest budget", "%s, set by kernel %" PRIu32 " \"%s\"",
             cli_bytes_exact(s->least, x), s->least_kernel, name ? name : "");
    cli_line("plans made", "%" PRIu32 " in %.2f s by planner %s", s->n_planned,
             s->solve_s, s->options.planner);
    if (s->read_bw > 0 || s->write_bw > 0) {
        cli_line("what if",
                 "moves at %.4g (read) and %.4g (write) GB/s, "
                 "kernels as they are here",
                 1e-9 * s->other.read_bw, 1e-9 * s->other.write_bw);
        cli_line("  if: plan", "the best of these plans on that machine");
        cli_line("  if: at least", "no plan of that machine is faster: proven "
                                   "by the same prices");
    }
    (void)putchar('\n');
    st = table(s);
    if (!st)
        plot(s);
    return st;
}

enum atm_status sweep_show(const struct sweep *s)
{
    if (s->c->json)
        return cli_print_json(sweep_json(s));
    return s->c->csv ? sweep_csv(s) : sweep_human(s);
}
