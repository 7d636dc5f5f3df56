/* session.c - opens pools, loads weights, and then follows the steps. */
#include "session.h"

#include "arena.h"
#include "clock.h"
#include "fault.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* ---- open -------------------------------------------------------------- */

/* Does what is emulated depend on this machine's own bandwidth? */
static bool needs_calibration(const struct atm_tier_info *info)
{
    return info->clock == ATM_CLOCK_WALL ||
           (info->caps & ATM_TIER_EMULATED &&
            !(info->read_bw > 0 && info->write_bw > 0));
}

/* Emulated tiers play the bandwidths of the plan; where it has none, those of
 * the profile; without one, they are tuned to this machine now. */
static enum atm_status probe_tiers(struct atm_session *s)
{
    const struct atm_profile *p = s->o.profile;
    double rd = p ? p->dram_read_bw : 0, wr = p ? p->dram_write_bw : 0;
    enum atm_status st = ATM_OK;
    bool calibrate = false;
    uint32_t i;

    for (i = 0; !st && i < s->s->n_tiers; i++) {
        st = atm_tier_probe(s->s->tier[i].spec, rd, wr, &s->store[i].info,
                            &s->store[i].ops);
        calibrate |= !st && !p && needs_calibration(&s->store[i].info);
    }
    if (!st && calibrate)
        st = atm_dram_calibrate(s->p->threads, &rd, &wr);
    for (i = 0; !st && i < s->s->n_tiers; i++) {
        struct atm_tier_info *info = &s->store[i].info;

        if (calibrate)
            st = atm_tier_probe(s->s->tier[i].spec, rd, wr, info,
                                &s->store[i].ops);
        else if (p && i < p->n_tiers &&
                 strcmp(p->spec[i], s->s->tier[i].spec) == 0)
            *info = p->tier[i];
        if (!st && s->s->tier[i].read_bw > 0 && s->s->tier[i].write_bw > 0) {
            info->read_bw = s->s->tier[i].read_bw;
            info->write_bw = s->s->tier[i].write_bw;
        }
        if (!(info->caps & ATM_TIER_ADDRESSABLE))
            continue; /* a queue's depth, not our threads */
        if (info->read_par > s->p->threads)
            info->read_par = s->p->threads;
        if (info->write_par > s->p->threads)
            info->write_par = s->p->threads;
    }
    return st;
}

/* One clock for all: that of the emulated tiers. */
static enum atm_status choose_clock(struct atm_session *s)
{
    uint32_t i;

    s->clock = ATM_CLOCK_REAL;
    for (i = 0; i < s->s->n_tiers; i++) {
        const struct atm_tier_info *info = &s->store[i].info;

        if (info->clock == ATM_CLOCK_REAL)
            continue;
        if (s->clock != ATM_CLOCK_REAL && s->clock != info->clock)
            return atm_fail(ATM_INVAL,
                            "tier \"%s\": its clock differs from "
                            "that of the other emulated tiers",
                            s->s->tier[i].spec);
        if (!(info->read_bw > 0 && info->write_bw > 0))
            return atm_fail(ATM_INVAL,
                            "tier \"%s\": its bandwidth is not "
                            "known",
                            s->s->tier[i].spec);
        s->clock = info->clock;
    }
    if (s->clock == ATM_CLOCK_TABLE &&
        (!s->o.profile || s->o.profile->n_kernels != s->p->n_kernels))
        return atm_fail(ATM_INVAL, "clock=table needs the profile of the "
                                   "program");
    return ATM_OK;
}

/* Kernels have the cores: copies beside them take one thread a direction. */
static void spare_cores(struct atm_session *s)
{
    uint32_t i;

    if (s->clock == ATM_CLOCK_VIRTUAL || s->clock == ATM_CLOCK_TABLE ||
        !atm__session_beside(s))
        return;
    for (i = 0; i < s->s->n_tiers; i++)
        s->store[i].info.read_par = s->store[i].info.write_par = 1;
}

static enum atm_status open_stores(struct atm_session *s)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; !st && i < s->s->n_tiers; i++) {
        struct atm__store *store = &s->store[i];

        store->bytes = s->s->tier[i].pool_bytes;
        st = store->ops->open(s->s->tier[i].spec, &store->info, store->bytes,
                              &store->tier);
        if (st)
            break;
        s->n_open++;
        store->base = store->ops->map(store->tier, 0, store->bytes);
    }
    return st;
}

static enum atm_status prepare_verify(struct atm_session *s)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    s->pattern = atm_arena_alloc(s->arena, ATM__BOUNCE_BYTES);
    s->bounce = atm_arena_alloc(s->arena, ATM__BOUNCE_BYTES);
    if (!s->pattern || !s->bounce)
        return ATM_NOMEM;
    atm__poison_fill(s->pattern, ATM__BOUNCE_BYTES);
    for (i = 0; !st && i < s->n_open; i++) {
        const struct atm__range all = {&s->store[i], 0, s->store[i].bytes};

        st = atm__poison(&all, s->pattern);
    }
    return st;
}

/* ---- load -------------------------------------------------------------- */

struct load_target {
    struct atm_session *s;
    uint32_t tensor;
};

/* A slice of an arg to each of its places. */
static enum atm_status put_slice(void *user, uint64_t off, const void *src,
                                 uint64_t bytes)
{
    const struct load_target *t = user;
    const struct atm_schedule *s = t->s->s;
    enum atm_status st = ATM_OK;
    uint32_t i;

    if (off > t->s->p->tensor[t->tensor].bytes ||
        bytes > t->s->p->tensor[t->tensor].bytes - off)
        return atm_fail(ATM_INTERNAL, "\"%s\": loads past its end",
                        t->s->p->tensor[t->tensor].name);
    for (i = 0; !st && i < s->n_prologue; i++) {
        const struct atm_residence *x = &s->residence[s->prologue[i]];
        const struct atm__range to = {&t->s->store[x->tier], x->offset + off,
                                      bytes};

        if (x->tensor == t->tensor && !t->s->lent[i])
            st = atm__put(&to, src);
    }
    return st;
}

/* Is the residence the weight's for the whole cycle, and never moved to? */
static bool stays(const struct atm_schedule *s, uint32_t residence)
{
    const struct atm_residence *x = &s->residence[residence];
    uint32_t t;

    if (x->first_step != 0 || x->last_step != s->n_steps - 1)
        return false;
    for (t = 0; t < s->n_steps; t++)
        if (s->step[t].kind != ATM_STEP_RUN && s->step[t].to == residence)
            return false;
    return true;
}

/* Places of a weight that can be ranges of the model's file; what cannot, for
 * alignment or for want of such a tier, is loaded like any other. *all: nothing
 * is left to load. */
static enum atm_status lend(struct atm_session *s, const struct atm_load *load,
                            bool *all)
{
    const struct atm_graph *g = s->p->graph;
    const struct atm_constant *c = &g->constant[g->value[load->value].constant];
    enum atm_status st = ATM_OK;
    uint32_t i;

    *all = false;
    if (!s->p->no_pack || load->pack || c->kind != ATM_CONST_FILE ||
        g->file_fd[c->file] < 0)
        return ATM_OK;
    *all = true;
    for (i = 0; i < s->s->n_prologue && !st; i++) {
        const struct atm_residence *x = &s->s->residence[s->s->prologue[i]];
        const struct atm__store *store = &s->store[x->tier];

        if (x->tensor != load->tensor)
            continue;
        if (store->ops->lend && stays(s->s, s->s->prologue[i])) {
            st = store->ops->lend(store->tier, x->offset, c->bytes,
                                  g->file_fd[c->file], c->offset);
            s->lent[i] = !st;
            s->lent_bytes += st ? 0 : c->bytes;
            st = st == ATM_UNSUPPORTED ? ATM_OK : st;
        }
        *all = *all && s->lent[i];
    }
    return st;
}

/* The staging of kernel 0 lies clear of all that is loaded, as the checker
 * has seen: the order of loads does not matter. */
static enum atm_status load_all(struct atm_session *s)
{
    enum atm_status st = ATM_OK;
    void *staging = NULL;
    bool lent;
    uint32_t i;

    s->lent = atm_arena_array(s->arena, s->s->n_prologue, sizeof(*s->lent));
    if (!s->lent)
        return ATM_NOMEM;
    for (i = 0; i < s->s->n_steps; i++)
        if (s->s->step[i].kind == ATM_STEP_RUN && s->s->step[i].kernel == 0)
            staging = s->step[i].scratch;
    for (i = 0; !st && i < s->p->n_loads; i++) {
        struct load_target t = {s, s->p->load[i].tensor};

        st = lend(s, &s->p->load[i], &lent);
        if (!st && !lent)
            st = atm_exec_load(s->exec, i, staging, put_slice, &t);
    }
    return st;
}

enum atm_status atm_session_open(const struct atm_program *p,
                                 const struct atm_schedule *schedule,
                                 const struct atm_session_options *o,
                                 struct atm_session **session)
{
    struct atm_arena *arena;
    struct atm_session *s;
    enum atm_status st;

    *session = NULL;
    st = atm_schedule_check(schedule, p);
    if (st)
        return st;
    arena = atm_arena_new();
    if (!arena)
        return ATM_NOMEM;
    s = atm_arena_alloc(arena, sizeof(*s));
    if (!s) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    s->arena = arena;
    s->p = p;
    s->s = schedule;
    if (o)
        s->o = *o;
    st = probe_tiers(s);
    if (!st)
        st = choose_clock(s);
    if (!st)
        spare_cores(s);
    if (!st)
        st = open_stores(s);
    if (!st)
        st = atm__session_bind(s);
    if (!st)
        st = atm__session_moves_open(s);
    if (!st)
        st = atm_exec_open(p, &s->exec);
    if (!st && s->o.verify)
        st = prepare_verify(s);
    if (!st)
        st = load_all(s);
    if (st)
        atm_session_close(&s);
    else
        atm__fault_name(atm__session_name, s);
    *session = s;
    return st;
}

void atm_session_close(struct atm_session **session)
{
    struct atm_session *s = *session;

    if (!s)
        return;
    atm__fault_forget(s);
    atm__engine_close(&s->engine);
    atm_exec_close(&s->exec);
    while (s->n_open-- > 0)
        s->store[s->n_open].ops->close(s->store[s->n_open].tier);
    atm_arena_delete(s->arena);
    *session = NULL;
}

/* ---- run --------------------------------------------------------------- */

static void wait_until(double due)
{
    double left = due - atm_now_s() - 80e-6; /* a sleep's overshoot */

    if (left > 0) {
        struct timespec t = {(time_t)left,
                             (long)((left - (double)(time_t)left) * 1e9)};

        (void)nanosleep(&t, NULL);
    }
    while (atm_now_s() < due)
        ;
}

static enum atm_status feed(struct atm_session *s, uint32_t kernel,
                            const struct atm__step *x)
{
    const void *data = s->input[kernel - 1];
    enum atm_status st;

    if (!data)
        return atm_fail(ATM_INVAL, "input \"%s\" is not set",
                        s->p->tensor[s->p->input[kernel - 1]].name);
    st = atm__put(&x->feed, data);
    return st ? atm_fail_in(st, "step %" PRIu32 ": input \"%s\"",
                            (uint32_t)(x - s->step),
                            s->p->tensor[s->p->input[kernel - 1]].name)
              : ATM_OK;
}

static enum atm_status run_kernel(struct atm_session *s, uint32_t t)
{
    uint32_t id = s->s->step[t].kernel;
    const struct atm__step *x = &s->step[t];
    struct atm_step_time *time = &s->time[t];
    enum atm_status st;
    double begin;

    if (s->p->kernel[id].kind == ATM_KERNEL_LOAD)
        return ATM_OK;
    if (s->p->kernel[id].kind == ATM_KERNEL_FEED)
        return feed(s, id, x);
    begin = atm_now_s();
    st = atm_exec_run(s->exec, id, x->in, x->out, x->scratch);
    time->fast_seconds = time->seconds = atm_now_s() - begin;
    if (st)
        return st;
    if (s->clock == ATM_CLOCK_TABLE)
        time->seconds = x->table_s;
    else if (x->n_slow > 0)
        time->seconds = atm_clock_kernel(time->fast_seconds, x->n_slow,
                                         x->slow_s, x->latency_s);
    if (s->overlap)
        time->seconds = atm_copy_clock_run(s->overlap, time->seconds);
    if (s->clock == ATM_CLOCK_WALL && x->n_slow > 0) {
        wait_until(begin + time->seconds);
        time->seconds = atm_now_s() - begin;
    }
    return ATM_OK;
}

static enum atm_status poison_before(struct atm_session *s, uint32_t t)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = s->poison.of[t]; !st && i < s->poison.of[t + 1]; i++)
        st = atm__poison(&s->poison.list[i], s->pattern);
    return st;
}

enum atm_status atm_session_run(struct atm_session *s,
                                struct atm_run_report *report)
{
    struct atm_run_report r = {.n_steps = s->s->n_steps, .step = s->time};
    double begin = atm_now_s();
    enum atm_status st = ATM_OK;
    uint32_t t;

    for (t = 0; t < s->s->n_steps; t++) {
        s->at = t;
        s->time[t] = (struct atm_step_time){0, 0};
        if (s->o.verify)
            st = poison_before(s, t);
        if (!st)
            st = atm__session_moves_due(s, t);
        if (!st)
            st = s->s->step[t].kind == ATM_STEP_RUN ? run_kernel(s, t)
                                                    : atm__session_move(s, t);
        if (st)
            return st;
        r.seconds += s->time[t].seconds;
        if (s->s->step[t].kind != ATM_STEP_WAIT)
            r.moved_bytes += s->step[t].to.bytes; /* 0 in a RUN */
        r.late_moves += s->clock == ATM_CLOCK_WALL &&
                        s->s->step[t].kind == ATM_STEP_MOVE &&
                        s->time[t].seconds > 1.05 * s->step[t].move_s + 50e-6;
    }
    r.wall_seconds = atm_now_s() - begin;
    s->iteration++;
    if (report)
        *report = r;
    return ATM_OK;
}

/* ---- in and out -------------------------------------------------------- */

enum atm_status atm_session_set_input(struct atm_session *s, uint32_t input,
                                      const void *data)
{
    if (input >= s->p->n_inputs)
        return atm_fail(ATM_INVAL, "input %" PRIu32 ": the model has %" PRIu32,
                        input, s->p->n_inputs);
    s->input[input] = data;
    return ATM_OK;
}

enum atm_status atm_session_output(struct atm_session *s, uint32_t output,
                                   void *dst)
{
    const struct atm__range *at;
    enum atm_status st;
    void *copy_of;

    if (output >= s->p->n_outputs)
        return atm_fail(ATM_INVAL, "output %" PRIu32 ": the model has %" PRIu32,
                        output, s->p->n_outputs);
    if (s->iteration == 0)
        return atm_fail(ATM_INVAL, "output %" PRIu32 ": nothing has run yet",
                        output);
    at = &s->output[output];
    if (at->store->base)
        return atm_exec_read_output(s->exec, output, at->store->base + at->off,
                                    dst);
    copy_of = atm_alloc(at->bytes);
    if (!copy_of)
        return ATM_NOMEM;
    st = at->store->ops->read(at->store->tier, copy_of, at->off, at->bytes);
    if (!st)
        st = atm_exec_read_output(s->exec, output, copy_of, dst);
    atm_free(copy_of);
    return st;
}

uint64_t atm_session_pool_bytes(const struct atm_session *s, uint32_t tier)
{
    return tier < s->n_open ? s->store[tier].bytes : 0;
}

uint64_t atm_session_lent_bytes(const struct atm_session *s)
{
    return s->lent_bytes;
}
