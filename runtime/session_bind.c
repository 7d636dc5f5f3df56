/* session_bind.c - from a checked schedule to addresses and modelled costs. */
#include "session.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>

static bool covers(const struct atm_residence *x, uint32_t t)
{
    return x->first_step <= x->last_step
               ? x->first_step <= t && t <= x->last_step
               : t >= x->first_step || t <= x->last_step;
}

static struct atm__range range_of(struct atm_session *s, uint32_t r)
{
    const struct atm_residence *x = &s->s->residence[r];

    return (struct atm__range){&s->store[x->tier], x->offset,
                               x->tensor == ATM_NONE
                                   ? s->p->kernel[x->kernel].scratch_bytes
                                   : s->p->tensor[x->tensor].bytes};
}

/* ---- where things are at a step ---------------------------------------- */

/* Residences of each tensor, in the order of tiers: residence ids
 * list[of[t]..of[t + 1]); scratch of kernel k is that of "tensor"
 * n_tensors + k. */
struct finder {
    uint32_t *of, *list;
};

static uint32_t owner(const struct atm_session *s, uint32_t r)
{
    const struct atm_residence *x = &s->s->residence[r];

    return x->tensor == ATM_NONE ? s->p->n_tensors + x->kernel : x->tensor;
}

static enum atm_status finder_init(const struct atm_session *s,
                                   struct finder *f)
{
    size_t n = (size_t)s->p->n_tensors + s->p->n_kernels;
    uint32_t tier, r;
    size_t i;

    f->of = atm_arena_array(s->arena, n + 2, sizeof(*f->of));
    f->list = atm_arena_array(s->arena, s->s->n_residences, sizeof(*f->list));
    if (!f->of || !f->list)
        return ATM_NOMEM;
    for (r = 0; r < s->s->n_residences; r++)
        f->of[owner(s, r) + 2]++;
    for (i = 2; i < n + 2; i++)
        f->of[i] += f->of[i - 1];
    for (tier = 0; tier < s->s->n_tiers; tier++)
        for (r = 0; r < s->s->n_residences; r++)
            if (s->s->residence[r].tier == tier)
                f->list[f->of[owner(s, r) + 1]++] = r;
    return ATM_OK;
}

/* The residence in the lowest tier that covers step t; the checker has seen
 * that there is one. */
static uint32_t find(const struct atm_session *s, const struct finder *f,
                     uint32_t what, uint32_t t)
{
    uint32_t i;

    for (i = f->of[what]; i < f->of[what + 1]; i++)
        if (covers(&s->s->residence[f->list[i]], t))
            return f->list[i];
    return ATM_NONE;
}

/* ---- steps ------------------------------------------------------------- */

static enum atm_status bind_operands(struct atm_session *s,
                                     const struct finder *f, uint32_t t,
                                     const struct atm_operand *op, uint32_t n,
                                     void ***to)
{
    const struct atm_kernel *k = &s->p->kernel[s->s->step[t].kernel];
    uint32_t i;

    *to = atm_arena_array(s->arena, n, sizeof(**to));
    if (!*to)
        return ATM_NOMEM;
    for (i = 0; i < n; i++) {
        struct atm__range at;

        if (op[i].tensor == ATM_NONE)
            continue;
        at = range_of(s, find(s, f, op[i].tensor, t));
        if (!at.store->base && k->kind == ATM_KERNEL_RUN)
            return atm_fail(ATM_FORMAT,
                            "schedule: step %" PRIu32 " runs \"%s\" on \"%s\" "
                            "in %s, which has no addresses: it must be "
                            "fetched first",
                            t, k->name, s->p->tensor[op[i].tensor].name,
                            at.store->ops->kind);
        (*to)[i] = at.store->base ? at.store->base + at.off : NULL;
    }
    return ATM_OK;
}

/* Seconds that each operand in an emulated tier costs: the formula of the
 * profile, over the bytes that the kernel touches. */
static enum atm_status bind_costs(struct atm_session *s, const struct finder *f,
                                  uint32_t t)
{
    uint32_t id = s->s->step[t].kernel, i, n, n_in;
    const struct atm_kernel *k = &s->p->kernel[id];
    uint32_t cap = k->n_in + k->n_out;
    uint32_t *tensor = atm_arena_array(s->arena, cap, sizeof(*tensor));
    uint64_t *read = atm_arena_array(s->arena, cap, sizeof(*read));
    uint64_t *written = atm_arena_array(s->arena, cap, sizeof(*written));
    struct atm__step *st = &s->step[t];
    uint64_t mask = 0;

    st->slow_s = atm_arena_array(s->arena, cap, sizeof(*st->slow_s));
    st->latency_s = atm_arena_array(s->arena, cap, sizeof(*st->latency_s));
    if (!tensor || !read || !written || !st->slow_s || !st->latency_s)
        return ATM_NOMEM;
    if (k->kind != ATM_KERNEL_RUN)
        return ATM_OK; /* LOAD and FEED take no time wherever they write */
    n = atm_kernel_operands(s->p, id, cap, tensor, read, written, &n_in);
    for (i = 0; i < n; i++) {
        const struct atm_tier_info *info =
            &range_of(s, find(s, f, tensor[i], t)).store->info;

        if (!(info->caps & ATM_TIER_EMULATED))
            continue;
        st->slow_s[st->n_slow] = (double)read[i] / info->read_bw +
                                 (double)written[i] / info->write_bw;
        st->latency_s[st->n_slow++] = info->latency_s;
        mask |= i < 64 ? UINT64_C(1) << i : 0;
    }
    if (s->clock == ATM_CLOCK_TABLE) {
        const struct atm_kernel_time *time = &s->o.profile->kernel[id];

        st->table_s = time->table
                          ? time->table[mask].seconds
                          : atm_clock_kernel(time->fast.seconds, st->n_slow,
                                             st->slow_s, st->latency_s);
    }
    return ATM_OK;
}

static enum atm_status bind_run(struct atm_session *s, const struct finder *f,
                                uint32_t t)
{
    uint32_t id = s->s->step[t].kernel;
    const struct atm_kernel *k = &s->p->kernel[id];
    struct atm__step *st = &s->step[t];
    enum atm_status status;

    status = bind_operands(s, f, t, k->in, k->n_in, &st->in);
    if (!status)
        status = bind_operands(s, f, t, k->out, k->n_out, &st->out);
    if (!status)
        status = bind_costs(s, f, t);
    if (status)
        return status;
    if (k->scratch_bytes > 0) {
        struct atm__range at = range_of(s, find(s, f, s->p->n_tensors + id, t));

        if (!at.store->base)
            return atm_fail(ATM_FORMAT,
                            "schedule: tier 0 (%s) has no "
                            "addresses",
                            at.store->ops->kind);
        st->scratch = at.store->base + at.off;
    }
    if (k->kind == ATM_KERNEL_FEED) {
        st->feed = range_of(s, find(s, f, k->out[0].tensor, t));
        st->feed.bytes = s->input_bytes[id - 1];
    }
    return ATM_OK;
}

static enum atm_status bind_move(struct atm_session *s, uint32_t t)
{
    const struct atm_step *m = &s->s->step[t];
    struct atm__step *st = &s->step[t];
    const char *name = s->p->tensor[m->tensor].name;

    st->from = range_of(s, m->from);
    st->to = range_of(s, m->to);
    st->outward = s->s->residence[m->to].tier > s->s->residence[m->from].tier;
    if (!st->from.store->base && !st->to.store->base)
        return atm_fail(ATM_UNSUPPORTED,
                        "schedule: step %" PRIu32 " moves "
                        "\"%s\" from %s to %s: one must be memory",
                        t, name, st->from.store->ops->kind,
                        st->to.store->ops->kind);
    if (m->kind == ATM_STEP_MOVE && s->o.fault == ATM_FAULT_LATE &&
        s->o.fault_move == s->n_jobs)
        return atm_fail(ATM_INVAL,
                        "fault in move %" PRIu32 ": no kernel runs beside it",
                        s->n_jobs);
    if (m->kind != ATM_STEP_WAIT)
        st->job = s->n_jobs++;
    st->move_s = atm__move_seconds(&st->from, &st->to);
    return ATM_OK;
}

/* ---- poison ------------------------------------------------------------ */

static bool is_prev(const struct atm_program *p, uint32_t tensor)
{
    uint32_t i;

    for (i = 0; i < p->n_carries; i++)
        if (p->carry[i].prev == tensor)
            return true;
    return false;
}

/* A residence keeps its bytes at its last step when they go on: an arg's that
 * spans the iteration, or where another tensor takes over the very place - at
 * the same step as an in-place pair, or at step 0 as a carry. */
static bool bytes_go_on(const struct atm_session *s, uint32_t r,
                        const bool *prologue, const uint32_t *by_first_of,
                        const uint32_t *by_first)
{
    const struct atm_residence *x = &s->s->residence[r], *y;
    uint32_t n = s->s->n_steps, t = x->last_step, i;

    if (x->tensor == ATM_NONE)
        return false;
    if (x->first_step == 0 && t == n - 1 && s->p->tensor[x->tensor].arg &&
        !is_prev(s->p, x->tensor))
        return true;
    for (i = by_first_of[t]; i < by_first_of[t + 1]; i++) {
        y = &s->s->residence[by_first[i]];
        if (by_first[i] != r && y->tier == x->tier && y->offset == x->offset)
            return true;
    }
    for (i = by_first_of[0]; t == n - 1 && i < by_first_of[1]; i++) {
        y = &s->s->residence[by_first[i]];
        if (prologue[by_first[i]] && is_prev(s->p, y->tensor) &&
            y->tier == x->tier && y->offset == x->offset)
            return true;
    }
    return false;
}

/* A residence finds its bytes in place at its first step: what the prologue
 * or a carry left there, or the in of a pair. */
static bool bytes_are_there(const struct atm_session *s, uint32_t r,
                            const bool *prologue, const uint32_t *by_last_of,
                            const uint32_t *by_last)
{
    const struct atm_residence *x = &s->s->residence[r], *y;
    uint32_t t = x->first_step, i;

    if (x->tensor == ATM_NONE)
        return false;
    if (prologue[r] && t == 0)
        return true;
    for (i = by_last_of[t]; i < by_last_of[t + 1]; i++) {
        y = &s->s->residence[by_last[i]];
        if (by_last[i] != r && y->tier == x->tier && y->offset == x->offset)
            return true;
    }
    return false;
}

/* Residences by their first or last step, as CSR. */
static enum atm_status by_step(const struct atm_session *s, bool last,
                               uint32_t **of, uint32_t **list)
{
    const struct atm_residence *x = s->s->residence;
    uint32_t r, t, *n;

    n = atm_arena_array(s->arena, (size_t)s->s->n_steps + 2, sizeof(*n));
    *list = atm_arena_array(s->arena, s->s->n_residences, sizeof(**list));
    if (!n || !*list)
        return ATM_NOMEM;
    for (r = 0; r < s->s->n_residences; r++)
        n[(last ? x[r].last_step : x[r].first_step) + 2]++;
    for (t = 2; t < s->s->n_steps + 2; t++)
        n[t] += n[t - 1];
    for (r = 0; r < s->s->n_residences; r++)
        (*list)[n[(last ? x[r].last_step : x[r].first_step) + 1]++] = r;
    *of = n;
    return ATM_OK;
}

/* Before step t: the residences that ended at t - 1 (at step 0, those of the
 * last step: outputs are read between iterations), then those that begin. */
static enum atm_status bind_poison(struct atm_session *s)
{
    uint32_t *first_of, *first, *last_of, *last, t, i, n = s->s->n_steps;
    struct atm__poison_list *l = &s->poison;
    bool *prologue;
    enum atm_status st;

    prologue = atm_arena_array(s->arena, s->s->n_residences, sizeof(*prologue));
    l->of = atm_arena_array(s->arena, (size_t)n + 1, sizeof(*l->of));
    l->list = atm_arena_array(s->arena, (size_t)s->s->n_residences * 2,
                              sizeof(*l->list));
    if (!prologue || !l->of || !l->list)
        return ATM_NOMEM;
    for (i = 0; i < s->s->n_prologue; i++)
        prologue[s->s->prologue[i]] = true;
    st = by_step(s, false, &first_of, &first);
    if (!st)
        st = by_step(s, true, &last_of, &last);
    if (st)
        return st;
    for (t = 0; t < n; t++) {
        uint32_t before = t > 0 ? t - 1 : n - 1;

        l->of[t + 1] = l->of[t];
        for (i = last_of[before]; i < last_of[before + 1]; i++)
            if (!bytes_go_on(s, last[i], prologue, first_of, first))
                l->list[l->of[t + 1]++] = range_of(s, last[i]);
        for (i = first_of[t]; i < first_of[t + 1]; i++)
            if (!bytes_are_there(s, first[i], prologue, last_of, last))
                l->list[l->of[t + 1]++] = range_of(s, first[i]);
    }
    return ATM_OK;
}

enum atm_status atm__session_bind(struct atm_session *s)
{
    uint32_t t, i, n = s->s->n_steps;
    struct finder f;
    enum atm_status st;

    s->step = atm_arena_array(s->arena, n, sizeof(*s->step));
    s->time = atm_arena_array(s->arena, n, sizeof(*s->time));
    s->input = atm_arena_array(s->arena, s->p->n_inputs, sizeof(*s->input));
    s->input_bytes =
        atm_arena_array(s->arena, s->p->n_inputs, sizeof(*s->input_bytes));
    s->output = atm_arena_array(s->arena, s->p->n_outputs, sizeof(*s->output));
    if (!s->step || !s->time || !s->input || !s->input_bytes || !s->output)
        return ATM_NOMEM;
    st = finder_init(s, &f);
    for (i = 0; !st && i < s->p->n_inputs; i++) {
        const struct atm_tensor *x = &s->p->tensor[s->p->input[i]];

        st = atm_shape_bytes(&x->shape, x->dtype, &s->input_bytes[i]);
    }
    for (t = 0; !st && t < n; t++)
        st = s->s->step[t].kind == ATM_STEP_RUN ? bind_run(s, &f, t)
                                                : bind_move(s, t);
    for (i = 0; !st && i < s->p->n_outputs; i++)
        s->output[i] = range_of(s, find(s, &f, s->p->output[i].tensor, n - 1));
    if (!st && s->o.fault && s->o.fault_move >= s->n_jobs)
        return atm_fail(ATM_INVAL,
                        "fault in move %" PRIu32 ": the schedule "
                        "has %" PRIu32,
                        s->o.fault_move, s->n_jobs);
    return !st && s->o.verify ? bind_poison(s) : st;
}

/* ---- names for memory that fails ----------------------------------------- */

int atm__session_name(const void *session, const void *address, char *text,
                      size_t cap)
{
    const struct atm_session *s = session;
    uint32_t tier, r;

    for (tier = 0; tier < s->n_open; tier++) {
        const struct atm__store *store = &s->store[tier];
        uint64_t off = (uint64_t)((const unsigned char *)address - store->base);

        if (!store->base || off >= store->bytes)
            continue;
        for (r = 0; r < s->s->n_residences; r++) {
            const struct atm_residence *x = &s->s->residence[r];

            if (x->tier == tier && x->tensor != ATM_NONE && covers(x, s->at) &&
                off >= x->offset &&
                off - x->offset < s->p->tensor[x->tensor].bytes)
                break;
        }
        (void)snprintf(text, cap, "step %" PRIu32 ", \"%s\" in %s, offset "
                       "%" PRIu64, s->at,
                       r < s->s->n_residences
                           ? s->p->tensor[s->s->residence[r].tensor].name
                           : "scratch",
                       s->s->tier[tier].spec, off);
        return 1;
    }
    return 0;
}
