/* schedule_steps.c - the order of steps: moves between kernels, or the starts
 * and waits of moves beside them.
 *
 * Between two kernels stand the evictions after the first (E), then the
 * fetches for the second (F). Moves beside kernels: evictions start, fetches
 * start whose place is free, evictions are waited for, the other fetches
 * start, fetches are waited for. The clock of the problem starts a move when
 * its kernel has ended; here a fetch starts later where it would take a place
 * before it is free, or stand in front of a slow copy that is still used.
 */
#include "schedule_build.h"

#include "arena.h"
#include "copy_clock.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDS 32 /* iterations until they repeat */

const struct atm_storage *atm__box_storage(const struct atm__builder *b,
                                           const struct atm_box *x)
{
    return &b->st.s[b->st.of[x->tensor]];
}

bool atm__kept_to_end(const struct atm__builder *b, const struct atm_storage *s)
{
    uint32_t t = s->tensor[s->n_tensors - 1];

    return s->out && s->n_gaps && b->a->kept_after[t][b->a->n_gaps[t] - 1];
}

static bool is_whole(const struct atm__builder *b, const struct atm_box *x)
{
    return x->first_phase == 0 && x->last_phase == 3 * b->p->n_kernels - 1;
}

/* ---- which moves there are --------------------------------------------- */

static bool has_fetch(const struct atm__builder *b, const struct atm_box *x)
{
    return x->tensor != ATM_NONE && x->tier == 0 && x->first_phase % 3 == 0 &&
           !is_whole(b, x);
}

static bool has_eviction(const struct atm__builder *b, const struct atm_box *x)
{
    if (x->tensor == ATM_NONE || x->tier != 0 || x->last_phase % 3 != 2 ||
        is_whole(b, x))
        return false;
    return x->last_phase != 3 * b->p->n_kernels - 1 ||
           !atm__kept_to_end(b, atm__box_storage(b, x));
}

static void add(struct atm__builder *b, uint32_t box, bool in, uint32_t start,
                uint32_t wait)
{
    (in ? b->fetched : b->evicted)[box] = b->n_moves;
    b->move[b->n_moves++] = (struct atm__step_move){
        .box = box, .in = in, .start_gap = start, .wait_gap = wait};
}

/* The phases of the boxes say it. */
static void moves_between(struct atm__builder *b)
{
    uint32_t i;

    for (i = 0; i < b->a->n_boxes; i++) {
        const struct atm_box *x = &b->a->box[i];

        if (has_fetch(b, x))
            add(b, i, true, x->first_phase / 3, x->first_phase / 3);
        if (has_eviction(b, x))
            add(b, i, false, x->last_phase / 3 + 1, x->last_phase / 3 + 1);
    }
}

/* A fetch for station i of its storage starts after the station before. Only
 * what never changes may be under way over the boundary. */
static uint32_t fetch_gap(const struct atm__builder *b,
                          const struct atm_storage *s, uint32_t start,
                          uint32_t wait)
{
    uint32_t n = b->p->n_kernels, i, before;

    for (i = 0; s->kernel[i] != wait; i++)
        ;
    if (i > 0) {
        before = s->kernel[i - 1] + 1;
        return start > wait || start < before ? before : start;
    }
    if (start <= wait)
        return start;
    before = s->kernel[s->n_stations - 1] + 1;
    start = start < before ? before : start;
    return s->n_tensors > 1 || start == n ? 0 : start;
}

static enum atm_status move_beside(struct atm__builder *b,
                                   const struct atm_placement_move *m)
{
    uint32_t n = b->p->n_kernels, i, start, wait = m->wait_before;
    const struct atm_storage *s = &b->st.s[b->st.of[m->tensor]];

    start = m->start_after < 0 ? 0 : (uint32_t)m->start_after + 1;
    for (i = 0; i < b->a->n_boxes; i++) {
        const struct atm_box *x = &b->a->box[i];

        if (x->tensor != s->tensor[0] || x->tier != 0)
            continue;
        if (m->to_fast && x->first_phase == 3 * (start % n)) {
            add(b, i, true, fetch_gap(b, s, start % n, wait), wait);
            return ATM_OK;
        }
        if (!m->to_fast && x->last_phase == 3 * ((wait + n - 1) % n) + 2) {
            start = start ? start : n;
            /* a changing value is home before its iteration ends */
            add(b, i, false, start, wait < start ? n : wait);
            return ATM_OK;
        }
    }
    return atm_fail(ATM_INTERNAL,
                    "schedule: a move of \"%s\" belongs to no residence",
                    b->g->tensor[m->tensor].name);
}

static bool meet(const struct atm_box *x, const struct atm_box *y)
{
    return x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes;
}

/* A fetch starts when its slow copy has been waited for. It is late where
 * that, or its place, is only there after a wait of the same gap. */
static void find_late(struct atm__builder *b, struct atm__step_move *in)
{
    const struct atm_box *x = &b->a->box[in->box], *y;
    const struct atm__step_move *out;
    uint32_t pass, i;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < b->n_moves; i++) {
            out = &b->move[i];
            y = &b->a->box[out->box];
            if (out->in)
                continue;
            if (pass && out->wait_gap == in->start_gap)
                in->late |= x->tensor == y->tensor || meet(x, y);
            else if (!pass && x->tensor == y->tensor &&
                     in->start_gap < out->wait_gap &&
                     out->wait_gap <= in->wait_gap)
                in->start_gap = out->wait_gap;
        }
}

static enum atm_status find_moves(struct atm__builder *b)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < b->a->n_boxes; i++)
        b->fetched[i] = b->evicted[i] = ATM_NONE;
    if (!b->a->asynchronous)
        moves_between(b);
    for (i = 0; i < b->a->n_moves && !st; i++)
        st = move_beside(b, &b->a->move[i]);
    for (i = 0; i < b->n_moves && b->a->asynchronous; i++)
        if (b->move[i].in)
            find_late(b, &b->move[i]);
    return st;
}

/* ---- their order ------------------------------------------------------- */

/* One end of a move among the steps of a gap. */
struct end {
    uint32_t gap, rank; /* in which it stands; among those of the gap */
    uint32_t move;
    enum atm_step_kind kind;
};

/* In its queue the move that is waited for first goes first: `move` is the
 * order of the placement's moves. */
static int compare_end(const void *x, const void *y)
{
    const struct end *a = x, *b = y;

    if (a->gap != b->gap)
        return a->gap < b->gap ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->move < b->move ? -1 : a->move > b->move;
}

static uint32_t list_ends(const struct atm__builder *b, struct end *end)
{
    uint32_t n = 0, i;

    for (i = 0; i < b->n_moves; i++) {
        const struct atm__step_move *m = &b->move[i];

        if (!b->a->asynchronous) {
            end[n++] = (struct end){m->start_gap, m->in, i, ATM_STEP_MOVE};
            continue;
        }
        end[n++] = (struct end){m->start_gap,
                                !m->in     ? 0
                                : !m->late ? 1
                                           : 3,
                                i, ATM_STEP_START};
        end[n++] = (struct end){m->wait_gap, m->in ? 4 : 2, i, ATM_STEP_WAIT};
    }
    qsort(end, n, sizeof(*end), compare_end);
    return n;
}

enum atm_status atm__schedule_steps(struct atm__builder *b)
{
    uint32_t n = b->a->n_boxes, n_ends, at = 0, k;
    struct atm_schedule *s = b->s;
    enum atm_status st;
    struct end *end;

    b->move = atm_arena_array(b->tmp, 2 * (size_t)n, sizeof(*b->move));
    b->run = atm_arena_array(b->tmp, b->p->n_kernels, sizeof(*b->run));
    b->fetched = atm_arena_array(b->tmp, n, sizeof(*b->fetched));
    b->evicted = atm_arena_array(b->tmp, n, sizeof(*b->evicted));
    end = atm_arena_array(b->tmp, 4 * (size_t)n, sizeof(*end));
    if (!b->move || !b->run || !b->fetched || !b->evicted || !end)
        return ATM_NOMEM;
    st = find_moves(b);
    if (st)
        return st;
    n_ends = list_ends(b, end);
    s->step = atm_arena_array(s->arena, (size_t)n_ends + b->p->n_kernels,
                              sizeof(*s->step));
    if (!s->step)
        return ATM_NOMEM;
    for (k = 0; k <= b->p->n_kernels; k++) {
        for (; at < n_ends && end[at].gap == k; at++) {
            struct atm__step_move *m = &b->move[end[at].move];

            if (end[at].kind != ATM_STEP_WAIT)
                m->start = s->n_steps;
            if (end[at].kind != ATM_STEP_START)
                m->wait = s->n_steps;
            s->step[s->n_steps++].kind = end[at].kind;
        }
        if (k == b->p->n_kernels)
            break;
        b->run[k] = s->n_steps;
        s->step[s->n_steps++] = (struct atm_step){.kind = ATM_STEP_RUN,
                                                  .kernel = k,
                                                  .tensor = ATM_NONE,
                                                  .from = ATM_NONE,
                                                  .to = ATM_NONE};
    }
    return ATM_OK;
}

/* ---- their time -------------------------------------------------------- */

static double play(struct atm_copy_clock *clock, const struct atm__builder *b,
                   const uint32_t *job, const double *alone)
{
    struct atm_schedule *s = b->s;
    double sum = 0;
    uint32_t t;

    for (t = 0; t < s->n_steps; t++) {
        struct atm_step *step = &s->step[t];

        step->predicted_s = 0;
        if (step->kind == ATM_STEP_RUN)
            step->predicted_s = atm_copy_clock_run(clock, alone[t]);
        else if (step->kind == ATM_STEP_START)
            atm_copy_clock_start(clock, job[t], b->move[job[t]].in, alone[t]);
        else
            step->predicted_s = atm_copy_clock_wait(clock, job[t]);
        sum += step->predicted_s;
    }
    return sum;
}

enum atm_status atm__schedule_overlap(const struct atm__builder *b)
{
    const struct atm_problem_async *a = &b->p->async;
    const struct atm_overlap overlap = {
        .mixed_read = a->mixed_read_bw / a->read_bw,
        .mixed_write = a->mixed_write_bw / a->write_bw,
        .copy_slowdown = a->copy_slowdown,
        .kernel_slowdown = a->kernel_slowdown};
    struct atm_schedule *s = b->s;
    double *alone = atm_arena_array(b->tmp, s->n_steps, sizeof(*alone));
    uint32_t *job = atm_arena_array(b->tmp, s->n_steps, sizeof(*job)), i;
    struct atm_copy_clock *clock;
    double before = -1, sum = 0;
    enum atm_status st;

    if (!alone || !job)
        return ATM_NOMEM;
    st = atm_copy_clock_new(b->tmp, b->n_moves, &overlap, &clock);
    if (st)
        return st;
    for (i = 0; i < s->n_steps; i++)
        alone[i] = s->step[i].predicted_s;
    for (i = 0; i < b->n_moves; i++)
        job[b->move[i].start] = job[b->move[i].wait] = i;
    for (i = 0; i < ROUNDS && fabs(sum - before) > 1e-12 * sum; i++) {
        before = sum;
        sum = play(clock, b, job, alone);
    }
    s->predicted_s = sum;
    return ATM_OK;
}
