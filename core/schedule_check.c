/* schedule_check.c - the checker of schedules: plays one iteration after the
 * other on an abstract machine and names the first thing that goes wrong.
 *
 * It shares no code with planners, packing or the session. What a residence
 * holds is one of three states; every step demands and changes them. Bytes are
 * safe because residences that live at one step never overlap, save the two
 * of a declared in-place pair at the step of their kernel; values are safe
 * because only a VALID residence may be read. Two iterations are enough: the
 * first starts from the prologue, the second from the end of the first, and
 * the state at the boundary must be the same.
 */
#include "autotm/schedule.h"

#include "arena.h"
#include "checked.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum content {
    EMPTY,    /* nothing written yet, in this iteration */
    VALID,    /* holds the value of its tensor in this iteration */
    ARRIVING, /* destination of a started move that was not waited for */
};

/* The residences that live at the present step in one tier, by offset. */
struct live_set {
    uint32_t n;
    uint32_t *residence;
};

struct check {
    const struct atm_schedule *s;
    const struct atm_program *p;
    struct atm_arena *arena;
    uint32_t n_res, n_steps;
    enum content *content; /* per residence */
    uint32_t *source;      /* per residence: ARRIVING from which one */
    uint32_t *started;     /* per residence: ARRIVING since which step */
    uint32_t *leaving;     /* per residence: started moves reading it */
    bool *prologue;        /* per residence */
    uint32_t *next_of;     /* per tensor: new value of its carry, or NONE */
    uint32_t *at;          /* [tensor * n_tiers + tier]: live residence */
    uint32_t *scratch;     /* per kernel: live residence of its scratch */
    uint32_t *first_of, *first_list; /* residences by first step (CSR) */
    uint32_t *last_of, *last_list;   /* residences by last step (CSR) */
    struct live_set live[ATM_TIERS_MAX];
};

#define TEXT 192
#define FAIL(...) atm_fail(ATM_FORMAT, "schedule: " __VA_ARGS__)

/* "step 3 (run "conv1")": where the reader must look. */
static const char *step_str(const struct check *c, uint32_t t, char buf[TEXT])
{
    static const char *const verb[] = {"run", "move", "start", "wait"};
    const struct atm_step *st = &c->s->step[t];

    (void)snprintf(buf, TEXT, "step %" PRIu32 " (%s \"%.120s\")", t,
                   verb[st->kind],
                   st->kind == ATM_STEP_RUN ? c->p->kernel[st->kernel].name
                                            : c->p->tensor[st->tensor].name);
    return buf;
}

/* ""x" in tier 0 (dram) at offset 64, steps 3..9" */
static const char *res_str(const struct check *c, uint32_t r, char buf[TEXT])
{
    const struct atm_residence *x = &c->s->residence[r];

    (void)snprintf(buf, TEXT,
                   "%s\"%.80s\" in tier %" PRIu32 " (%.15s) at offset %" PRIu64
                   ", steps %" PRIu32 "..%" PRIu32,
                   x->tensor == ATM_NONE ? "scratch of " : "",
                   x->tensor == ATM_NONE ? c->p->kernel[x->kernel].name
                                         : c->p->tensor[x->tensor].name,
                   x->tier, c->s->tier[x->tier].name, x->offset, x->first_step,
                   x->last_step);
    return buf;
}

static uint64_t res_bytes(const struct check *c, uint32_t r)
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

/* Is the value of this iteration that of the next one, too? */
static bool lives_on(const struct check *c, uint32_t tensor)
{
    return c->p->tensor[tensor].arg && c->next_of[tensor] == ATM_NONE;
}

/* Does the residence go on from the last step to step 0 of the next
 * iteration? A resident tensor spans the whole iteration. */
static bool goes_round(const struct check *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];

    if (x->tensor == ATM_NONE)
        return false;
    return x->first_step > x->last_step ||
           (x->first_step == 0 && x->last_step == c->n_steps - 1 &&
            lives_on(c, x->tensor));
}

/* ---- form: what can be said without playing ---------------------------- */

static enum atm_status check_head(const struct check *c)
{
    const struct atm_schedule *s = c->s;
    const struct atm_program *p = c->p;
    uint32_t i;

    if (s->n_tiers < 1 || s->n_tiers > ATM_TIERS_MAX)
        return FAIL("%" PRIu32 " tiers, 1 to %d are allowed", s->n_tiers,
                    ATM_TIERS_MAX);
    if (s->n_steps == 0)
        return FAIL("it has no steps");
    if (s->n_tensors != p->n_tensors || s->n_kernels != p->n_kernels)
        return FAIL("%" PRIu32 " tensors and %" PRIu32
                    " kernels, the program has %" PRIu32 " and %" PRIu32,
                    s->n_tensors, s->n_kernels, p->n_tensors, p->n_kernels);
    for (i = 0; i < p->n_tensors; i++)
        if (s->tensor_bytes[i] != p->tensor[i].bytes)
            return FAIL(
                "tensor \"%s\" has %" PRIu64 " bytes, in the program %" PRIu64,
                p->tensor[i].name, s->tensor_bytes[i], p->tensor[i].bytes);
    if (s->tier[0].pool_bytes > s->budget_bytes)
        return FAIL("the pool of tier 0 (%s) has %" PRIu64
                    " bytes, the budget is %" PRIu64,
                    s->tier[0].name, s->tier[0].pool_bytes, s->budget_bytes);
    return ATM_OK;
}

static enum atm_status check_residence(const struct check *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    uint64_t bytes, end;
    char text[TEXT];

    if (x->tensor == ATM_NONE ? x->kernel >= c->p->n_kernels
                              : x->tensor >= c->p->n_tensors)
        return FAIL("residence %" PRIu32 ": no such %s", r,
                    x->tensor == ATM_NONE ? "kernel" : "tensor");
    if (x->tier >= c->s->n_tiers)
        return FAIL("residence %" PRIu32 ": tier %" PRIu32
                    ", there are %" PRIu32,
                    r, x->tier, c->s->n_tiers);
    if (x->first_step >= c->n_steps || x->last_step >= c->n_steps)
        return FAIL("residence %" PRIu32 ": steps %" PRIu32 "..%" PRIu32
                    ", there are %" PRIu32,
                    r, x->first_step, x->last_step, c->n_steps);
    bytes = res_bytes(c, r);
    if (x->offset % ATM_ALIGN != 0)
        return FAIL("residence %" PRIu32 " of %s: the offset is no multiple "
                    "of %d",
                    r, res_str(c, r, text), ATM_ALIGN);
    if (!atm_add_u64(x->offset, bytes, &end) ||
        end > c->s->tier[x->tier].pool_bytes)
        return FAIL("residence %" PRIu32 " of %s: its %" PRIu64
                    " bytes pass the end of the pool, %" PRIu64 " bytes",
                    r, res_str(c, r, text), bytes,
                    c->s->tier[x->tier].pool_bytes);
    if (x->tensor != ATM_NONE)
        return ATM_OK;
    if (bytes == 0)
        return FAIL("residence %" PRIu32 ": kernel \"%s\" has no scratch", r,
                    c->p->kernel[x->kernel].name);
    if (x->tier != 0)
        return FAIL("residence %" PRIu32 ": %s; scratch lives in tier 0", r,
                    res_str(c, r, text));
    if (x->first_step != x->last_step ||
        c->s->step[x->first_step].kind != ATM_STEP_RUN ||
        c->s->step[x->first_step].kernel != x->kernel)
        return FAIL("residence %" PRIu32 ": %s; scratch lives at the step of "
                    "its kernel alone",
                    r, res_str(c, r, text));
    return ATM_OK;
}

/* A step's ids, and that both residences of a move hold its tensor and cover
 * the step. */
static enum atm_status check_step(const struct check *c, uint32_t t)
{
    const struct atm_step *st = &c->s->step[t];
    const uint32_t end[2] = {st->from, st->to};
    char a[TEXT];
    int i;

    if ((unsigned)st->kind > ATM_STEP_WAIT)
        return FAIL("step %" PRIu32 ": unknown kind %u", t, (unsigned)st->kind);
    if (!(st->predicted_s >= 0 && isfinite(st->predicted_s)))
        return FAIL("step %" PRIu32 ": predicted time %g", t, st->predicted_s);
    if (st->kind == ATM_STEP_RUN)
        return st->kernel < c->p->n_kernels
                   ? ATM_OK
                   : FAIL("step %" PRIu32 ": no kernel %" PRIu32, t,
                          st->kernel);
    if (st->tensor >= c->p->n_tensors)
        return FAIL("step %" PRIu32 ": no tensor %" PRIu32, t, st->tensor);
    for (i = 0; i < 2; i++) {
        if (end[i] >= c->n_res)
            return FAIL("%s: no residence %" PRIu32, step_str(c, t, a), end[i]);
        if (c->s->residence[end[i]].tensor != st->tensor)
            return FAIL("%s: residence %" PRIu32 " holds another tensor",
                        step_str(c, t, a), end[i]);
    }
    if (st->from == st->to)
        return FAIL("%s: from residence %" PRIu32 " to itself",
                    step_str(c, t, a), st->to);
    return ATM_OK;
}

/* Residence ids are in range only after check_residence: this comes second. */
static enum atm_status check_move_spans(const struct check *c, uint32_t t)
{
    const struct atm_step *st = &c->s->step[t];
    const uint32_t end[2] = {st->from, st->to};
    char a[TEXT], b[TEXT];
    int i;

    for (i = 0; st->kind != ATM_STEP_RUN && i < 2; i++)
        if (!covers(&c->s->residence[end[i]], t))
            return FAIL("%s: its %s, residence %" PRIu32
                        " of %s, does not cover the step",
                        step_str(c, t, a), i == 0 ? "source" : "destination",
                        end[i], res_str(c, end[i], b));
    return ATM_OK;
}

/* Each kernel once, in the program's order. */
static enum atm_status check_order(const struct check *c)
{
    uint32_t t, next = 0;
    char a[TEXT];

    for (t = 0; t < c->n_steps; t++) {
        uint32_t k = c->s->step[t].kernel;

        if (c->s->step[t].kind != ATM_STEP_RUN)
            continue;
        if (k < next)
            return FAIL("%s: the kernel runs a second time", step_str(c, t, a));
        if (k > next)
            return FAIL("%s: kernel \"%s\" is left out or comes too late",
                        step_str(c, t, a), c->p->kernel[next].name);
        next++;
    }
    return next == c->p->n_kernels
               ? ATM_OK
               : FAIL("kernel \"%s\" is never run", c->p->kernel[next].name);
}

/* The prologue loads args, through the staging of kernel 0, into residences
 * that live when step 0 begins. */
static enum atm_status check_prologue(const struct check *c)
{
    uint32_t i, r;
    char a[TEXT], b[TEXT];

    for (i = 0; i < c->s->n_prologue; i++) {
        const struct atm_residence *x;

        r = c->s->prologue[i];
        if (r >= c->n_res)
            return FAIL("prologue: no residence %" PRIu32, r);
        if (c->prologue[r])
            return FAIL("prologue: residence %" PRIu32 " of %s stands twice", r,
                        res_str(c, r, a));
        c->prologue[r] = true;
        x = &c->s->residence[r];
        if (x->tensor == ATM_NONE || !c->p->tensor[x->tensor].arg)
            return FAIL("prologue: residence %" PRIu32
                        ", %s, is no weight or state",
                        r, res_str(c, r, a));
        if (!covers(x, 0))
            return FAIL("prologue: residence %" PRIu32
                        " of %s does not live at step 0",
                        r, res_str(c, r, a));
    }
    /* staging may stand anywhere in the fast pool but on what is loaded */
    for (i = 0; i < c->n_res; i++) {
        const struct atm_residence *g = &c->s->residence[i];

        if (g->tensor != ATM_NONE || g->kernel != 0)
            continue;
        for (r = 0; r < c->n_res; r++) {
            const struct atm_residence *x = &c->s->residence[r];

            if (c->prologue[r] && x->tier == g->tier &&
                x->offset < g->offset + res_bytes(c, i) &&
                g->offset < x->offset + res_bytes(c, r))
                return FAIL("prologue: the staging, %s, lies on %s",
                            res_str(c, i, a), res_str(c, r, b));
        }
        break; /* a second one is found when it begins */
    }
    return ATM_OK;
}

/* Every arg that a kernel reads must come from somewhere. */
static enum atm_status check_args_loaded(const struct check *c)
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
                return FAIL("prologue: \"%s\", read by kernel \"%s\", is in "
                            "no residence that it loads",
                            c->p->tensor[t].name, c->p->kernel[k].name);
        }
    return ATM_OK;
}

/* ---- the machine ------------------------------------------------------- */

/* in's residence ends, and out's begins, at the kernel of their pair. */
static bool shares_as_pair(const struct check *c, uint32_t t, uint32_t in,
                           uint32_t out)
{
    const struct atm_residence *a = &c->s->residence[in];
    const struct atm_residence *b = &c->s->residence[out];
    const struct atm_step *st = &c->s->step[t];
    const struct atm_kernel *k;
    uint32_t i;

    if (st->kind != ATM_STEP_RUN || a->last_step != t || b->first_step != t ||
        a->offset != b->offset || res_bytes(c, in) != res_bytes(c, out) ||
        a->tensor == ATM_NONE || b->tensor == ATM_NONE)
        return false;
    k = &c->p->kernel[st->kernel];
    for (i = 0; i < k->n_pairs; i++)
        if (k->in[k->pair[i].in].tensor == a->tensor &&
            k->out[k->pair[i].out].tensor == b->tensor)
            return true;
    return false;
}

/* Index of the first live residence of the tier at or above `offset`. */
static uint32_t live_find(const struct check *c, const struct live_set *l,
                          uint64_t offset)
{
    uint32_t lo = 0, hi = l->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (c->s->residence[l->residence[mid]].offset < offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static enum atm_status overlap(const struct check *c, uint32_t t, uint32_t old,
                               uint32_t new)
{
    char a[TEXT], b[TEXT], d[TEXT];

    if (shares_as_pair(c, t, old, new))
        return ATM_OK;
    return FAIL("%s: %s overlaps %s, which is still live", step_str(c, t, a),
                res_str(c, new, b), res_str(c, old, d));
}

static enum atm_status begin_residence(struct check *c, uint32_t t, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    struct live_set *l = &c->live[x->tier];
    uint32_t pos = live_find(c, l, x->offset), i, *slot;
    uint64_t end = x->offset + res_bytes(c, r);
    enum atm_status st = ATM_OK;
    char a[TEXT], b[TEXT];

    slot = x->tensor == ATM_NONE
               ? &c->scratch[x->kernel]
               : &c->at[(size_t)x->tensor * c->s->n_tiers + x->tier];
    if (*slot != ATM_NONE && x->tensor == ATM_NONE)
        return FAIL("%s: the kernel has two scratch residences",
                    step_str(c, t, a));
    if (*slot != ATM_NONE)
        return FAIL("%s: %s begins while residence %" PRIu32
                    " of the tensor lives in the same tier",
                    step_str(c, t, a), res_str(c, r, b), *slot);
    /* live ranges are disjoint, or equal for a pair: looking outwards until
     * the first that does not touch is enough */
    for (i = pos;
         !st && i < l->n && c->s->residence[l->residence[i]].offset < end; i++)
        st = overlap(c, t, l->residence[i], r);
    for (i = pos; !st && i > 0; i--) {
        uint32_t o = l->residence[i - 1];

        if (c->s->residence[o].offset + res_bytes(c, o) <= x->offset)
            break;
        st = overlap(c, t, o, r);
    }
    if (st)
        return st;
    memmove(&l->residence[pos + 1], &l->residence[pos],
            (l->n - pos) * sizeof(l->residence[0]));
    l->residence[pos] = r;
    l->n++;
    *slot = r;
    return ATM_OK;
}

static enum atm_status end_residence(struct check *c, uint32_t t, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    struct live_set *l = &c->live[x->tier];
    uint32_t pos;
    char a[TEXT], b[TEXT];

    if (!(goes_round(c, r) && x->last_step == c->n_steps - 1)) {
        if (c->content[r] == ARRIVING || c->leaving[r] > 0)
            return FAIL("%s: %s ends while a started move %s it is not "
                        "waited for",
                        step_str(c, t, a), res_str(c, r, b),
                        c->leaving[r] > 0 ? "from" : "to");
        c->content[r] = EMPTY;
    }
    for (pos = live_find(c, l, x->offset); l->residence[pos] != r; pos++)
        ;
    memmove(&l->residence[pos], &l->residence[pos + 1],
            (l->n - pos - 1) * sizeof(l->residence[0]));
    l->n--;
    if (x->tensor == ATM_NONE)
        c->scratch[x->kernel] = ATM_NONE;
    else
        c->at[(size_t)x->tensor * c->s->n_tiers + x->tier] = ATM_NONE;
    return ATM_OK;
}

/* Where a kernel, or a reader of outputs, uses the tensor now. */
static uint32_t place_of(const struct check *c, uint32_t tensor)
{
    uint32_t i;

    for (i = 0; i < c->s->n_tiers; i++) {
        uint32_t r = c->at[(size_t)tensor * c->s->n_tiers + i];

        if (r != ATM_NONE)
            return r;
    }
    return ATM_NONE;
}

static enum atm_status must_be_valid(const struct check *c, uint32_t t,
                                     const char *verb, uint32_t r)
{
    char a[TEXT], b[TEXT];

    if (c->content[r] == VALID)
        return ATM_OK;
    if (c->content[r] == ARRIVING)
        return FAIL("%s %s %s before the move into it, started at step %" PRIu32
                    ", is waited for",
                    step_str(c, t, a), verb, res_str(c, r, b), c->started[r]);
    return FAIL("%s %s %s, which nothing has written in this iteration",
                step_str(c, t, a), verb, res_str(c, r, b));
}

/* Nobody else may be reading or writing r while it is written. */
static enum atm_status must_be_idle(const struct check *c, uint32_t t,
                                    uint32_t r)
{
    char a[TEXT], b[TEXT];

    if (c->content[r] != ARRIVING && c->leaving[r] == 0)
        return ATM_OK;
    return FAIL("%s writes %s while a started move %s it is not waited for",
                step_str(c, t, a), res_str(c, r, b),
                c->leaving[r] > 0 ? "from" : "to");
}

static enum atm_status play_pairs(const struct check *c, uint32_t t,
                                  const struct atm_kernel *k)
{
    uint32_t i;
    char a[TEXT], b[TEXT], d[TEXT];

    for (i = 0; i < k->n_pairs; i++) {
        uint32_t in = place_of(c, k->in[k->pair[i].in].tensor);
        uint32_t out = place_of(c, k->out[k->pair[i].out].tensor);
        const struct atm_residence *x = &c->s->residence[in];
        const struct atm_residence *y = &c->s->residence[out];

        if (k->pair[i].must && (x->tier != y->tier || x->offset != y->offset))
            return FAIL("%s updates in place, but %s and %s are two places",
                        step_str(c, t, a), res_str(c, in, b),
                        res_str(c, out, d));
    }
    return ATM_OK;
}

static enum atm_status play_run(struct check *c, uint32_t t)
{
    const struct atm_kernel *k = &c->p->kernel[c->s->step[t].kernel];
    enum atm_status st;
    uint32_t i, r;
    char a[TEXT];

    for (i = 0; i < k->n_in; i++) {
        if (k->in[i].tensor == ATM_NONE)
            continue;
        r = place_of(c, k->in[i].tensor);
        if (r == ATM_NONE)
            return FAIL("%s reads \"%s\", which has no residence there",
                        step_str(c, t, a), c->p->tensor[k->in[i].tensor].name);
        st = must_be_valid(c, t, "reads", r);
        if (st)
            return st;
    }
    for (i = 0; i < k->n_out; i++) {
        if (k->out[i].tensor == ATM_NONE)
            continue;
        r = place_of(c, k->out[i].tensor);
        if (r == ATM_NONE)
            return FAIL("%s writes \"%s\", which has no residence there",
                        step_str(c, t, a), c->p->tensor[k->out[i].tensor].name);
        st = must_be_idle(c, t, r);
        if (st)
            return st;
    }
    st = play_pairs(c, t, k);
    if (st)
        return st;
    if (k->scratch_bytes > 0 && c->scratch[c->s->step[t].kernel] == ATM_NONE)
        return FAIL("%s needs %" PRIu64 " bytes of scratch and has none",
                    step_str(c, t, a), k->scratch_bytes);
    for (i = 0; i < k->n_out; i++)
        if (k->out[i].tensor != ATM_NONE)
            c->content[place_of(c, k->out[i].tensor)] = VALID;
    return ATM_OK;
}

static enum atm_status play_move(struct check *c, uint32_t t, bool first_pass)
{
    const struct atm_step *m = &c->s->step[t];
    enum atm_status st;
    char a[TEXT];

    if (m->kind == ATM_STEP_WAIT) {
        if (c->content[m->to] == ARRIVING && c->source[m->to] == m->from) {
            c->content[m->to] = VALID;
            c->leaving[m->from]--;
            return ATM_OK;
        }
        /* a move over the boundary was not started before the first one */
        return first_pass && c->prologue[m->to]
                   ? ATM_OK
                   : FAIL("%s: no such move was started", step_str(c, t, a));
    }
    st = must_be_valid(c, t, "copies", m->from);
    if (!st)
        st = must_be_idle(c, t, m->to);
    if (st)
        return st;
    c->content[m->to] = VALID;
    if (m->kind == ATM_STEP_START) {
        c->content[m->to] = ARRIVING;
        c->source[m->to] = m->from;
        c->started[m->to] = t;
        c->leaving[m->from]++;
    }
    return ATM_OK;
}

/* Does r, at the end of an iteration, hold what it must hold when the next
 * one begins? The old value of a carry takes over the new one's bytes. */
static bool filled_at_boundary(const struct check *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    uint32_t next, from;

    if (x->tensor == ATM_NONE)
        return false;
    next = c->next_of[x->tensor];
    if (next == ATM_NONE)
        return lives_on(c, x->tensor) && goes_round(c, r) &&
               c->content[r] != EMPTY;
    from = c->at[(size_t)next * c->s->n_tiers + x->tier];
    return from != ATM_NONE && c->content[from] == VALID &&
           c->s->residence[from].offset == x->offset && x->first_step == 0;
}

static enum atm_status check_outputs(const struct check *c)
{
    uint32_t i, r, t = c->n_steps - 1;
    enum atm_status st;

    for (i = 0; i < c->p->n_outputs + c->p->n_tensors; i++) {
        uint32_t id =
            i < c->p->n_outputs ? c->p->output[i].tensor : i - c->p->n_outputs;

        if (i >= c->p->n_outputs && !c->p->tensor[id].out)
            continue;
        r = place_of(c, id);
        if (r == ATM_NONE)
            return FAIL("the output \"%s\" has no residence at the last step",
                        c->p->tensor[id].name);
        st = must_be_valid(c, t, "is the last, and the output is in", r);
        if (st)
            return st;
    }
    return ATM_OK;
}

/* Before the residences of the last step end: outputs are there, nothing is
 * on its way that the next iteration would see as its own, and what goes on
 * is exactly what the prologue gave. */
static enum atm_status check_boundary(const struct check *c)
{
    enum atm_status st = check_outputs(c);
    uint32_t r;
    char a[TEXT];

    for (r = 0; !st && r < c->n_res; r++) {
        bool holds = filled_at_boundary(c, r);

        if (c->content[r] == ARRIVING &&
            !lives_on(c, c->s->residence[r].tensor))
            st = FAIL("the move to %s is not waited for before the iteration "
                      "ends, and the value ends with it",
                      res_str(c, r, a));
        else if (c->prologue[r] && !holds)
            st = FAIL("the end state is not the begin state: the prologue "
                      "fills %s, the last step leaves nothing there",
                      res_str(c, r, a));
        else if (!c->prologue[r] && holds)
            st = FAIL("the end state is not the begin state: the last step "
                      "leaves %s filled, it is not in the prologue",
                      res_str(c, r, a));
    }
    return st;
}

/* Into the next iteration: its values are new, save those that live on. */
static void turn_over(struct check *c)
{
    uint32_t r;

    for (r = 0; r < c->n_res; r++) {
        uint32_t id = c->s->residence[r].tensor;

        if (id == ATM_NONE)
            c->content[r] = EMPTY;
        else if (c->next_of[id] != ATM_NONE && c->prologue[r])
            c->content[r] = VALID;
        else if (!lives_on(c, id))
            c->content[r] = EMPTY;
    }
}

static enum atm_status play(struct check *c, bool first_pass)
{
    enum atm_status st = ATM_OK;
    uint32_t t, i;

    for (t = 0; t < c->n_steps; t++) {
        for (i = c->first_of[t]; !st && i < c->first_of[t + 1]; i++)
            st = begin_residence(c, t, c->first_list[i]);
        if (!st)
            st = c->s->step[t].kind == ATM_STEP_RUN
                     ? play_run(c, t)
                     : play_move(c, t, first_pass);
        if (!st && t == c->n_steps - 1)
            st = check_boundary(c);
        for (i = c->last_of[t]; !st && i < c->last_of[t + 1]; i++)
            st = end_residence(c, t, c->last_list[i]);
        if (st)
            return st;
    }
    turn_over(c);
    return ATM_OK;
}

/* ---- set-up ------------------------------------------------------------ */

/* Residences by their first (or last) step: those of step t are
 * list[of[t]..of[t + 1]). */
static enum atm_status index_by_step(const struct check *c, bool by_last,
                                     uint32_t **of, uint32_t **list)
{
    const struct atm_residence *x = c->s->residence;
    uint32_t *n, r, t;

    n = atm_arena_array(c->arena, (size_t)c->n_steps + 2, sizeof(*n));
    *list = atm_arena_array(c->arena, c->n_res, sizeof(**list));
    if (!n || !*list)
        return ATM_NOMEM;
    for (r = 0; r < c->n_res; r++)
        n[(by_last ? x[r].last_step : x[r].first_step) + 2]++;
    for (t = 2; t < c->n_steps + 2; t++)
        n[t] += n[t - 1];
    /* n[t + 1] is where step t begins and, once filled, where it ends */
    for (r = 0; r < c->n_res; r++)
        (*list)[n[(by_last ? x[r].last_step : x[r].first_step) + 1]++] = r;
    *of = n;
    return ATM_OK;
}

static void fill_none(uint32_t *p, size_t n)
{
    while (n-- > 0)
        p[n] = ATM_NONE;
}

static enum atm_status set_up(struct check *c)
{
    const size_t places = (size_t)c->p->n_tensors * c->s->n_tiers;
    uint32_t i;

    c->content = atm_arena_array(c->arena, c->n_res, sizeof(*c->content));
    c->source = atm_arena_array(c->arena, c->n_res, sizeof(*c->source));
    c->started = atm_arena_array(c->arena, c->n_res, sizeof(*c->started));
    c->leaving = atm_arena_array(c->arena, c->n_res, sizeof(*c->leaving));
    c->prologue = atm_arena_array(c->arena, c->n_res, sizeof(*c->prologue));
    c->next_of =
        atm_arena_array(c->arena, c->p->n_tensors, sizeof(*c->next_of));
    c->at = atm_arena_array(c->arena, places, sizeof(*c->at));
    c->scratch =
        atm_arena_array(c->arena, c->p->n_kernels, sizeof(*c->scratch));
    if (!c->content || !c->source || !c->started || !c->leaving ||
        !c->prologue || !c->next_of || !c->at || !c->scratch)
        return ATM_NOMEM;
    fill_none(c->at, places);
    fill_none(c->scratch, c->p->n_kernels);
    fill_none(c->next_of, c->p->n_tensors);
    for (i = 0; i < c->p->n_carries; i++)
        c->next_of[c->p->carry[i].prev] = c->p->carry[i].next;
    for (i = 0; i < c->s->n_tiers; i++) {
        c->live[i].residence = atm_arena_array(c->arena, (size_t)c->n_res + 1,
                                               sizeof(c->live[i].residence[0]));
        if (!c->live[i].residence)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

/* What the file says about itself and people read: bytes moved, peaks. */
static enum atm_status check_totals(const struct check *c)
{
    const uint64_t peak[2] = {c->s->fast_peak_bytes, c->s->slow_peak_bytes};
    uint64_t moved = 0;
    uint32_t i;
    char a[TEXT];

    for (i = 0; i < c->n_steps; i++) {
        const struct atm_step *st = &c->s->step[i];

        if (st->kind != ATM_STEP_MOVE && st->kind != ATM_STEP_START)
            continue;
        if (!atm_add_u64(moved, c->p->tensor[st->tensor].bytes, &moved))
            return FAIL("the bytes moved overflow");
    }
    if (moved != c->s->moved_bytes)
        return FAIL("it moves %" PRIu64 " bytes and says %" PRIu64, moved,
                    c->s->moved_bytes);
    for (i = 0; i < c->n_res; i++) {
        const struct atm_residence *x = &c->s->residence[i];

        if (x->tier < 2 && x->offset + res_bytes(c, i) > peak[x->tier])
            return FAIL("%s ends above the stated peak of its tier, %" PRIu64
                        " bytes",
                        res_str(c, i, a), peak[x->tier]);
    }
    return ATM_OK;
}

static enum atm_status check_form(struct check *c)
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
    struct check c = {.s = s, .p = program};
    enum atm_status st;
    uint32_t r;

    c.n_res = s->n_residences;
    c.n_steps = s->n_steps;
    c.arena = atm_arena_new();
    if (!c.arena)
        return ATM_NOMEM;
    st = check_form(&c);
    if (!st)
        st = set_up(&c);
    if (!st)
        st = index_by_step(&c, false, &c.first_of, &c.first_list);
    if (!st)
        st = index_by_step(&c, true, &c.last_of, &c.last_list);
    if (!st)
        st = check_prologue(&c);
    if (!st)
        st = check_args_loaded(&c);
    for (r = 0; !st && r < c.n_res; r++) {
        if (c.prologue[r])
            c.content[r] = VALID;
        if (s->residence[r].first_step > s->residence[r].last_step)
            st = begin_residence(&c, 0, r);
    }
    if (!st)
        st = play(&c, true);
    if (!st)
        st = play(&c, false);
    if (!st) /* last: a fault of the play says more than a wrong sum */
        st = check_totals(&c);
    atm_arena_delete(c.arena);
    return st;
}
