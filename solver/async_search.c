/* async_search.c - starts and waits that hide moves.
 *
 * An earlier fetch holds its fast place from its start on, a later wait for a
 * write holds it until then; an earlier write holds none. First each move gets
 * kernels enough to run beside, by several rules of thumb; then one move after
 * the other goes where it gains; then windows of neighbours are solved
 * exactly. All limits count events of the clock. */
#include "async_search.h"

#include "arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Settings of a window that are all tried, moves in it, and how far each start
 * and wait may go from where it is (in a tiny problem: as far as it can). */
#define WINDOW_CHOICES 4096
#define WINDOW_MOVES 6
#define WINDOW_REACH 3
#define TINY 24

/* A move: run `id`, its fetch or its write, and where it stands. */
struct choice {
    uint32_t run;
    bool fetch;
    int32_t start, wait;
};

static void span(struct atm__moves *m, const struct atm__run *r, bool add)
{
    int32_t n = (int32_t)m->d->p->n_kernels, k;
    uint64_t bytes = m->d->st->s[r->storage].bytes;

    bytes = add ? bytes : -bytes;
    for (k = r->fetch_start + 1; k < r->first; k++)
        m->held[(k + n) % n] += bytes;
    for (k = r->last + 1; k < r->write_wait; k++)
        m->held[k % n] += bytes;
}

static bool fits(const struct atm__moves *m, const struct atm__run *r)
{
    int32_t n = (int32_t)m->d->p->n_kernels, k;

    /* what was above the limit before is not this move's fault, but nothing
     * is added there */
    for (k = r->fetch_start + 1; k < r->first; k++)
        if (m->held[(k + n) % n] > m->limit)
            return false;
    for (k = r->last + 1; k < r->write_wait; k++)
        if (m->held[k % n] > m->limit)
            return false;
    return true;
}

static struct choice now(const struct atm__moves *m, uint32_t run, bool fetch)
{
    const struct atm__run *r = &m->run[run];

    return fetch ? (struct choice){run, true, r->fetch_start, r->first}
                 : (struct choice){run, false, r->write_start, r->write_wait};
}

/* Makes it so if the rules and memory allow; else all stays. */
static bool set(struct atm__moves *m, struct choice c)
{
    struct atm__run *r = &m->run[c.run], old = *r;
    int32_t n = (int32_t)m->d->p->n_kernels, end;

    if (c.fetch) {
        if (c.start < r->fetch_from || c.start >= r->first)
            return false;
        r->fetch_start = c.start;
    } else {
        if (c.start < r->write || c.start > r->last || c.wait <= r->last ||
            c.wait > r->write_until)
            return false;
        r->write_start = c.start;
        r->write_wait = c.wait;
    }
    end = r->written ? r->write_wait : r->last + 1;
    if (end - (r->fetched ? r->fetch_start + 1 : r->first) > n) {
        *r = old;
        return false;
    }
    span(m, &old, false);
    span(m, r, true);
    if (fits(m, r))
        return true;
    span(m, r, false);
    *r = old;
    span(m, r, true);
    return false;
}

void atm__moves_reset(struct atm__moves *m)
{
    uint32_t i;

    for (i = 0; i < m->n_runs; i++)
        atm__moves_unmove(m, i);
}

/* Each move gets kernels enough to run beside: `cover` times its work. */
static void cover(struct atm__moves *m, double times)
{
    int32_t n = (int32_t)m->d->p->n_kernels;
    const double *kernel_s = m->clock.kernel_s;
    uint32_t i;

    for (i = 0; i < m->n_runs; i++) {
        const struct atm__run *r = &m->run[i];
        const struct atm_storage *s = &m->d->st->s[r->storage];
        double need = times * s->fetch_s;

        while (r->fetched && need > 0 &&
               set(m, (struct choice){i, true, r->fetch_start - 1, 0}))
            need -= kernel_s[(r->fetch_start + 1 + n) % n];
        if (!r->written)
            continue;
        need = times * s->evict_s;
        while (need > 0 && set(m, (struct choice){i, false, r->write_start - 1,
                                                  r->write_wait}))
            need -= kernel_s[(r->write_start + 1) % n];
        while (need > 0 && set(m, (struct choice){i, false, r->write_start,
                                                  r->write_wait + 1}))
            need -= kernel_s[(r->write_wait - 1) % n];
    }
}

/* Tries the choice; keeps it if the time falls. */
static bool try(struct atm__moves *m, struct choice c, double *seconds)
{
    struct choice old = now(m, c.run, c.fetch);
    double t;

    if (c.start == old.start && c.wait == old.wait)
        return false;
    if (!set(m, c))
        return false;
    t = atm__moves_seconds(m);
    if (t < *seconds - 1e-12 * *seconds) {
        *seconds = t;
        return true;
    }
    (void)set(m, old);
    return false;
}

/* One move: nearer and farther starts and waits. */
static bool shift(struct atm__moves *m, uint32_t run, bool fetch,
                  double *seconds)
{
    static const int32_t step[] = {1, -1, 2, -2, 4, -4, 8, 16, 32};
    const struct atm__run *r = &m->run[run];
    bool better = false;
    uint32_t i;

    for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        struct choice c = now(m, run, fetch);

        c.start -= step[i];
        c.start = fetch && c.start < r->fetch_from ? r->fetch_from : c.start;
        c.start = !fetch && c.start < r->write ? r->write : c.start;
        better |= try(m, c, seconds);
        if (fetch)
            continue;
        c = now(m, run, fetch);
        c.wait += step[i];
        c.wait = c.wait > r->write_until ? r->write_until : c.wait;
        better |= try(m, c, seconds);
    }
    return better;
}

static void descend(struct atm__moves *m, uint64_t until, double *seconds)
{
    bool better = true;
    uint32_t i;

    while (better && m->clock.events < until) {
        better = false;
        for (i = 0; i < m->n_runs && m->clock.events < until; i++) {
            if (m->run[i].fetched)
                better |= shift(m, i, true, seconds);
            if (m->run[i].written)
                better |= shift(m, i, false, seconds);
        }
    }
}

/* ---- windows, exactly ---- */

struct range {
    int32_t start, start_end, wait, wait_end; /* inclusive */
};

struct window {
    struct atm__moves *m;
    uint32_t n;
    struct choice at[WINDOW_MOVES], best[WINDOW_MOVES];
    struct range range[WINDOW_MOVES];
    double *seconds;
    uint64_t until;
};

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static struct range range_of(const struct atm__moves *m, struct choice c)
{
    const struct atm__run *r = &m->run[c.run];
    int32_t n = (int32_t)m->d->p->n_kernels;
    int32_t far = n <= TINY ? 3 * n : WINDOW_REACH;
    struct range g;

    g.start = most(c.fetch ? r->fetch_from : r->write, c.start - far);
    g.start_end = least(c.fetch ? r->first - 1 : r->last, c.start + far);
    g.wait = most(c.fetch ? r->first : r->last + 1, c.wait - far);
    g.wait_end = least(c.fetch ? r->first : r->write_until, c.wait + far);
    return g;
}

/* All settings of moves i.. of the window, the others as they are. */
static bool enumerate(struct window *w, uint32_t i)
{
    struct atm__moves *m = w->m;
    struct choice c, old;
    const struct range *g;
    bool better = false;
    double t;

    if (i == w->n) {
        t = m->clock.events < w->until ? atm__moves_seconds(m) : INFINITY;
        if (!(t < *w->seconds - 1e-12 * *w->seconds))
            return false;
        *w->seconds = t;
        for (i = 0; i < w->n; i++)
            w->best[i] = now(m, w->at[i].run, w->at[i].fetch);
        return true;
    }
    c = old = w->at[i];
    g = &w->range[i];
    for (c.start = g->start; c.start <= g->start_end; c.start++)
        for (c.wait = g->wait; c.wait <= g->wait_end; c.wait++)
            if (set(m, c))
                better |= enumerate(w, i + 1);
    (void)set(m, old);
    return better;
}

/* The moves of the window are taken back first, so that one can take the
 * memory that another had. */
static bool solve_window(struct window *w)
{
    bool better;
    uint32_t i;

    for (i = 0; i < w->n; i++) {
        const struct atm__run *r = &w->m->run[w->at[i].run];

        w->best[i] = w->at[i] = now(w->m, w->at[i].run, w->at[i].fetch);
        w->at[i].start = w->at[i].fetch ? r->first - 1 : r->last;
        w->at[i].wait = w->at[i].fetch ? r->first : r->last + 1;
        (void)set(w->m, w->at[i]);
    }
    better = enumerate(w, 0);
    for (i = 0; i < w->n; i++)
        (void)set(w->m, w->best[i]);
    return better;
}

struct by_time {
    int32_t at;
    uint32_t run;
    bool fetch;
};

static int compare_time(const void *x, const void *y)
{
    const struct by_time *a = x, *b = y;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    return (int)b->fetch - (int)a->fetch;
}

/* Neighbours in time, as many as can be tried as a whole. */
static void windows(struct atm__moves *m, uint64_t until, double *seconds)
{
    struct by_time *list =
        atm_alloc_array(2 * (size_t)m->n_runs + 1, sizeof(*list));
    uint32_t n = 0, i, j;
    bool better = list != NULL;

    for (i = 0; i < m->n_runs && list; i++) {
        const struct atm__run *r = &m->run[i];

        if (r->fetched && r->first - r->fetch_from > 1)
            list[n++] = (struct by_time){r->first, i, true};
        if (r->written && (r->write < r->last || r->write_until > r->last + 1))
            list[n++] = (struct by_time){r->last + 1, i, false};
    }
    if (list)
        qsort(list, n, sizeof(*list), compare_time);
    while (better && m->clock.events < until) {
        better = false;
        for (i = 0; i < n && m->clock.events < until; i++) {
            struct window w = {.m = m, .seconds = seconds, .until = until};
            double all = 1;

            for (j = 0; j < n && w.n < WINDOW_MOVES; j++) {
                const struct by_time *x = &list[(i + j) % n];
                struct choice c = now(m, x->run, x->fetch);
                struct range g = range_of(m, c);

                all *= (double)(g.start_end - g.start + 1) *
                       (g.wait_end - g.wait + 1);
                if (all > WINDOW_CHOICES)
                    break;
                w.range[w.n] = g;
                w.at[w.n++] = c;
            }
            if (w.n > 0)
                better |= solve_window(&w);
            if (w.n == n)
                break;
        }
    }
    atm_free(list);
}

static void take(struct atm__moves *m, const struct atm__run *run)
{
    uint32_t i;

    atm__moves_reset(m);
    memcpy(m->run, run, m->n_runs * sizeof(*run));
    for (i = 0; i < m->n_runs; i++)
        span(m, &m->run[i], true);
}

double atm__moves_improve(struct atm__moves *m, uint64_t events)
{
    static const double times[] = {0.5, 1, 1.5, 3};
    struct atm__run *best = atm_alloc_array(m->n_runs, sizeof(*best));
    uint64_t until = m->clock.events + events;
    double seconds = atm__moves_seconds(m), t;
    uint32_t i;

    if (!best)
        return seconds;
    memcpy(best, m->run, m->n_runs * sizeof(*best));
    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        atm__moves_reset(m);
        cover(m, times[i]);
        t = atm__moves_seconds(m);
        if (t < seconds) {
            seconds = t;
            memcpy(best, m->run, m->n_runs * sizeof(*best));
        }
    }
    take(m, best);
    atm_free(best);
    descend(m, until - events / 4, &seconds);
    windows(m, until, &seconds);
    return seconds;
}

bool atm__moves_adopt(struct atm__moves *m, const struct atm__run *from,
                      uint32_t run)
{
    const struct atm__run *r = &from[run];
    struct choice old = now(m, run, true);

    if (r->fetched &&
        !set(m, (struct choice){run, true, r->fetch_start, r->first}))
        return false;
    if (!r->written ||
        set(m, (struct choice){run, false, r->write_start, r->write_wait}))
        return true;
    (void)set(m, old);
    return false;
}

void atm__moves_unmove(struct atm__moves *m, uint32_t run)
{
    struct atm__run *r = &m->run[run];

    span(m, r, false);
    r->fetch_start = r->first - 1;
    r->write_start = r->last;
    r->write_wait = r->last + 1;
}
