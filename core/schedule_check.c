/* schedule_check.c - the checker of schedules: what can be said of the form
 * without playing, the prologue, and the sums that people read. The play is
 * schedule_play.c; neither shares code with planners, packing or the
 * session. */
#include "schedule_check.h"

#include "arena.h"
#include "checked.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *atm__check_step_str(const struct atm__check *c, uint32_t t,
                                char buf[ATM__CHECK_TEXT])
{
    static const char *const verb[] = {"run", "move", "start", "wait"};
    const struct atm_step *st = &c->s->step[t];

    (void)snprintf(buf, ATM__CHECK_TEXT, "step %" PRIu32 " (%s \"%.120s\")", t,
                   verb[st->kind],
                   st->kind == ATM_STEP_RUN ? c->p->kernel[st->kernel].name
                                            : c->p->tensor[st->tensor].name);
    return buf;
}

const char *atm__check_res_str(const struct atm__check *c, uint32_t r,
                               char buf[ATM__CHECK_TEXT])
{
    const struct atm_residence *x = &c->s->residence[r];

    (void)snprintf(buf, ATM__CHECK_TEXT,
                   "%s\"%.80s\" in tier %" PRIu32 " (%.15s) at offset %" PRIu64
                   ", steps %" PRIu32 "..%" PRIu32,
                   x->tensor == ATM_NONE ? "scratch of " : "",
                   x->tensor == ATM_NONE ? c->p->kernel[x->kernel].name
                                         : c->p->tensor[x->tensor].name,
                   x->tier, c->s->tier[x->tier].name, x->offset, x->first_step,
                   x->last_step);
    return buf;
}

uint64_t atm__check_res_bytes(const struct atm__check *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];

    return x->tensor == ATM_NONE ? c->p->kernel[x->kernel].scratch_bytes
                                 : c->p->tensor[x->tensor].bytes;
}

static bool covers(const struct atm_residence *x, uint32_t t)
{
    return x->first_step <= x->last_step
               ? x->first_step <= t && t <= x->last_step
               : t >= x->first_step || t <= x->last_step;
}

static enum atm_status check_head(const struct atm__check *c)
{
    const struct atm_schedule *s = c->s;
    const struct atm_program *p = c->p;
    uint32_t i;

    if (s->n_tiers < 1 || s->n_tiers > ATM_TIERS_MAX)
        return ATM__CHECK_FAIL("%" PRIu32 " tiers, 1 to %d are allowed",
                               s->n_tiers, ATM_TIERS_MAX);
    if (s->n_steps == 0)
        return ATM__CHECK_FAIL("it has no steps");
    if (s->n_tensors != p->n_tensors || s->n_kernels != p->n_kernels)
        return ATM__CHECK_FAIL(
            "%" PRIu32 " tensors and %" PRIu32
            " kernels, the program has %" PRIu32 " and %" PRIu32,
            s->n_tensors, s->n_kernels, p->n_tensors, p->n_kernels);
    for (i = 0; i < p->n_tensors; i++)
        if (s->tensor_bytes[i] != p->tensor[i].bytes)
            return ATM__CHECK_FAIL(
                "tensor \"%s\" has %" PRIu64 " bytes, in the program %" PRIu64,
                p->tensor[i].name, s->tensor_bytes[i], p->tensor[i].bytes);
    if (s->tier[0].pool_bytes > s->budget_bytes)
        return ATM__CHECK_FAIL("the pool of tier 0 (%s) has %" PRIu64
                               " bytes, the budget is %" PRIu64,
                               s->tier[0].name, s->tier[0].pool_bytes,
                               s->budget_bytes);
    return ATM_OK;
}

static enum atm_status check_residence(const struct atm__check *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    uint64_t bytes, end;
    char text[ATM__CHECK_TEXT];

    if (x->tensor == ATM_NONE ? x->kernel >= c->p->n_kernels
                              : x->tensor >= c->p->n_tensors)
        return ATM__CHECK_FAIL("residence %" PRIu32 ": no such %s", r,
                               x->tensor == ATM_NONE ? "kernel" : "tensor");
    if (x->tier >= c->s->n_tiers)
        return ATM__CHECK_FAIL("residence %" PRIu32 ": tier %" PRIu32
                               ", there are %" PRIu32,
                               r, x->tier, c->s->n_tiers);
    if (x->first_step >= c->n_steps || x->last_step >= c->n_steps)
        return ATM__CHECK_FAIL("residence %" PRIu32 ": steps %" PRIu32
                               "..%" PRIu32 ", there are %" PRIu32,
                               r, x->first_step, x->last_step, c->n_steps);
    bytes = atm__check_res_bytes(c, r);
    if (x->offset % ATM_ALIGN != 0)
        return ATM__CHECK_FAIL("residence %" PRIu32
                               " of %s: the offset is no multiple "
                               "of %d",
                               r, atm__check_res_str(c, r, text), ATM_ALIGN);
    if (!atm_add_u64(x->offset, bytes, &end) ||
        end > c->s->tier[x->tier].pool_bytes)
        return ATM__CHECK_FAIL("residence %" PRIu32 " of %s: its %" PRIu64
                               " bytes pass the end of the pool, %" PRIu64
                               " bytes",
                               r, atm__check_res_str(c, r, text), bytes,
                               c->s->tier[x->tier].pool_bytes);
    if (x->tensor != ATM_NONE)
        return ATM_OK;
    if (bytes == 0)
        return ATM__CHECK_FAIL("residence %" PRIu32
                               ": kernel \"%s\" has no scratch",
                               r, c->p->kernel[x->kernel].name);
    if (x->tier != 0)
        return ATM__CHECK_FAIL("residence %" PRIu32
                               ": %s; scratch lives in tier 0",
                               r, atm__check_res_str(c, r, text));
    if (x->first_step != x->last_step ||
        c->s->step[x->first_step].kind != ATM_STEP_RUN ||
        c->s->step[x->first_step].kernel != x->kernel)
        return ATM__CHECK_FAIL("residence %" PRIu32
                               ": %s; scratch lives at the step of "
                               "its kernel alone",
                               r, atm__check_res_str(c, r, text));
    return ATM_OK;
}

/* A step's ids, and that both residences of a move hold its tensor and cover
 * the step. */
static enum atm_status check_step(const struct atm__check *c, uint32_t t)
{
    const struct atm_step *st = &c->s->step[t];
    const uint32_t end[2] = {st->from, st->to};
    char a[ATM__CHECK_TEXT];
    int i;

    if ((unsigned)st->kind > ATM_STEP_WAIT)
        return ATM__CHECK_FAIL("step %" PRIu32 ": unknown kind %u", t,
                               (unsigned)st->kind);
    if (!(st->predicted_s >= 0 && isfinite(st->predicted_s)))
        return ATM__CHECK_FAIL("step %" PRIu32 ": predicted time %g", t,
                               st->predicted_s);
    if (st->kind == ATM_STEP_RUN)
        return st->kernel < c->p->n_kernels
                   ? ATM_OK
                   : ATM__CHECK_FAIL("step %" PRIu32 ": no kernel %" PRIu32, t,
                                     st->kernel);
    if (st->tensor >= c->p->n_tensors)
        return ATM__CHECK_FAIL("step %" PRIu32 ": no tensor %" PRIu32, t,
                               st->tensor);
    for (i = 0; i < 2; i++) {
        if (end[i] >= c->n_res)
            return ATM__CHECK_FAIL("%s: no residence %" PRIu32,
                                   atm__check_step_str(c, t, a), end[i]);
        if (c->s->residence[end[i]].tensor != st->tensor)
            return ATM__CHECK_FAIL("%s: residence %" PRIu32
                                   " holds another tensor",
                                   atm__check_step_str(c, t, a), end[i]);
    }
    if (st->from == st->to)
        return ATM__CHECK_FAIL("%s: from residence %" PRIu32 " to itself",
                               atm__check_step_str(c, t, a), st->to);
    return ATM_OK;
}

/* Residence ids are in range only after check_residence: this comes second. */
static enum atm_status check_move_spans(const struct atm__check *c, uint32_t t)
{
    const struct atm_step *st = &c->s->step[t];
    const uint32_t end[2] = {st->from, st->to};
    char a[ATM__CHECK_TEXT], b[ATM__CHECK_TEXT];
    int i;

    for (i = 0; st->kind != ATM_STEP_RUN && i < 2; i++)
        if (!covers(&c->s->residence[end[i]], t))
            return ATM__CHECK_FAIL("%s: its %s, residence %" PRIu32
                                   " of %s, does not cover the step",
                                   atm__check_step_str(c, t, a),
                                   i == 0 ? "source" : "destination", end[i],
                                   atm__check_res_str(c, end[i], b));
    return ATM_OK;
}

/* Each kernel once, in the program's order. */
static enum atm_status check_order(const struct atm__check *c)
{
    uint32_t t, next = 0;
    char a[ATM__CHECK_TEXT];

    for (t = 0; t < c->n_steps; t++) {
        uint32_t k = c->s->step[t].kernel;

        if (c->s->step[t].kind != ATM_STEP_RUN)
            continue;
        if (k < next)
            return ATM__CHECK_FAIL("%s: the kernel runs a second time",
                                   atm__check_step_str(c, t, a));
        if (k > next)
            return ATM__CHECK_FAIL(
                "%s: kernel \"%s\" is left out or comes too late",
                atm__check_step_str(c, t, a), c->p->kernel[next].name);
        next++;
    }
    return next == c->p->n_kernels
               ? ATM_OK
               : ATM__CHECK_FAIL("kernel \"%s\" is never run",
                                 c->p->kernel[next].name);
}

/* The prologue loads args, through the staging of kernel 0, into residences
 * that live when step 0 begins. */
static enum atm_status check_prologue(const struct atm__check *c)
{
    uint32_t i, r;
    char a[ATM__CHECK_TEXT], b[ATM__CHECK_TEXT];

    for (i = 0; i < c->s->n_prologue; i++) {
        const struct atm_residence *x;

        r = c->s->prologue[i];
        if (r >= c->n_res)
            return ATM__CHECK_FAIL("prologue: no residence %" PRIu32, r);
        if (c->prologue[r])
            return ATM__CHECK_FAIL("prologue: residence %" PRIu32
                                   " of %s stands twice",
                                   r, atm__check_res_str(c, r, a));
        c->prologue[r] = true;
        x = &c->s->residence[r];
        if (x->tensor == ATM_NONE || !c->p->tensor[x->tensor].arg)
            return ATM__CHECK_FAIL("prologue: residence %" PRIu32
                                   ", %s, is no weight or state",
                                   r, atm__check_res_str(c, r, a));
        if (!covers(x, 0))
            return ATM__CHECK_FAIL("prologue: residence %" PRIu32
                                   " of %s does not live at step 0",
                                   r, atm__check_res_str(c, r, a));
    }
    /* staging may stand anywhere in the fast pool but on what is loaded */
    for (i = 0; i < c->n_res; i++) {
        const struct atm_residence *g = &c->s->residence[i];

        if (g->tensor != ATM_NONE || g->kernel != 0)
            continue;
        for (r = 0; r < c->n_res; r++) {
            const struct atm_residence *x = &c->s->residence[r];

            if (c->prologue[r] && x->tier == g->tier &&
                x->offset < g->offset + atm__check_res_bytes(c, i) &&
                g->offset < x->offset + atm__check_res_bytes(c, r))
                return ATM__CHECK_FAIL("prologue: the staging, %s, lies on %s",
                                       atm__check_res_str(c, i, a),
                                       atm__check_res_str(c, r, b));
        }
        break; /* a second one is found when it begins */
    }
    return ATM_OK;
}

/* Every arg that a kernel reads must come from somewhere. */
static enum atm_status check_args_loaded(const struct atm__check *c)
{
    bool *loaded = atm_arena_array(c->arena, c->p->n_tensors, sizeof(*loaded));
    uint32_t i, k;

    if (!loaded)
        return ATM_NOMEM;
    for (i = 0; i < c->s->n_prologue; i++)
        loaded[c->s->residence[c->s->prologue[i]].tensor] = true;
    for (k = 0; k < c->p->n_kernels; k++)
        for (i = 0; i < c->p->kernel[k].n_in; i++) {
            uint32_t t = c->p->kernel[k].in[i].tensor;

            if (t != ATM_NONE && c->p->tensor[t].arg && !loaded[t])
                return ATM__CHECK_FAIL(
                    "prologue: \"%s\", read by kernel \"%s\", is in "
                    "no residence that it loads",
                    c->p->tensor[t].name, c->p->kernel[k].name);
        }
    return ATM_OK;
}

/* What the file says about itself and people read: bytes moved, peaks. */
static enum atm_status check_totals(const struct atm__check *c)
{
    const uint64_t peak[2] = {c->s->fast_peak_bytes, c->s->slow_peak_bytes};
    uint64_t moved = 0;
    uint32_t i;
    char a[ATM__CHECK_TEXT];

    for (i = 0; i < c->n_steps; i++) {
        const struct atm_step *st = &c->s->step[i];

        if (st->kind != ATM_STEP_MOVE && st->kind != ATM_STEP_START)
            continue;
        if (!atm_add_u64(moved, c->p->tensor[st->tensor].bytes, &moved))
            return ATM__CHECK_FAIL("the bytes moved overflow");
    }
    if (moved != c->s->moved_bytes)
        return ATM__CHECK_FAIL("it moves %" PRIu64 " bytes and says %" PRIu64,
                               moved, c->s->moved_bytes);
    for (i = 0; i < c->n_res; i++) {
        const struct atm_residence *x = &c->s->residence[i];

        if (x->tier < 2 &&
            x->offset + atm__check_res_bytes(c, i) > peak[x->tier])
            return ATM__CHECK_FAIL(
                "%s ends above the stated peak of its tier, %" PRIu64 " bytes",
                atm__check_res_str(c, i, a), peak[x->tier]);
    }
    return ATM_OK;
}

/* Bound and gap must be what the predicted time makes of them. */
static enum atm_status check_bound(const struct atm__check *c)
{
    double time = c->s->predicted_s, bound = c->s->lower_bound_s;
    double gap = time > 0 ? (time - bound) / time : 0;

    if (isnan(time) || isnan(bound) || isnan(c->s->gap))
        return ATM_OK; /* nothing is claimed */
    if (bound > time * (1 + 1e-9))
        return ATM__CHECK_FAIL("its lower bound of %g s is above its %g s",
                               bound, time);
    if (fabs(c->s->gap - gap) > 1e-6)
        return ATM__CHECK_FAIL("its gap is %g, it says %g", gap, c->s->gap);
    return ATM_OK;
}

/* Every tensor and kernel that the certificate names exists. */
static enum atm_status check_certificate(const struct atm__check *c,
                                         const struct atm_certificate *t)
{
    uint32_t kernels = c->s->n_kernels, tensors = c->s->n_tensors, i, k;
    bool known = true;
    enum atm_status st;

    if (t->split != ATM_SPLIT_NONE) {
        if (t->split_at >= (t->split == ATM_SPLIT_VARIANT ? kernels : tensors))
            return ATM__CHECK_FAIL("certificate: it splits by an unknown %s",
                                   t->split == ATM_SPLIT_VARIANT ? "kernel"
                                                                 : "tensor");
        st = check_certificate(c, t->yes);
        return st ? st : check_certificate(c, t->no);
    }
    for (i = 0; i < t->n_memory; i++)
        known &= t->memory[i].at < kernels;
    for (i = 0; i < t->n_slow_memory; i++)
        known &= t->slow_memory[i].at < 3 * (uint64_t)kernels;
    for (i = 0; i < t->n_operand; i++)
        known &= t->operand[i].kernel < kernels;
    for (i = 0; i < t->n_pair; i++)
        known &= t->pair[i].kernel < kernels;
    for (i = 0; i < t->n_knapsack; i++) {
        known &= t->knapsack[i].kernel < kernels;
        for (k = 0; k < t->knapsack[i].n; k++)
            known &= t->knapsack[i].tensor[k] < tensors;
    }
    return known ? ATM_OK
                 : ATM__CHECK_FAIL("certificate: it prices an unknown kernel "
                                   "or tensor");
}

static enum atm_status check_form(struct atm__check *c)
{
    enum atm_status st = check_head(c);
    uint32_t i;

    for (i = 0; !st && i < c->n_steps; i++)
        st = check_step(c, i);
    for (i = 0; !st && i < c->n_res; i++)
        st = check_residence(c, i);
    for (i = 0; !st && i < c->n_steps; i++)
        st = check_move_spans(c, i);
    if (!st)
        st = check_order(c);
    return st;
}

enum atm_status atm_schedule_check(const struct atm_schedule *s,
                                   const struct atm_program *program)
{
    struct atm__check c = {
        .s = s, .p = program, .n_res = s->n_residences, .n_steps = s->n_steps};
    enum atm_status st;

    c.arena = atm_arena_new();
    if (!c.arena)
        return ATM_NOMEM;
    c.prologue = atm_arena_array(c.arena, c.n_res, sizeof(*c.prologue));
    st = c.prologue ? check_form(&c) : ATM_NOMEM;
    if (!st)
        st = check_prologue(&c);
    if (!st)
        st = check_args_loaded(&c);
    if (!st)
        st = atm__schedule_play(&c);
    if (!st) /* last: a fault of the play says more than a wrong sum */
        st = check_totals(&c);
    if (!st)
        st = check_bound(&c);
    if (!st)
        st = check_certificate(&c, &s->certificate);
    atm_arena_delete(c.arena);
    return st;
}
