/* async_clock.c - kernels, two queues of copies, and what each slows down.
 *
 * Iteration `it` of job n is over when done[n] > it: a queue is first in,
 * first out, so the instances of a job end in order. Between events a copy
 * runs at 1, at mixed/alone bandwidth beside one of the other direction, less
 * by copy_slowdown beside a kernel; a kernel at 1/kernel_slowdown beside a
 * copy. A head of a queue that waits for the write of its slow copy runs not
 * at all, and what stands behind it waits. */
#include "async_clock.h"

#include "arena.h"

#include <math.h>
#include <string.h>

/* A plan whose queues do not repeat within so many iterations is not taken: in
 * exact arithmetic they might never. */
#define ROUNDS 12
#define SAME 1e-12 /* of a time: two events are one */

struct entry {
    int64_t it;
    uint32_t job;
};

struct queue {
    struct entry *entry; /* ring */
    uint32_t first, n, cap;
    double left; /* of the first */
};

struct sign { /* the queues at the end of an iteration */
    uint64_t ids;
    double left[2], now;
};

struct atm__clock_space {
    uint32_t *start_row, *start_job; /* by kernel, jobs in order */
    uint32_t *wait_row, *wait_job;
    int64_t *done;
    struct queue queue[2]; /* slow->fast, fast->slow */
    double now;
};

enum atm_status atm__clock_new(const struct atm_problem *p, uint32_t n_jobs,
                               struct atm_arena *arena, struct atm__clock *c)
{
    struct atm__clock_space *s = atm_arena_alloc(arena, sizeof(*s));
    size_t rows = (size_t)p->n_kernels + 2;
    uint32_t i;

    *c = (struct atm__clock){.p = p, .space = s};
    c->job = atm_arena_array(arena, n_jobs, sizeof(*c->job));
    c->kernel_s = atm_arena_array(arena, p->n_kernels, sizeof(double));
    if (!s || !c->job || !c->kernel_s)
        return ATM_NOMEM;
    s->start_row = atm_arena_array(arena, rows, sizeof(uint32_t));
    s->start_job = atm_arena_array(arena, n_jobs, sizeof(uint32_t));
    s->wait_row = atm_arena_array(arena, rows, sizeof(uint32_t));
    s->wait_job = atm_arena_array(arena, n_jobs, sizeof(uint32_t));
    s->done = atm_arena_array(arena, n_jobs, sizeof(*s->done));
    for (i = 0; i < 2; i++) {
        /* at most two instances of a job are under way: it is waited for
         * within an iteration of its start */
        s->queue[i].cap = 2 * n_jobs + 2;
        s->queue[i].entry =
            atm_arena_array(arena, s->queue[i].cap, sizeof(struct entry));
        if (!s->queue[i].entry)
            return ATM_NOMEM;
    }
    return s->start_row && s->start_job && s->wait_row && s->wait_job && s->done
               ? ATM_OK
               : ATM_NOMEM;
}

/* Of jobs that start together the one that is waited for first goes first. */
static void sort_row(const struct atm__clock *c, uint32_t *list, uint32_t n)
{
    uint32_t i, j, x;

    for (i = 1; i < n; i++) {
        x = list[i];
        for (j = i; j && c->job[list[j - 1]].wait > c->job[x].wait; j--)
            list[j] = list[j - 1];
        list[j] = x;
    }
}

/* Lists the jobs by a kernel in 0..N, in order. */
static void by_kernel(const struct atm__clock *c, bool starts, uint32_t *row,
                      uint32_t *list)
{
    uint32_t n = c->p->n_kernels, i, k;
    int64_t at;

    memset(row, 0, ((size_t)n + 2) * sizeof(*row));
    for (k = 0; k < 2; k++) /* counts, then places */
        for (i = 0; i < c->n_jobs; i++) {
            at = c->job[i].wait;
            if (starts)
                at = c->job[i].start;
            if (starts && at < 0)
                at = n - 1;
            if (!starts && c->p->cyclic)
                at %= n;
            if (k == 0)
                row[at + 1]++;
            else
                list[row[at]++] = i;
            if (k == 0 && i + 1 == c->n_jobs)
                for (at = 0; at <= n; at++)
                    row[at + 1] += row[at];
        }
    for (k = n + 1; k > 0; k--) /* placing moved each row to its end */
        row[k] = row[k - 1];
    row[0] = 0;
    for (k = 0; k < n && starts; k++)
        sort_row(c, list + row[k], row[k + 1] - row[k]);
}

/* Kernel `g` (counted through all iterations; -1: before the first) ended. */
static void enqueue(struct atm__clock *c, int64_t g, int64_t rounds)
{
    struct atm__clock_space *s = c->space;
    int64_t n = c->p->n_kernels, k = g < 0 ? n - 1 : g % n;
    uint32_t i;

    for (i = s->start_row[k]; i < s->start_row[k + 1]; i++) {
        uint32_t j = s->start_job[i];
        struct queue *q = &s->queue[!c->job[j].to_fast];
        int64_t it = (g - c->job[j].start) / n;

        if (g < c->job[j].start || it >= rounds || q->n == q->cap)
            continue;
        if (q->n == 0)
            q->left = c->job[j].work;
        q->entry[(q->first + q->n++) % q->cap] = (struct entry){it, j};
    }
}

static bool ready(const struct atm__clock *c, struct entry e)
{
    const struct atm__job *j = &c->job[e.job], *w;
    int64_t n = c->p->n_kernels, it = e.it;

    if (j->after == ATM_NONE)
        return true;
    /* the last write that is enqueued before this fetch is waited for */
    w = &c->job[j->after];
    while (w->start + it * n >= j->wait + e.it * n)
        it--;
    return it < 0 || c->space->done[j->after] > it;
}

static bool may_start(const struct atm__clock *c, int64_t g)
{
    const struct atm__clock_space *s = c->space;
    int64_t n = c->p->n_kernels, k = g % n;
    uint32_t i;

    for (i = s->wait_row[k]; i < s->wait_row[k + 1]; i++) {
        uint32_t j = s->wait_job[i];

        if (g >= c->job[j].wait && s->done[j] <= (g - c->job[j].wait) / n)
            return false;
    }
    return true;
}

static void pop(struct atm__clock *c, struct queue *q)
{
    c->space->done[q->entry[q->first].job]++;
    q->first = (q->first + 1) % q->cap;
    q->n--;
    if (q->n)
        q->left = c->job[q->entry[q->first].job].work;
}

static struct sign sign_of(const struct atm__clock_space *s, int64_t it)
{
    struct sign g = {.ids = 14695981039346656037u, .now = s->now};
    uint32_t d, i;

    for (d = 0; d < 2; d++) {
        const struct queue *q = &s->queue[d];

        g.left[d] = q->n ? q->left : 0;
        g.ids = (g.ids ^ q->n) * 1099511628211u;
        for (i = 0; i < q->n; i++) {
            struct entry e = q->entry[(q->first + i) % q->cap];

            g.ids = (g.ids ^ (uint64_t)(e.it - it)) * 1099511628211u;
            g.ids = (g.ids ^ e.job) * 1099511628211u;
        }
    }
    return g;
}

/* A copy's rate in each direction; 0: not active. */
static void rates(const struct atm__clock *c, bool running, double rate[2])
{
    const struct atm_problem_async *a = &c->p->async;
    uint32_t d;

    for (d = 0; d < 2; d++) {
        const struct queue *q = &c->space->queue[d];

        rate[d] = q->n && ready(c, q->entry[q->first]);
    }
    if (rate[0] > 0 && rate[1] > 0) {
        rate[0] = a->mixed_read_bw / a->read_bw;
        rate[1] = a->mixed_write_bw / a->write_bw;
    }
    for (d = 0; d < 2 && running; d++)
        rate[d] /= a->copy_slowdown;
}

/* Up to the next event; true: the kernel that runs has ended. */
static bool advance(struct atm__clock *c, const double rate[2], double speed,
                    bool running, double *left)
{
    struct atm__clock_space *s = c->space;
    double dt = INFINITY, step[3] = {INFINITY, INFINITY, INFINITY}, slack;
    uint32_t d;

    for (d = 0; d < 2; d++)
        if (rate[d] > 0)
            step[d] = s->queue[d].left / rate[d];
    if (running)
        step[2] = *left / speed;
    for (d = 0; d < 3; d++)
        dt = fmin(dt, step[d]);
    s->now += dt;
    slack = SAME * s->now;
    for (d = 0; d < 2; d++) {
        if (!(rate[d] > 0))
            continue;
        s->queue[d].left -= dt * rate[d];
        if (step[d] <= dt + slack)
            pop(c, &s->queue[d]);
    }
    *left -= dt * speed;
    return running && step[2] <= dt + slack;
}

static double run(struct atm__clock *c, int64_t rounds)
{
    struct atm__clock_space *s = c->space;
    int64_t n = c->p->n_kernels, ended = -1, back;
    double left = 0, rate[2], speed, own;
    struct sign seen[ROUNDS], g;
    bool running = false;

    enqueue(c, -1, rounds);
    for (;; c->events++) {
        int64_t k = (ended + 1) % n;

        if (!running && ended + 1 < rounds * n && may_start(c, ended + 1)) {
            running = true;
            left = c->kernel_s[k];
        }
        rates(c, running, rate);
        if (!running && rate[0] <= 0 && rate[1] <= 0)
            return ended + 1 == rounds * n && !s->queue[0].n && !s->queue[1].n
                       ? s->now
                       : INFINITY;
        own = c->p->kernel[k].slowdown;
        speed = rate[0] > 0 || rate[1] > 0
                    ? 1 / (own >= 1 ? own : c->p->async.kernel_slowdown)
                    : 1;
        if (!advance(c, rate, speed, running, &left))
            continue;
        running = false;
        ended++;
        enqueue(c, ended, rounds);
        if (k != n - 1 || !c->p->cyclic)
            continue;
        g = sign_of(s, ended / n);
        for (back = ended / n - 1; back >= 0; back--)
            if (seen[back].ids == g.ids &&
                fabs(seen[back].left[0] - g.left[0]) <= SAME * s->now &&
                fabs(seen[back].left[1] - g.left[1]) <= SAME * s->now)
                return (s->now - seen[back].now) / (double)(ended / n - back);
        if (ended / n + 1 == rounds)
            return INFINITY;
        seen[ended / n] = g;
    }
}

double atm__clock_seconds(struct atm__clock *c)
{
    struct atm__clock_space *s = c->space;

    by_kernel(c, true, s->start_row, s->start_job);
    by_kernel(c, false, s->wait_row, s->wait_job);
    memset(s->done, 0, c->n_jobs * sizeof(*s->done));
    s->queue[0].n = s->queue[0].first = 0;
    s->queue[1].n = s->queue[1].first = 0;
    s->now = 0;
    return run(c, c->p->cyclic ? ROUNDS : 1);
}
