/* copy_clock.c - kernels and two queues of copies, from event to event. */
#include "copy_clock.h"

#include "arena.h"

#include <math.h>

#define SAME 1e-15 /* seconds: what is left of a copy after rounding */

struct queue {
    uint32_t *job; /* ring of n_jobs */
    double *left;  /* per job: seconds alone */
    uint32_t first, n;
};

struct atm_copy_clock {
    struct atm_overlap overlap;
    uint32_t n_jobs;
    bool *queued;          /* per job */
    struct queue queue[2]; /* slow->fast, fast->slow */
};

enum atm_status atm_copy_clock_new(struct atm_arena *arena, uint32_t n_jobs,
                                   const struct atm_overlap *overlap,
                                   struct atm_copy_clock **clock)
{
    struct atm_copy_clock *c = atm_arena_alloc(arena, sizeof(*c));
    uint32_t i;

    *clock = c;
    if (!c)
        return ATM_NOMEM;
    c->overlap = *overlap;
    c->n_jobs = n_jobs;
    c->queued = atm_arena_array(arena, n_jobs, sizeof(*c->queued));
    for (i = 0; i < 2; i++) {
        struct queue *q = &c->queue[i];

        q->job = atm_arena_array(arena, n_jobs, sizeof(*q->job));
        q->left = atm_arena_array(arena, n_jobs, sizeof(*q->left));
        if (!c->queued || !q->job || !q->left)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

void atm_copy_clock_start(struct atm_copy_clock *c, uint32_t job, bool to_fast,
                          double seconds)
{
    struct queue *q = &c->queue[!to_fast];

    q->job[(q->first + q->n++) % c->n_jobs] = job;
    q->left[job] = seconds;
    c->queued[job] = true;
}

/* Seconds until the next copy is over, and each direction's rate. */
static double next_event(const struct atm_copy_clock *c, bool running,
                         double rate[2])
{
    bool mixed = c->queue[0].n && c->queue[1].n;
    double dt = INFINITY;
    uint32_t i;

    rate[0] = mixed ? c->overlap.mixed_read : 1;
    rate[1] = mixed ? c->overlap.mixed_write : 1;
    for (i = 0; i < 2; i++) {
        const struct queue *q = &c->queue[i];

        rate[i] /= running ? c->overlap.copy_slowdown : 1;
        if (q->n)
            dt = fmin(dt, q->left[q->job[q->first]] / rate[i]);
    }
    return dt;
}

static void advance(struct atm_copy_clock *c, const double rate[2], double dt)
{
    uint32_t i;

    for (i = 0; i < 2; i++) {
        struct queue *q = &c->queue[i];
        uint32_t job;

        if (!q->n)
            continue;
        job = q->job[q->first];
        q->left[job] -= dt * rate[i];
        if (q->left[job] > SAME)
            continue;
        c->queued[job] = false;
        q->first = (q->first + 1) % c->n_jobs;
        q->n--;
    }
}

double atm_copy_clock_run(struct atm_copy_clock *c, double seconds)
{
    double passed = 0, rate[2], dt, slow;

    while (seconds > 0 && (c->queue[0].n || c->queue[1].n)) {
        slow = c->overlap.kernel_slowdown;
        dt = fmin(next_event(c, true, rate), seconds * slow);
        advance(c, rate, dt);
        passed += dt;
        seconds -= dt / slow;
        seconds = seconds > SAME ? seconds : 0;
    }
    return passed + seconds;
}

double atm_copy_clock_wait(struct atm_copy_clock *c, uint32_t job)
{
    double passed = 0, rate[2], dt;

    while (c->queued[job]) {
        dt = next_event(c, false, rate);
        advance(c, rate, dt);
        passed += dt;
    }
    return passed;
}
