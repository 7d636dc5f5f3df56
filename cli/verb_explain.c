/* verb_explain.c - autotm explain: why a tensor is where a plan has it, or why
 * a kernel runs as it does. */
#include "cli.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_SHOWN 12
#define OCCUPANTS_SHOWN 12

struct subject {
    struct cli *c;
    const struct atm_problem *p;
    const struct atm_placement *a;
    const char *const *tensor_name; /* null: as the problem has them */
};

static const char *tensor_name(const struct subject *s, uint32_t t)
{
    const char *name =
        s->tensor_name ? s->tensor_name[t] : s->p->tensor[t].name;

    return name ? name : atm_arena_printf(s->c->arena, "t%" PRIu32, t);
}

static const char *kernel_name(const struct subject *s, uint32_t k)
{
    const char *name = s->p->kernel[k].name;

    return name && *name ? name : "?";
}

/* ---- which one is meant ---- */

/* "t12" and "k12": by number. */
static bool by_number(const char *text, char letter, uint32_t n, uint32_t *id)
{
    char *end;
    unsigned long v;

    if (text[0] != letter || text[1] < '0' || text[1] > '9')
        return false;
    v = strtoul(text + 1, &end, 10);
    *id = (uint32_t)v;
    return *end == '\0' && v < n;
}

static enum atm_status find(const struct subject *s, const char *text,
                            uint32_t *tensor, uint32_t *kernel)
{
    uint32_t i, found = 0;

    *tensor = *kernel = ATM_NONE;
    for (i = 0; i < s->p->n_tensors; i++)
        if (strcmp(tensor_name(s, i), text) == 0) {
            *tensor = i;
            found++;
        }
    for (i = 0; i < s->p->n_kernels && *tensor == ATM_NONE; i++)
        if (strcmp(kernel_name(s, i), text) == 0) {
            *kernel = *kernel == ATM_NONE ? i : *kernel;
            found++;
        }
    if (found > 1)
        return atm_fail(ATM_INVAL,
                        "explain: %" PRIu32 " %s are called "
                        "\"%s\"; the first is %c%" PRIu32,
                        found, *tensor == ATM_NONE ? "kernels" : "tensors",
                        text, *tensor == ATM_NONE ? 'k' : 't',
                        *tensor == ATM_NONE ? *kernel : *tensor);
    if (found == 1 || by_number(text, 't', s->p->n_tensors, tensor))
        return ATM_OK;
    *tensor = ATM_NONE;
    if (by_number(text, 'k', s->p->n_kernels, kernel))
        return ATM_OK;
    return atm_fail(ATM_INVAL,
                    "explain: no tensor or kernel is called \"%s\"; "
                    "t0 to t%" PRIu32 " and k0 to k%" PRIu32
                    " name them by number",
                    text, s->p->n_tensors - 1, s->p->n_kernels - 1);
}

/* ---- a tensor ---- */

static const char *const choice_name[ATM_CHOICES] = {
    [ATM_CHOICE_PLAN] = "as planned",
    [ATM_CHOICE_BEST] = "best that fits",
    [ATM_CHOICE_FAST] = "fast at every use",
    [ATM_CHOICE_SLOW] = "slow at every use",
    [ATM_CHOICE_RESIDENT] = "resident",
};

static json_t *tensor_json(const struct subject *s, uint32_t t,
                           const struct atm_explained_tensor *x)
{
    json_t *stations = json_array(), *choices = json_array();
    json_t *storage = json_array();
    double now = x->choice[ATM_CHOICE_PLAN].seconds;
    uint32_t i;

    for (i = 0; i < x->n_tensors; i++)
        (void)json_array_append_new(storage,
                                    json_string(tensor_name(s, x->tensor[i])));
    for (i = 0; i < x->n_stations; i++) {
        const struct atm_explained_station *q = &x->station[i];

        (void)json_array_append_new(
            stations,
            json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:b, s:f}", "kernel",
                      (json_int_t)q->kernel, "name", kernel_name(s, q->kernel),
                      "writes", q->writes, "fast", q->fast, "kept_after",
                      q->kept, "fetched", q->fetched, "evicted", q->evicted,
                      "memory_seconds", q->price_s));
    }
    for (i = 0; i < ATM_CHOICES; i++) {
        const struct atm_choice *q = &x->choice[i];

        (void)json_array_append_new(
            choices,
            json_pack(
                "{s:s, s:b, s:o, s:o, s:o, s:I, s:o}", "choice", choice_name[i],
                "legal", q->legal, "seconds",
                cli_json_real(q->legal ? q->seconds : NAN), "change_seconds",
                cli_json_real(q->legal ? q->seconds - now : NAN),
                "memory_seconds", cli_json_real(q->legal ? q->memory_s : NAN),
                "lacking_bytes", (json_int_t)q->lacking_bytes, "lacking_kernel",
                q->lacking_kernel == ATM_NONE
                    ? json_null()
                    : json_integer((json_int_t)q->lacking_kernel)));
    }
    return json_pack("{s:s, s:I, s:o, s:I, s:b, s:f, s:f, s:I, s:o, s:o}",
                     "tensor", tensor_name(s, t), "id", (json_int_t)t,
                     "storage", storage, "bytes", (json_int_t)x->bytes,
                     "resident", x->resident, "fetch_seconds", x->fetch_s,
                     "evict_seconds", x->evict_s, "budget_bytes",
                     (json_int_t)s->a->budget_bytes, "stations", stations,
                     "choices", choices);
}

static enum atm_status show_stations(const struct subject *s,
                                     const struct atm_explained_tensor *x)
{
    static const char *const head[] = {"kernel>",   "name",  "use",
                                       "there",     "moves", "memory worth>",
                                       "afterwards"};
    struct atm_arena *arena = s->c->arena;
    const char **cell =
        atm_arena_array(arena, (size_t)x->n_stations * 7, sizeof(*cell));
    char buf[64];
    uint32_t i;

    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < x->n_stations; i++) {
        const struct atm_explained_station *q = &x->station[i];
        const char **row = cell + (size_t)i * 7;

        row[0] = atm_arena_printf(arena, "k%" PRIu32, q->kernel);
        row[1] = kernel_name(s, q->kernel);
        row[2] = q->writes ? "writes" : "reads";
        row[3] = q->fast ? "fast" : "slow";
        row[4] = q->fetched && q->evicted ? "fetched, evicted"
                 : q->fetched             ? "fetched"
                 : q->evicted             ? "evicted"
                                          : "";
        row[5] = q->fast ? atm_arena_strdup(arena, cli_seconds(q->price_s, buf))
                         : "";
        row[6] = q->kept ? "kept" : "";
        if (!row[0] || !row[5])
            return ATM_NOMEM;
    }
    return cli_table(head, 7, cell, x->n_stations);
}

static enum atm_status show_choices(const struct subject *s,
                                    const struct atm_explained_tensor *x)
{
    static const char *const head[] = {"choice", "iteration>", "change>",
                                       "memory worth>", "does it fit"};
    struct atm_arena *arena = s->c->arena;
    double now = x->choice[ATM_CHOICE_PLAN].seconds;
    const char *cell[ATM_CHOICES * 5];
    char buf[64];
    uint32_t i;

    for (i = 0; i < ATM_CHOICES; i++) {
        const struct atm_choice *q = &x->choice[i];
        const char **row = cell + i * 5;

        row[0] = choice_name[i];
        row[1] = row[2] = row[3] = "";
        row[4] = "not legal for it";
        if (!q->legal)
            continue;
        row[1] = atm_arena_strdup(arena, cli_seconds(q->seconds, buf));
        row[2] = atm_arena_printf(arena, "%+.3f ms", 1e3 * (q->seconds - now));
        row[3] = atm_arena_strdup(arena, cli_seconds(q->memory_s, buf));
        row[4] = "yes";
        if (q->lacking_bytes)
            row[4] = atm_arena_printf(arena, "lacks %s at k%" PRIu32 " \"%s\"",
                                      cli_bytes(q->lacking_bytes, buf),
                                      q->lacking_kernel,
                                      kernel_name(s, q->lacking_kernel));
        if (!row[1] || !row[2] || !row[3] || !row[4])
            return ATM_NOMEM;
    }
    return cli_table(head, 5, cell, ATM_CHOICES);
}

static enum atm_status explain_tensor(const struct subject *s, uint32_t t)
{
    struct atm_explained_tensor x;
    enum atm_status st = atm_explain_tensor(s->p, s->a, t, s->c->arena, &x);
    char a[64], b[64];
    uint32_t i;

    if (st)
        return st;
    if (s->c->json)
        return cli_print_json(tensor_json(s, t, &x));
    cli_line("tensor", "t%" PRIu32 " \"%s\"%s%s", t, tensor_name(s, t),
             s->p->tensor[t].kind ? ", " : "",
             s->p->tensor[t].kind ? s->p->tensor[t].kind : "");
    for (i = 0; i < x.n_tensors && x.n_tensors > 1; i++)
        cli_line(i ? "" : "one storage", "t%" PRIu32 " \"%s\"", x.tensor[i],
                 tensor_name(s, x.tensor[i]));
    cli_line("size", "%s, a fetch %s, an eviction %s",
             cli_bytes_exact(x.bytes, a), cli_seconds(x.fetch_s, b),
             cli_seconds(x.evict_s, (char[64]){0}));
    cli_line("plan", "%s, budget %s",
             x.resident ? "resident: in fast memory all the time"
                        : "as the table says",
             cli_bytes_exact(s->a->budget_bytes, a));
    (void)putchar('\n');
    st = show_stations(s, &x);
    (void)putchar('\n');
    return st ? st : show_choices(s, &x);
}

/* ---- a kernel ---- */

static int by_seconds(const void *x, const void *y)
{
    const struct atm_explained_entry *a = x, *b = y;

    return a->seconds < b->seconds ? -1 : a->seconds > b->seconds;
}

static bool is_planned(const struct atm_explained_kernel *x,
                       const struct atm_explained_entry *e)
{
    return e->variant == x->variant && e->slow == x->slow;
}

static json_t *operands_json(const struct subject *s, uint32_t k,
                             const struct atm_explained_kernel *x)
{
    const struct atm_variant *v = &s->p->kernel[k].variant[x->variant];
    json_t *list = json_array();
    uint32_t i;

    for (i = 0; i < v->t.n; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:I, s:b, s:b}", "name",
                            tensor_name(s, v->operand[i]), "id",
                            (json_int_t)v->operand[i], "written", i >= v->n_in,
                            "slow", (int)(x->slow >> i & 1)));
    return list;
}

static json_t *kernel_json(const struct subject *s, uint32_t k,
                           const struct atm_explained_kernel *x)
{
    json_t *entries = json_array(), *holders = json_array();
    uint32_t i;

    for (i = 0; i < x->n_entries; i++) {
        const struct atm_explained_entry *e = &x->entry[i];

        (void)json_array_append_new(
            entries,
            json_pack("{s:I, s:I, s:f, s:I, s:b, s:b}", "variant",
                      (json_int_t)e->variant, "slow_mask", (json_int_t)e->slow,
                      "seconds", e->seconds, "fast_bytes", (json_int_t)e->bytes,
                      "fits", e->fits, "planned", is_planned(x, e)));
    }
    for (i = 0; i < x->n_occupants; i++)
        (void)json_array_append_new(
            holders, json_pack("{s:s, s:I, s:I, s:b}", "name",
                               tensor_name(s, x->occupant[i].tensor), "id",
                               (json_int_t)x->occupant[i].tensor, "bytes",
                               (json_int_t)x->occupant[i].bytes, "operand",
                               x->occupant[i].operand));
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:f, s:o, s:o, s:o}",
        "kernel", kernel_name(s, k), "id", (json_int_t)k, "variant",
        (json_int_t)x->variant, "slow_mask", (json_int_t)x->slow, "seconds",
        x->seconds, "budget_bytes", (json_int_t)s->a->budget_bytes,
        "fast_bytes", (json_int_t)x->held_bytes, "scratch_bytes",
        (json_int_t)x->scratch_bytes, "seconds_per_gib", x->price * 0x1p30,
        "operands", operands_json(s, k, x), "entries", entries, "occupants",
        holders);
}

static enum atm_status show_operands(const struct subject *s, uint32_t k,
                                     const struct atm_explained_kernel *x)
{
    static const char *const head[] = {"bit>", "operand", "use", "there",
                                       "size>"};
    const struct atm_variant *v = &s->p->kernel[k].variant[x->variant];
    struct atm_arena *arena = s->c->arena;
    const char **cell =
        atm_arena_array(arena, (size_t)v->t.n * 5, sizeof(*cell));
    char buf[64];
    uint32_t i;

    if (!cell)
        return ATM_NOMEM;
    for (i = 0; i < v->t.n; i++) {
        const char **row = cell + (size_t)i * 5;

        row[0] = atm_arena_printf(arena, "%" PRIu32, i);
        row[1] = tensor_name(s, v->operand[i]);
        row[2] = i < v->n_in ? "reads" : "writes";
        row[3] = x->slow >> i & 1 ? "slow" : "fast";
        row[4] = atm_arena_strdup(
            arena, cli_bytes(s->p->tensor[v->operand[i]].bytes, buf));
        if (!row[0] || !row[1] || !row[4])
            return ATM_NOMEM;
    }
    return cli_table(head, 5, cell, v->t.n);
}

/* Bits of the operands, the first one on the left; 1: slow. */
static const char *mask_text(struct atm_arena *arena, uint64_t slow, uint32_t n)
{
    char text[65];
    uint32_t i;

    for (i = 0; i < n && i < 64; i++)
        text[i] = slow >> i & 1 ? 's' : 'f';
    text[i] = '\0';
    return atm_arena_strdup(arena, text);
}

/* The planned entry, the fastest ones, and no more. */
static enum atm_status show_entries(const struct subject *s, uint32_t k,
                                    const struct atm_explained_kernel *x)
{
    static const char *const head[] = {"operands",     "variant>", "time>",
                                       "fast memory>", "fits",     ""};
    struct atm_arena *arena = s->c->arena;
    const char *cell[(ENTRIES_SHOWN + 1) * 6];
    uint32_t i, n = 0;
    char buf[64];

    for (i = 0; i < x->n_entries; i++) {
        const struct atm_explained_entry *e = &x->entry[i];
        const struct atm_variant *v = &s->p->kernel[k].variant[e->variant];
        const char **row = cell + n * 6;

        if ((n >= ENTRIES_SHOWN && !is_planned(x, e)) || n > ENTRIES_SHOWN)
            continue;
        row[0] = mask_text(arena, e->slow, v->t.n);
        row[1] = atm_arena_printf(arena, "%" PRIu32, e->variant);
        row[2] = atm_arena_strdup(arena, cli_seconds(e->seconds, buf));
        row[3] = atm_arena_strdup(arena, cli_bytes(e->bytes, buf));
        row[4] = e->fits ? "yes" : "no";
        row[5] = is_planned(x, e) ? "<-- planned" : "";
        if (!row[0] || !row[1] || !row[2] || !row[3])
            return ATM_NOMEM;
        n++;
    }
    if (x->n_entries > n)
        cli_line("entries", "%" PRIu32 " of %" PRIu32 ": the fastest", n,
                 x->n_entries);
    return cli_table(head, 6, cell, n);
}

static enum atm_status show_occupants(const struct subject *s,
                                      const struct atm_explained_kernel *x)
{
    static const char *const head[] = {"in fast memory", "size>", "why"};
    struct atm_arena *arena = s->c->arena;
    const char *cell[(OCCUPANTS_SHOWN + 1) * 3];
    uint64_t rest = 0;
    uint32_t i, n = 0;
    char buf[64];

    for (i = 0; i < x->n_occupants; i++) {
        const struct atm_occupant *o = &x->occupant[i];

        if (i >= OCCUPANTS_SHOWN) {
            rest += o->bytes;
            continue;
        }
        cell[n * 3] = tensor_name(s, o->tensor);
        cell[n * 3 + 1] = atm_arena_strdup(arena, cli_bytes(o->bytes, buf));
        cell[n * 3 + 2] = o->operand ? "operand" : "kept across";
        if (!cell[n * 3] || !cell[n * 3 + 1])
            return ATM_NOMEM;
        n++;
    }
    if (rest) {
        cell[n * 3] =
            atm_arena_printf(arena, "%" PRIu32 " more", x->n_occupants - n);
        cell[n * 3 + 1] = atm_arena_strdup(arena, cli_bytes(rest, buf));
        cell[n * 3 + 2] = "";
        if (!cell[n * 3] || !cell[n * 3 + 1])
            return ATM_NOMEM;
        n++;
    }
    return cli_table(head, 3, cell, n);
}

static enum atm_status explain_kernel(const struct subject *s, uint32_t k)
{
    struct atm_explained_kernel x;
    enum atm_status st = atm_explain_kernel(s->p, s->a, k, s->c->arena, &x);
    char a[64], b[64];

    if (st)
        return st;
    qsort(x.entry, x.n_entries, sizeof(*x.entry), by_seconds);
    if (s->c->json)
        return cli_print_json(kernel_json(s, k, &x));
    cli_line("kernel", "k%" PRIu32 " \"%s\", variant %" PRIu32, k,
             kernel_name(s, k), x.variant);
    cli_line("time", "%s as planned", cli_seconds(x.seconds, a));
    cli_line("fast memory", "%s of %s", cli_bytes_exact(x.held_bytes, a),
             cli_bytes_exact(s->a->budget_bytes, b));
    cli_line("scratch", "%s", cli_bytes(x.scratch_bytes, a));
    cli_line("1 MiB more here", "saves %s, say the prices",
             cli_seconds(x.price * 0x1p20, a));
    (void)putchar('\n');
    st = show_operands(s, k, &x);
    (void)putchar('\n');
    if (!st && x.n_entries)
        st = show_entries(s, k, &x);
    (void)putchar('\n');
    return st ? st : show_occupants(s, &x);
}

/* ---- the verb ---- */

/* The problem with moves at `share` of what they take alone. */
static enum atm_status with_moves(const struct subject *s, double share,
                                  struct atm_problem *out)
{
    const struct atm_problem *p = s->p;
    struct atm_problem_tensor *t =
        atm_arena_memdup(s->c->arena, p->tensor, p->n_tensors * sizeof(*t));
    double latency = p->move_latency_s;
    uint32_t i;

    if (!t)
        return ATM_NOMEM;
    *out = *p;
    out->tensor = t;
    for (i = 0; i < p->n_tensors; i++) {
        double bytes = (double)t[i].bytes;

        if (!t[i].fetch_given)
            t[i].fetch_s = latency + bytes / p->async.read_bw;
        if (!t[i].evict_given)
            t[i].evict_s = latency + bytes / p->async.write_bw;
        t[i].fetch_s *= share;
        t[i].evict_s *= share;
    }
    return ATM_OK;
}

/* Of moves beside kernels the plan pays a part: what it takes beyond its
 * kernels alone, over what its moves take alone. Other choices are judged at
 * that price. */
static enum atm_status beside(struct subject *s, struct atm_problem *priced,
                              bool *other)
{
    double kernels, all, objective = s->a->objective, share;
    enum atm_status st =
        s->p->has_async
            ? with_moves(s, 0, priced)
            : atm_fail(ATM_STALE, "explain: the plan's moves "
                                  "overlap kernels, in this problem "
                                  "none do");

    if (!st)
        st = atm_placement_seconds(priced, s->a, &kernels);
    if (!st)
        st = with_moves(s, 1, priced);
    if (!st)
        st = atm_placement_seconds(priced, s->a, &all);
    if (st)
        return st;
    *other = objective < kernels * (1 - 1e-6) - 1e-9 ||
             objective > all * (1 + 1e-6) + 1e-9;
    share = 0;
    if (all > kernels)
        share = fmax((objective - kernels) / (all - kernels), 0);
    if (!s->c->json)
        cli_line("moves",
                 "run beside kernels: %.0f %% of their time shows, "
                 "and so much of it is counted below",
                 100 * share);
    st = with_moves(s, share, priced);
    s->p = priced;
    return st;
}

static enum atm_status explain(struct subject s, const char *text)
{
    struct atm_problem priced;
    uint32_t tensor, kernel;
    double seconds, slack;
    enum atm_status st;
    bool other = false;

    if (s.a->asynchronous) {
        st = beside(&s, &priced, &other);
    } else {
        st = atm_placement_seconds(s.p, s.a, &seconds);
        slack = 1e-6 * fabs(s.a->objective) + 1e-9;
        other = fabs(seconds - s.a->objective) > slack;
    }
    if (!st && other)
        st = atm_fail(ATM_STALE,
                      "explain: the plan says %.6g s, which its choices do "
                      "not take in this problem: it was made for another one",
                      s.a->objective);
    if (!st)
        st = find(&s, text, &tensor, &kernel);
    if (st)
        return st;
    return tensor != ATM_NONE ? explain_tensor(&s, tensor)
                              : explain_kernel(&s, kernel);
}

static enum atm_status of_problem(struct cli *c, const char *file)
{
    struct atm_problem *p = NULL;
    struct atm_placement *a = NULL;
    enum atm_status st = atm_problem_read(file, &p);

    if (!st)
        st = atm_problem_check(p);
    if (!st)
        st = atm_placement_read(c->arg[0], p, &a);
    if (!st)
        st = explain((struct subject){c, p, a, NULL}, c->arg[1]);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
    return st;
}

static enum atm_status of_model(struct cli *c)
{
    struct pipe p = {.c = c, .model = c->arg[2]};
    struct atm_placement *a = NULL;
    const char *warning = NULL;
    enum atm_status st = atm_schedule_read(c->arg[0], &p.schedule);

    if (!st)
        st = pipe_until(&p, PIPE_PROBLEM);
    if (!st)
        st = atm_schedule_match(p.schedule, p.program, p.profile, &warning);
    if (!st && warning)
        cli_warn(c, "%s", warning);
    if (!st)
        st = atm_placement_of_schedule(p.schedule, p.problem, &a);
    if (!st)
        st = explain((struct subject){c, p.problem, a, p.schedule->tensor_name},
                     c->arg[1]);
    atm_placement_delete(&a);
    pipe_close(&p);
    return st;
}

enum atm_status verb_explain(struct cli *c)
{
    const char *file = cli_text(c, OPT_PROBLEM);

    if ((c->n_args == 3) == (file != NULL))
        return atm_fail(ATM_INVAL, "explain: PLAN, what to explain, and then "
                                   "a MODEL or --problem FILE; see `autotm "
                                   "help explain`");
    return file ? of_problem(c, file) : of_model(c);
}
