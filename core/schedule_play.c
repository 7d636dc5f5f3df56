/* schedule_play.c - plays one iteration of a schedule after the other on an
 * abstract machine and names the first thing that goes wrong.
 *
 * What a residence holds is one of three states; every step demands and
 * changes them. Bytes are safe because residences that live at one step never
 * overlap, save the two of a declared in-place pair at the step of their
 * kernel; values are safe because only a VALID residence may be read. Two
 * iterations are enough: the first starts from the prologue, the second from
 * the end of the first, and the state at the boundary must be the same.
 */
#include "schedule_check.h"

#include "arena.h"

#include <inttypes.h>
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

struct machine {
    const struct atm__check *in;
    const struct atm_schedule *s;
    const struct atm_program *p;
    enum content *content; /* per residence */
    uint32_t *source;      /* per residence: ARRIVING from which one */
    uint32_t *started;     /* per residence: ARRIVING since which step */
    uint32_t *leaving;     /* per residence: started moves reading it */
    uint32_t *next_of;     /* per tensor: new value of its carry, or NONE */
    uint32_t *at;          /* [tensor * n_tiers + tier]: live residence */
    uint32_t *scratch;     /* per kernel: live residence of its scratch */
    uint32_t *first_of, *first_list; /* residences by first step (CSR) */
    uint32_t *last_of, *last_list;   /* residences by last step (CSR) */
    struct live_set live[ATM_TIERS_MAX];
};

#define TEXT ATM__CHECK_TEXT
#define FAIL ATM__CHECK_FAIL

static const char *step_str(const struct machine *c, uint32_t t, char *buf)
{
    return atm__check_step_str(c->in, t, buf);
}

static const char *res_str(const struct machine *c, uint32_t r, char *buf)
{
    return atm__check_res_str(c->in, r, buf);
}

static uint64_t res_bytes(const struct machine *c, uint32_t r)
{
    return atm__check_res_bytes(c->in, r);
}

/* Is the value of this iteration that of the next one, too? */
static bool lives_on(const struct machine *c, uint32_t tensor)
{
    return c->p->tensor[tensor].arg && c->next_of[tensor] == ATM_NONE;
}

/* Does the residence go on from the last step to step 0 of the next
 * iteration? A resident tensor spans the whole iteration. */
static bool goes_round(const struct machine *c, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];

    if (x->tensor == ATM_NONE)
        return false;
    return x->first_step > x->last_step ||
           (x->first_step == 0 && x->last_step == c->in->n_steps - 1 &&
            lives_on(c, x->tensor));
}

/* in's residence ends, and out's begins, at the kernel of their pair. */
static bool shares_as_pair(const struct machine *c, uint32_t t, uint32_t in,
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
static uint32_t live_find(const struct machine *c, const struct live_set *l,
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

static enum atm_status overlap(const struct machine *c, uint32_t t,
                               uint32_t old, uint32_t new)
{
    char a[TEXT], b[TEXT], d[TEXT];

    if (shares_as_pair(c, t, old, new))
        return ATM_OK;
    return FAIL("%s: %s overlaps %s, which is still live", step_str(c, t, a),
                res_str(c, new, b), res_str(c, old, d));
}

static enum atm_status begin_residence(struct machine *c, uint32_t t,
                                       uint32_t r)
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

static enum atm_status end_residence(struct machine *c, uint32_t t, uint32_t r)
{
    const struct atm_residence *x = &c->s->residence[r];
    struct live_set *l = &c->live[x->tier];
    uint32_t pos;
    char a[TEXT], b[TEXT];

    if (!(goes_round(c, r) && x->last_step == c->in->n_steps - 1)) {
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
static uint32_t place_of(const struct machine *c, uint32_t tensor)
{
    uint32_t i;

    for (i = 0; i < c->s->n_tiers; i++) {
        uint32_t r = c->at[(size_t)tensor * c->s->n_tiers + i];

        if (r != ATM_NONE)
            return r;
    }
    return ATM_NONE;
}

static enum atm_status must_be_valid(const struct machine *c, uint32_t t,
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
static enum atm_status must_be_idle(const struct machine *c, uint32_t t,
                                    uint32_t r)
{
    char a[TEXT], b[TEXT];

    if (c->content[r] != ARRIVING && c->leaving[r] == 0)
        return ATM_OK;
    return FAIL("%s writes %s while a started move %s it is not waited for",
                step_str(c, t, a), res_str(c, r, b),
                c->leaving[r] > 0 ? "from" : "to");
}

static enum atm_status play_pairs(const struct machine *c, uint32_t t,
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

static enum atm_status play_run(struct machine *c, uint32_t t)
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

static enum atm_status play_move(struct machine *c, uint32_t t, bool first_pass)
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
        return first_pass && c->in->prologue[m->to]
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
static bool filled_at_boundary(const struct machine *c, uint32_t r)
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

static enum atm_status check_outputs(const struct machine *c)
{
    uint32_t i, r, t = c->in->n_steps - 1;
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
static enum atm_status check_boundary(const struct machine *c)
{
    enum atm_status st = check_outputs(c);
    uint32_t r;
    char a[TEXT];

    for (r = 0; !st && r < c->in->n_res; r++) {
        bool holds = filled_at_boundary(c, r);

        if (c->content[r] == ARRIVING &&
            !lives_on(c, c->s->residence[r].tensor))
            st = FAIL("the move to %s is not waited for before the iteration "
                      "ends, and the value ends with it",
                      res_str(c, r, a));
        else if (c->in->prologue[r] && !holds)
            st = FAIL("the end state is not the begin state: the prologue "
                      "fills %s, the last step leaves nothing there",
                      res_str(c, r, a));
        else if (!c->in->prologue[r] && holds)
            st = FAIL("the end state is not the begin state: the last step "
                      "leaves %s filled, it is not in the prologue",
                      res_str(c, r, a));
    }
    return st;
}

/* Into the next iteration: its values are new, save those that live on. */
static void turn_over(struct machine *c)
{
    uint32_t r;

    for (r = 0; r < c->in->n_res; r++) {
        uint32_t id = c->s->residence[r].tensor;

        if (id == ATM_NONE)
            c->content[r] = EMPTY;
        else if (c->next_of[id] != ATM_NONE && c->in->prologue[r])
            c->content[r] = VALID;
        else if (!lives_on(c, id))
            c->content[r] = EMPTY;
    }
}

static enum atm_status play(struct machine *c, bool first_pass)
{
    enum atm_status st = ATM_OK;
    uint32_t t, i;

    for (t = 0; t < c->in->n_steps; t++) {
        for (i = c->first_of[t]; !st && i < c->first_of[t + 1]; i++)
            st = begin_residence(c, t, c->first_list[i]);
        if (!st)
            st = c->s->step[t].kind == ATM_STEP_RUN
                     ? play_run(c, t)
                     : play_move(c, t, first_pass);
        if (!st && t == c->in->n_steps - 1)
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
static enum atm_status index_by_step(const struct machine *c, bool by_last,
                                     uint32_t **of, uint32_t **list)
{
    const struct atm_residence *x = c->s->residence;
    uint32_t *n, r, t;

    n = atm_arena_array(c->in->arena, (size_t)c->in->n_steps + 2, sizeof(*n));
    *list = atm_arena_array(c->in->arena, c->in->n_res, sizeof(**list));
    if (!n || !*list)
        return ATM_NOMEM;
    for (r = 0; r < c->in->n_res; r++)
        n[(by_last ? x[r].last_step : x[r].first_step) + 2]++;
    for (t = 2; t < c->in->n_steps + 2; t++)
        n[t] += n[t - 1];
    /* n[t + 1] is where step t begins and, once filled, where it ends */
    for (r = 0; r < c->in->n_res; r++)
        (*list)[n[(by_last ? x[r].last_step : x[r].first_step) + 1]++] = r;
    *of = n;
    return ATM_OK;
}

static void fill_none(uint32_t *p, size_t n)
{
    while (n-- > 0)
        p[n] = ATM_NONE;
}

static enum atm_status set_up(struct machine *c)
{
    const size_t places = (size_t)c->p->n_tensors * c->s->n_tiers;
    uint32_t i;

    c->content =
        atm_arena_array(c->in->arena, c->in->n_res, sizeof(*c->content));
    c->source = atm_arena_array(c->in->arena, c->in->n_res, sizeof(*c->source));
    c->started =
        atm_arena_array(c->in->arena, c->in->n_res, sizeof(*c->started));
    c->leaving =
        atm_arena_array(c->in->arena, c->in->n_res, sizeof(*c->leaving));
    c->next_of =
        atm_arena_array(c->in->arena, c->p->n_tensors, sizeof(*c->next_of));
    c->at = atm_arena_array(c->in->arena, places, sizeof(*c->at));
    c->scratch =
        atm_arena_array(c->in->arena, c->p->n_kernels, sizeof(*c->scratch));
    if (!c->content || !c->source || !c->started || !c->leaving ||
        !c->in->prologue || !c->next_of || !c->at || !c->scratch)
        return ATM_NOMEM;
    fill_none(c->at, places);
    fill_none(c->scratch, c->p->n_kernels);
    fill_none(c->next_of, c->p->n_tensors);
    for (i = 0; i < c->p->n_carries; i++)
        c->next_of[c->p->carry[i].prev] = c->p->carry[i].next;
    for (i = 0; i < c->s->n_tiers; i++) {
        c->live[i].residence =
            atm_arena_array(c->in->arena, (size_t)c->in->n_res + 1,
                            sizeof(c->live[i].residence[0]));
        if (!c->live[i].residence)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

enum atm_status atm__schedule_play(const struct atm__check *in)
{
    struct machine c = {.in = in, .s = in->s, .p = in->p};
    enum atm_status st = set_up(&c);
    uint32_t r;

    if (!st)
        st = index_by_step(&c, false, &c.first_of, &c.first_list);
    if (!st)
        st = index_by_step(&c, true, &c.last_of, &c.last_list);
    for (r = 0; !st && r < in->n_res; r++) {
        if (in->prologue[r])
            c.content[r] = VALID;
        if (in->s->residence[r].first_step > in->s->residence[r].last_step)
            st = begin_residence(&c, 0, r);
    }
    if (!st)
        st = play(&c, true);
    return st ? st : play(&c, false);
}
