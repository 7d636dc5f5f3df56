/* placement_moves.c - moves of an asynchronous answer against its residences,
 * and the clock.
 *
 * It shares no code with the planner's: jobs stand in one list, each kernel
 * looks through all of them. */
#include "placement_moves.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FAIL(...) atm_fail(ATM_FORMAT, "placement: " __VA_ARGS__)
#define ROUNDS 64
#define SAME 1e-11 /* of the time so far: the queues are as they were */

struct span {
    int64_t start, wait; /* wait > start; beyond N: of the next iteration */
};

static struct span span_of(const struct atm_problem *p,
                           const struct atm_placement_move *m)
{
    struct span s = {m->start_after, m->wait_before};

    if (s.wait <= s.start)
        s.wait += p->n_kernels;
    return s;
}

static enum atm_status check_form(const struct atm_problem *p,
                                  const struct atm_placement *a)
{
    uint32_t i, n = p->n_kernels;

    for (i = 0; i < a->n_moves; i++) {
        const struct atm_placement_move *m = &a->move[i];

        if (m->tensor >= p->n_tensors || m->start_after < -1 ||
            m->start_after >= (int64_t)n || m->wait_before > n)
            return FAIL("move %" PRIu32 ": its tensor or kernels do not exist",
                        i);
        if (!p->cyclic && (int64_t)m->wait_before <= m->start_after)
            return FAIL("move %" PRIu32 " is waited for before it starts", i);
    }
    return ATM_OK;
}

/* Each stay after the one before it, counted on through the iterations. */
static void unroll(struct atm__mover *s, int64_t n)
{
    int64_t base = 0, end = -1;
    uint32_t i;

    for (i = 0; i < s->n_stays; i++) {
        struct atm__stay *y = &s->stay[i];

        y->at = y->first + base;
        if (i && y->at <= end) {
            base += n;
            y->at += n;
        }
        y->until = y->last + base;
        if (y->until < y->at) {
            base += n;
            y->until += n;
        }
        end = y->until;
        y->write_move = y->fetch_move = ATM_NONE;
    }
}

/* Moves of the storage towards one tier, by start; n of them. */
static uint32_t *moves_of(const struct atm_placement *a, const uint32_t *of,
                          uint32_t head, bool to_fast, uint32_t *list)
{
    uint32_t n = 0, i, j;

    for (i = 0; i < a->n_moves; i++) {
        if (of[a->move[i].tensor] != head || a->move[i].to_fast != to_fast)
            continue;
        for (j = n++; j && !to_fast &&
                      a->move[list[j - 1]].start_after > a->move[i].start_after;
             j--)
            list[j] = list[j - 1];
        list[j] = i;
    }
    list[n] = ATM_NONE;
    return list;
}

static uint32_t drop(uint32_t *list)
{
    uint32_t id = list[0], i;

    for (i = 0; list[i] != ATM_NONE; i++)
        list[i] = list[i + 1];
    return id;
}

static enum atm_status match_writes(const struct atm_problem *p,
                                    const struct atm_placement *a,
                                    struct atm__mover *s, uint32_t *list)
{
    int64_t n = p->n_kernels;
    uint32_t i, j;

    for (i = 0; i < s->n_stays; i++) {
        struct atm__stay *y = &s->stay[i];
        int64_t write = y->at + ((int64_t)y->write - (int64_t)y->first + n) % n;
        struct span c = {0, 0};

        if (!y->written)
            continue;
        for (j = 0; list[j] != ATM_NONE; j++) {
            int64_t up = 0;

            c = span_of(p, &a->move[list[j]]);
            if (write > c.start)
                up = (write - c.start + n - 1) / n * n;
            c.start += up;
            c.wait += up;
            if (p->cyclic || up == 0)
                break;
        }
        if (list[j] == ATM_NONE)
            return FAIL("tensor %" PRIu32 ": no move for its eviction after "
                        "kernel %" PRIu32,
                        s->head, y->last);
        y->write_move = drop(list + j);
        y->waited = c.wait;
        if (c.wait - y->at > n)
            return FAIL("tensor %" PRIu32 ": in fast memory for more than an "
                        "iteration",
                        s->head);
        if (!s->circle && c.wait > n)
            return FAIL("tensor %" PRIu32 ": its eviction is not over at the "
                        "end of the iteration",
                        s->head);
        if (c.wait - 1 > y->until)
            y->end = 3 * (uint32_t)((c.wait - 1) % n) + 2;
        if (s->in_slow && !s->arg &&
            s->slow_begin == 3 * (uint32_t)(y->until % n) + 2 &&
            3 * (uint32_t)(c.start % n) + 2 < s->slow_begin)
            s->slow_begin = 3 * (uint32_t)(c.start % n) + 2;
    }
    return list[0] == ATM_NONE
               ? ATM_OK
               : FAIL("move %" PRIu32 " is none that the plan needs", list[0]);
}

/* The last stay before number n whose write the slow copy is from. */
static const struct atm__stay *writer(const struct atm__mover *s, uint32_t n)
{
    uint32_t back;

    for (back = 1; back <= s->n_stays && (back <= n || s->circle); back++) {
        const struct atm__stay *y =
            &s->stay[(n + s->n_stays - back) % s->n_stays];

        if (y->written)
            return y;
    }
    return NULL;
}

static enum atm_status match_fetches(const struct atm_problem *p,
                                     const struct atm_placement *a,
                                     struct atm__mover *s, uint32_t *list)
{
    int64_t n = p->n_kernels, end;
    uint32_t i, j;

    for (i = 0; i < s->n_stays; i++) {
        struct atm__stay *y = &s->stay[i];
        struct span c = {0, 0};

        if (!y->fetched)
            continue;
        for (j = 0; list[j] != ATM_NONE; j++) {
            c = span_of(p, &a->move[list[j]]);
            if (c.wait % n == y->first && (p->cyclic || c.wait == y->first))
                break;
        }
        if (list[j] == ATM_NONE)
            return FAIL("tensor %" PRIu32
                        ": no move for its fetch at kernel %" PRIu32,
                        s->head, y->first);
        y->fetch_move = drop(list + j);
        end = y->until + 1;
        if (y->written && y->waited > end)
            end = y->waited;
        if (end - (y->at - c.wait + c.start + 1) > n)
            return FAIL("tensor %" PRIu32 ": in fast memory for more than an "
                        "iteration",
                        s->head);
        if (c.start + 1 < c.wait)
            y->begin = 3 * (uint32_t)((c.start + 1) % n);
    }
    return list[0] == ATM_NONE
               ? ATM_OK
               : FAIL("move %" PRIu32 " is none that the plan needs", list[0]);
}

static enum atm_status check_uses(const struct atm_problem *p,
                                  const struct atm__mover *s)
{
    uint32_t i;

    for (i = 0; i < s->n_uses && s->n_stays; i++) {
        const struct atm__stay *y = writer(s, s->use[i].stays);
        int64_t at = s->use[i].kernel;

        if (!y)
            continue;
        while (at <= y->until)
            at += p->n_kernels;
        if (y->waited > at)
            return FAIL("tensor %" PRIu32
                        ": read in slow memory at kernel %" PRIu32
                        " before its write is waited for",
                        s->head, s->use[i].kernel);
    }
    return ATM_OK;
}

enum atm_status atm__moves_check(const struct atm_problem *p,
                                 const struct atm_placement *a,
                                 const uint32_t *of, struct atm__mover *mover,
                                 struct atm_arena *arena)
{
    uint32_t *list = atm_arena_array(arena, (size_t)a->n_moves + 1, 4), i;
    enum atm_status st = check_form(p, a);

    if (!list)
        return ATM_NOMEM;
    for (i = 0; i < p->n_tensors && !st; i++) {
        struct atm__mover *s = &mover[i];

        if (of[i] != i)
            continue;
        unroll(s, p->n_kernels);
        st = match_writes(p, a, s, moves_of(a, of, i, false, list));
        if (!st)
            st = match_fetches(p, a, s, moves_of(a, of, i, true, list));
        if (!st)
            st = check_uses(p, s);
    }
    return st;
}

/* ---- the clock --------------------------------------------------------- */

struct copy {
    struct span span;
    double work;
    uint32_t after;      /* move that writes what it reads; ATM_NONE */
    int64_t asked, over; /* instances enqueued, instances over */
};

struct line { /* of one direction: moves in order of enqueueing */
    uint32_t *move;
    size_t first, n, cap;
    double left;
};

struct clock {
    const struct atm_problem *p;
    const struct atm_placement *a;
    struct copy *copy;
    struct line line[2];
    const double *kernel_s;
    double now;
};

static void enqueue(struct clock *c, int64_t kernel, int64_t rounds)
{
    int64_t n = c->p->n_kernels, due;
    uint32_t i;

    for (i = 0; i < c->a->n_moves; i++) {
        struct copy *x = &c->copy[i];
        struct line *q = &c->line[!c->a->move[i].to_fast];

        due = kernel - x->span.start;
        if (due < 0 || due % n || due / n >= rounds || q->n == q->cap)
            continue;
        if (!q->n)
            q->left = x->work;
        q->move[(q->first + q->n++) % q->cap] = i;
        x->asked++;
    }
}

/* What the instance at the head of the line reads is there. */
static bool can_run(const struct clock *c, const struct line *q)
{
    const struct copy *x, *w;
    int64_t n = c->p->n_kernels, last;

    if (!q->n)
        return false;
    x = &c->copy[q->move[q->first]];
    if (x->after == ATM_NONE)
        return true;
    w = &c->copy[x->after];
    /* the last write enqueued before kernel `wait` of its iteration; the
     * head's iteration is the number of its instances that are over */
    last = x->over * n + x->span.wait - 1 - w->span.start;
    return last < 0 || w->over > last / n;
}

static bool kernel_may_start(const struct clock *c, int64_t kernel)
{
    int64_t n = c->p->n_kernels, due;
    uint32_t i;

    for (i = 0; i < c->a->n_moves; i++) {
        due = kernel - c->copy[i].span.wait;
        if (due >= 0 && due % n == 0 && c->copy[i].over <= due / n)
            return false;
    }
    return true;
}

struct mark {
    double now, left[2];
    int64_t *state; /* per move: asked, over, less the iteration */
};

static bool same_mark(const struct mark *x, const struct mark *y, uint32_t n)
{
    double slack = SAME * y->now;

    return fabs(x->left[0] - y->left[0]) <= slack &&
           fabs(x->left[1] - y->left[1]) <= slack &&
           memcmp(x->state, y->state, 2 * (size_t)n * sizeof(int64_t)) == 0;
}

/* The state at the end of an iteration. Lines are in order of enqueueing, so
 * what has been asked for and what is over say what stands in them. */
static enum atm_status set_mark(const struct clock *c, int64_t iteration,
                                struct atm_arena *arena, struct mark *k)
{
    uint32_t i;

    k->now = c->now;
    k->left[0] = c->line[0].n ? c->line[0].left : 0;
    k->left[1] = c->line[1].n ? c->line[1].left : 0;
    k->state =
        atm_arena_array(arena, 2 * (size_t)c->a->n_moves, sizeof(int64_t));
    for (i = 0; i < c->a->n_moves && k->state; i++) {
        k->state[2 * i] = c->copy[i].asked - iteration;
        k->state[2 * i + 1] = c->copy[i].over - iteration;
    }
    return k->state ? ATM_OK : ATM_NOMEM;
}

static void step(struct clock *c, const bool on[2], double slow, bool running,
                 double *left)
{
    const struct atm_problem_async *b = &c->p->async;
    double rate[2] = {1, 1}, dt = INFINITY;
    uint32_t d;

    if (on[0] && on[1]) {
        rate[0] = b->mixed_read_bw / b->read_bw;
        rate[1] = b->mixed_write_bw / b->write_bw;
    }
    for (d = 0; d < 2; d++) {
        rate[d] /= running ? b->copy_slowdown : 1;
        if (on[d])
            dt = fmin(dt, c->line[d].left / rate[d]);
    }
    if (running)
        dt = fmin(dt, *left * slow);
    c->now += dt;
    for (d = 0; d < 2; d++) {
        struct line *q = &c->line[d];

        if (!on[d])
            continue;
        q->left -= dt * rate[d];
        if (q->left > SAME * c->now)
            continue;
        c->copy[q->move[q->first]].over++;
        q->first = (q->first + 1) % q->cap;
        if (--q->n)
            q->left = c->copy[q->move[q->first]].work;
    }
    *left -= dt / slow;
}

static enum atm_status play(struct clock *c, struct atm_arena *arena,
                            double *seconds)
{
    int64_t n = c->p->n_kernels, rounds = c->p->cyclic ? ROUNDS : 1;
    int64_t kernel = 0, back;
    double left = 0;
    struct mark mark[ROUNDS];
    bool running = false, on[2];
    enum atm_status st;

    enqueue(c, -1, rounds);
    for (;;) {
        double own = c->p->kernel[kernel % n].slowdown;

        if (!running && kernel < rounds * n && kernel_may_start(c, kernel)) {
            running = true;
            left = c->kernel_s[kernel % n];
        }
        on[0] = can_run(c, &c->line[0]);
        on[1] = can_run(c, &c->line[1]);
        if (!running && !on[0] && !on[1])
            break;
        if (own < 1)
            own = c->p->async.kernel_slowdown;
        step(c, on, on[0] || on[1] ? own : 1, running, &left);
        if (!running || left > SAME * c->now)
            continue;
        running = false;
        enqueue(c, kernel++, rounds);
        if (kernel % n || !c->p->cyclic)
            continue;
        st = set_mark(c, kernel / n, arena, &mark[kernel / n - 1]);
        if (st)
            return st;
        for (back = kernel / n - 2; back >= 0; back--)
            if (same_mark(&mark[back], &mark[kernel / n - 1], c->a->n_moves)) {
                *seconds =
                    (c->now - mark[back].now) / (double)(kernel / n - 1 - back);
                return ATM_OK;
            }
        if (kernel / n == rounds)
            return FAIL("its moves do not repeat within %d iterations", ROUNDS);
    }
    if (kernel < rounds * n || c->line[0].n || c->line[1].n)
        return FAIL("kernel %" PRId64 " waits for ever for a move", kernel % n);
    *seconds = c->now;
    return ATM_OK;
}

enum atm_status atm__moves_play(const struct atm_problem *p,
                                const struct atm_placement *a,
                                const uint32_t *of,
                                const struct atm__mover *mover,
                                const double *kernel_s, struct atm_arena *arena,
                                double *seconds)
{
    struct clock c = {.p = p, .a = a, .kernel_s = kernel_s};
    uint32_t i, j;

    c.copy = atm_arena_array(arena, a->n_moves, sizeof(*c.copy));
    for (i = 0; i < 2; i++) {
        c.line[i].cap = 2 * (size_t)a->n_moves + 2;
        c.line[i].move = atm_arena_array(arena, c.line[i].cap, 4);
        if (!c.line[i].move)
            return ATM_NOMEM;
    }
    if (!c.copy)
        return ATM_NOMEM;
    for (i = 0; i < a->n_moves; i++) {
        const struct atm_problem_tensor *t = &p->tensor[of[a->move[i].tensor]];
        const struct atm_problem_async *b = &p->async;
        bool in = a->move[i].to_fast;
        double bw = in ? b->read_bw : b->write_bw;

        c.copy[i].span = span_of(p, &a->move[i]);
        c.copy[i].after = ATM_NONE;
        c.copy[i].work = p->move_latency_s + (double)t->bytes / bw;
        if (in ? t->fetch_given : t->evict_given)
            c.copy[i].work = in ? t->fetch_s : t->evict_s;
    }
    for (i = 0; i < p->n_tensors; i++)
        for (j = 0; of[i] == i && j < mover[i].n_stays; j++) {
            const struct atm__stay *y = writer(&mover[i], j);

            if (mover[i].stay[j].fetched && y)
                c.copy[mover[i].stay[j].fetch_move].after = y->write_move;
        }
    return play(&c, arena, seconds);
}
