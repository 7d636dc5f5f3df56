/* session_moves.c - the steps that move: between kernels at once; beside them
 * by the copy threads, or, under a simulated clock, at a random legal moment,
 * so that a wait that the schedule lacks is found. */
#include "session.h"

#include "arena.h"
#include "clock.h"
#include "rng.h"

#include <inttypes.h>

static bool is_simulated(const struct atm_session *s)
{
    return s->clock == ATM_CLOCK_VIRTUAL || s->clock == ATM_CLOCK_TABLE;
}

static bool is_hit(const struct atm_session *s, const struct atm__step *x,
                   enum atm_fault_kind fault)
{
    return s->o.fault == fault && s->o.fault_move == x->job;
}

static enum atm_status copy(void *session, uint32_t job)
{
    struct atm_session *s = session;
    const struct atm__flight *f = &s->flight[job];
    const struct atm__step *x = &s->step[f->step];
    enum atm_status st = ATM_OK;

    if (!is_hit(s, x, ATM_FAULT_SKIP))
        st = atm__move(&x->from, &x->to, x->outward);
    if (!st && is_hit(s, x, ATM_FAULT_FLIP))
        st = atm__flip(&x->to, (s->o.seed + f->iteration * 61) % x->to.bytes);
    return st ? atm_fail_in(st, "step %" PRIu32 ": moving \"%s\"", f->step,
                            s->p->tensor[s->s->step[f->step].tensor].name)
              : ATM_OK;
}

/* ---- open -------------------------------------------------------------- */

/* The job of each WAIT is that of the START before it, round the cycle. */
static enum atm_status pair_steps(struct atm_session *s)
{
    uint32_t *of = atm_arena_array(s->arena, s->s->n_residences, sizeof(*of));
    uint32_t n = s->s->n_steps, i, t;

    if (!of)
        return ATM_NOMEM;
    for (i = 0; i < 2 * n; i++) {
        const struct atm_step *step = &s->s->step[t = i % n];

        if (step->kind == ATM_STEP_START)
            of[step->to] = t;
        if (step->kind != ATM_STEP_WAIT)
            continue;
        s->step[t].job = s->step[of[step->to]].job;
        s->step[of[step->to]].span = (t + n - of[step->to]) % n;
    }
    return ATM_OK;
}

bool atm__session_beside(const struct atm_session *s)
{
    uint32_t t;

    for (t = 0; t < s->s->n_steps; t++)
        if (s->s->step[t].kind == ATM_STEP_START)
            return true;
    return false;
}

enum atm_status atm__session_moves_open(struct atm_session *s)
{
    const struct atm_profile *p = s->o.profile;
    const struct atm_overlap overlap = p ? p->overlap : atm_overlap_model();
    enum atm_status st;

    s->flight = atm_arena_array(s->arena, s->n_jobs, sizeof(*s->flight));
    s->flying = atm_arena_array(s->arena, s->n_jobs, sizeof(*s->flying));
    if (!s->flight || !s->flying)
        return ATM_NOMEM;
    if (!atm__session_beside(s))
        return ATM_OK;
    st = pair_steps(s);
    if (st)
        return st;
    return is_simulated(s)
               ? atm_copy_clock_new(s->arena, s->n_jobs, &overlap, &s->overlap)
               : atm__engine_open(s->arena, s->n_jobs, copy, s, &s->engine);
}

/* ---- beside kernels ---------------------------------------------------- */

/* Copied before a step that is drawn anew in each iteration. */
static void draw_moment(struct atm_session *s, uint32_t t)
{
    const struct atm__step *x = &s->step[t];
    struct atm__flight *f = &s->flight[x->job];
    uint64_t now = s->iteration * s->s->n_steps + t;

    f->due =
        now + 1 + atm_rng_u64(s->o.seed ^ UINT64_C(0x6d6f7665), now) % x->span;
    s->flying[s->n_flying++] = x->job;
}

enum atm_status atm__session_moves_due(struct atm_session *s, uint32_t t)
{
    uint64_t now = s->iteration * s->s->n_steps + t;
    enum atm_status st = ATM_OK;
    uint32_t i, job;

    for (i = s->n_flying; i > 0 && !st; i--) {
        job = s->flying[i - 1];
        if (s->flight[job].due > now)
            continue;
        s->flying[i - 1] = s->flying[--s->n_flying];
        st = copy(s, job);
    }
    return st;
}

/* What moves from here on is the step's. */
static enum atm_status take_off(struct atm_session *s, uint32_t t)
{
    const struct atm__step *x = &s->step[t];
    struct atm__flight *f = &s->flight[x->job];

    *f = (struct atm__flight){
        .started = true, .step = t, .iteration = s->iteration};
    return s->o.verify ? atm__range_hash(&x->from, s->bounce, &f->before)
                       : ATM_OK;
}

static enum atm_status start(struct atm_session *s, uint32_t t)
{
    const struct atm__step *x = &s->step[t];
    enum atm_status st = take_off(s, t);
    /* nobody waits for it, and it never ends */
    bool late = is_hit(s, x, ATM_FAULT_LATE);

    if (!st && s->engine && !late)
        atm__engine_start(s->engine, x->job, !x->outward);
    if (!st && s->overlap && !late)
        draw_moment(s, t);
    if (!st && s->overlap)
        atm_copy_clock_start(s->overlap, x->job, !x->outward, x->move_s);
    return st;
}

static enum atm_status arrived(struct atm_session *s, uint32_t t,
                               struct atm_hash before)
{
    const struct atm__step *x = &s->step[t];
    struct atm_hash after = {0, 0};
    enum atm_status st = atm__range_hash(&x->to, s->bounce, &after);

    if (!st && !atm_hash_equal(before, after))
        return atm_fail(ATM_MISMATCH,
                        "step %" PRIu32 ": \"%s\" did not "
                        "arrive in %s as it left %s",
                        t, s->p->tensor[s->s->step[t].tensor].name,
                        x->to.store->ops->kind, x->from.store->ops->kind);
    return st;
}

/* In the first iteration a wait may be for a move of the one before it: the
 * prologue has brought its bytes. */
static enum atm_status wait(struct atm_session *s, uint32_t t)
{
    const struct atm__step *x = &s->step[t];
    const struct atm__flight *f = &s->flight[x->job];
    double begin = atm_now_s();
    enum atm_status st = ATM_OK;

    if (is_hit(s, x, ATM_FAULT_LATE))
        return ATM_OK;
    if (s->engine) {
        st = atm__engine_wait(s->engine, x->job);
        s->time[t].seconds = atm_now_s() - begin;
    } else {
        s->time[t].seconds = atm_copy_clock_wait(s->overlap, x->job);
    }
    return !st && s->o.verify && f->started ? arrived(s, t, f->before) : st;
}

/* ---- between kernels --------------------------------------------------- */

static enum atm_status move(struct atm_session *s, uint32_t t)
{
    const struct atm__step *x = &s->step[t];
    enum atm_status st = take_off(s, t);
    double begin = atm_now_s();

    if (st)
        return st;
    if (s->engine) { /* one writer of a tier at a time */
        atm__engine_start(s->engine, x->job, !x->outward);
        st = atm__engine_wait(s->engine, x->job);
    } else {
        st = copy(s, x->job);
    }
    s->time[t].seconds = is_simulated(s) ? x->move_s : atm_now_s() - begin;
    if (s->overlap) {
        atm_copy_clock_start(s->overlap, x->job, !x->outward, x->move_s);
        s->time[t].seconds = atm_copy_clock_wait(s->overlap, x->job);
    }
    return !st && s->o.verify ? arrived(s, t, s->flight[x->job].before) : st;
}

enum atm_status atm__session_move(struct atm_session *s, uint32_t t)
{
    switch (s->s->step[t].kind) {
    case ATM_STEP_START:
        return start(s, t);
    case ATM_STEP_WAIT:
        return wait(s, t);
    default:
        return move(s, t);
    }
}
