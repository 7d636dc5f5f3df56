/* async_moves.c - the moves of decided residences: what each may do, and a
 * search for starts and waits that hide them.
 *
 * An earlier fetch holds its fast place from its start on, a later wait for a
 * write holds it until then; an earlier write holds none. A storage never has
 * a fetch under way while a kernel may still write its slow copy. */
#include "async_moves.h"

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

/* ---- runs ---- */

struct builder {
    struct atm__moves *m;
    struct atm_arena *arena;
    uint32_t cap;
};

static struct atm__run *add_run(struct builder *b)
{
    struct atm__run *grown = atm_arena_grow(b->arena, b->m->run, &b->cap,
                                            b->m->n_runs + 1, sizeof(*grown));

    if (!grown)
        return NULL;
    b->m->run = grown;
    return memset(&grown[b->m->n_runs++], 0, sizeof(*grown));
}

static bool kept_round(const struct atm_storage *s, const struct atm_path *path)
{
    return s->circle && s->n_stations && !memchr(path->kept, 0, s->n_gaps);
}

/* The walk over the stations of one storage. */
struct walker {
    int32_t barrier; /* no fetch of it starts before this has ended */
    int32_t event;   /* its first run or slow read; INT32_MAX: none */
    bool touched;    /* the slow place is */
};

static void reach(struct atm__moves *m, uint32_t from, int32_t at)
{
    uint32_t i;

    /* runs before this station wait for their writes by then */
    for (i = from; i < m->n_runs; i++)
        if (m->run[i].write_until > at && m->run[i].last < at)
            m->run[i].write_until = at;
}

static enum atm_status walk(struct builder *b, uint32_t id)
{
    struct atm__moves *m = b->m;
    const struct atm_storage *s = &m->d->st->s[id];
    const struct atm_path *path = &m->d->path[id];
    int32_t n_kernels = (int32_t)m->d->p->n_kernels;
    struct walker w = {.barrier = -1, .event = INT32_MAX};
    uint32_t rot = 0, from = m->n_runs, n, i, last_used = 0, box = 0;
    bool valid = s->arg, exists = s->arg, before = false;
    struct atm__run *r = NULL;

    for (i = 0; s->circle && i < s->n_stations; i++)
        if (!path->kept[i])
            rot = (i + 1) % s->n_stations;
    for (n = 0; n < s->n_stations; n++)
        if (atm__uses(m->d, s->kernel[(rot + n) % s->n_stations], id))
            last_used = n;
    for (n = 0; n < s->n_stations; n++) {
        int32_t u;
        bool used, after;

        i = (rot + n) % s->n_stations;
        u = (int32_t)s->kernel[i] + (i < rot ? n_kernels : 0);
        used = atm__uses(m->d, s->kernel[i], id);
        after = i < s->n_gaps && path->kept[i];
        if (path->fast[i] && !before) {
            reach(m, from, u);
            r = add_run(b);
            if (!r)
                return ATM_NOMEM;
            *r = (struct atm__run){.storage = id,
                                   .box = box++,
                                   .first = u,
                                   .fetched = exists,
                                   .fetch_from = w.barrier,
                                   .write = -1,
                                   .after = ATM_NONE,
                                   .write_until = INT32_MAX};
            w.touched |= exists;
            w.event = w.event < u ? w.event : u;
        }
        if (!path->fast[i] && used) {
            reach(m, from, u);
            w.touched = true;
            w.event = w.event < u ? w.event : u;
        }
        if (path->fast[i])
            r->last = u;
        if (s->made[i] && (path->fast[i] || used)) {
            valid = !path->fast[i];
            exists = true;
            if (path->fast[i])
                r->write = u;
            else
                w.barrier = u;
        }
        if (path->fast[i] && !after) {
            w.barrier = u;
            if (!valid && (s->circle || s->out || n < last_used)) {
                r->written = valid = true;
                r->slow_first = !s->arg && !w.touched;
                w.touched = true;
            }
        }
        before = after;
    }
    for (i = from; i < m->n_runs; i++) { /* round, or to the end */
        r = &m->run[i];
        if (s->circle && r->fetch_from == -1)
            r->fetch_from = w.barrier - n_kernels;
        if (r->write_until == INT32_MAX)
            r->write_until = s->circle ? w.event + n_kernels : n_kernels;
    }
    return ATM_OK;
}

/* Which write a fetch reads: the last one before it, round the circle. */
static void link_writes(struct atm__moves *m, uint32_t from)
{
    uint32_t n = m->n_runs - from, writes = 0, i, j;
    int32_t n_kernels = (int32_t)m->d->p->n_kernels;
    bool circle = n && m->d->st->s[m->run[from].storage].circle;

    for (i = 0; i < n; i++)
        writes += m->run[from + i].written;
    for (i = 0; i < n; i++) {
        struct atm__run *r = &m->run[from + i];

        for (j = 1; j <= n && r->fetched && r->after == ATM_NONE; j++)
            if ((j <= i || circle) && m->run[from + (i + n - j) % n].written)
                r->after = from + (i + n - j) % n;
        if (r->fetch_from < r->first - n_kernels)
            r->fetch_from = r->first - n_kernels;
        if (r->write_until > r->first + n_kernels)
            r->write_until = r->first + n_kernels;
        /* which of several writes of a circle a move stands for follows from
         * its start: they stay where they are */
        if (circle && writes > 1) {
            r->fetch_from = r->first - 1;
            r->write_until = r->last + 1;
            r->write = r->last;
        }
    }
    for (i = 0; i < n; i++) {
        struct atm__run *r = &m->run[from + i];

        if (r->first >= n_kernels) {
            r->first -= n_kernels;
            r->last -= n_kernels;
            r->write -= n_kernels;
            r->fetch_from -= n_kernels;
            r->write_until -= n_kernels;
        }
        r->fetch_start = r->first - 1;
        r->write_start = r->last;
        r->write_wait = r->last + 1;
        if (m->d->p->slow_bytes != UINT64_MAX && r->slow_first)
            r->write = r->last; /* its slow place begins no earlier */
    }
}

/* One place that several boxes share must not meet itself round the boundary:
 * such residences do not newly run over it, and where one does, none moves. */
static void tame_shared(struct atm__moves *m)
{
    const struct atm_decisions *d = m->d;
    int32_t n_kernels = (int32_t)d->p->n_kernels;
    bool over = false;
    uint32_t pass, i, j;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < d->n_shared; i++) {
            const struct atm_problem_kernel *k =
                &d->p->kernel[d->shared[i].kernel];
            const struct atm_problem_pair *pair = &k->pair[d->shared[i].pair];
            uint32_t a = d->st->of[k->operand[pair->in]];
            uint32_t b = d->st->of[k->operand[k->n_in + pair->out]];

            for (j = 0; j < m->n_runs; j++) {
                struct atm__run *r = &m->run[j];

                if (r->storage != a && r->storage != b)
                    continue;
                over = over || r->last >= n_kernels;
                if (r->fetch_from < -1)
                    r->fetch_from = -1;
                if (r->write_until > n_kernels && r->last < n_kernels)
                    r->write_until = n_kernels;
                if (over && pass) {
                    r->fetch_from = r->first - 1;
                    r->write_until = r->last + 1;
                }
            }
        }
}

static enum atm_status fill_kernels(struct atm__moves *m,
                                    struct atm_arena *arena)
{
    const struct atm_problem *p = m->d->p;
    struct atm_tally t = {0};
    enum atm_status st;
    uint32_t k;

    m->held = t.fast_at = atm_arena_array(arena, p->n_kernels, 8);
    if (!m->held)
        return ATM_NOMEM;
    st = atm__tally(m->d, &t);
    for (k = 0; k < p->n_kernels && !st; k++)
        m->clock.kernel_s[k] = atm_table_at(
            &p->kernel[k].variant[m->d->variant[k]].t, atm__mask(m->d, k));
    return st;
}

enum atm_status atm__moves_new(const struct atm_decisions *d, uint64_t limit,
                               struct atm_arena *arena, struct atm__moves *m)
{
    struct builder b = {m, arena, 0};
    enum atm_status st = ATM_OK;
    uint32_t i, from, jobs = 0;

    *m = (struct atm__moves){.d = d, .limit = limit};
    for (i = 0; i < d->st->n && !st; i++) {
        from = m->n_runs;
        if (d->path[i].resident || kept_round(&d->st->s[i], &d->path[i]))
            continue;
        st = walk(&b, i);
        if (!st)
            link_writes(m, from);
    }
    for (i = 0; i < m->n_runs; i++) {
        const struct atm_storage *s = &d->st->s[m->run[i].storage];

        jobs += m->run[i].fetched + m->run[i].written;
        m->serial_s += m->run[i].fetched * s->fetch_s;
        m->serial_s += m->run[i].written * s->evict_s;
    }
    tame_shared(m);
    m->job_of = atm_arena_array(arena, m->n_runs, sizeof(*m->job_of));
    if (!st && !m->job_of)
        st = ATM_NOMEM;
    if (!st)
        st = atm__clock_new(d->p, jobs, arena, &m->clock);
    return st ? st : fill_kernels(m, arena);
}

/* ---- time ---- */

/* Start and wait as a job has them: the start in -1..N-1. */
static struct atm__job job(const struct atm__moves *m, bool to_fast,
                           double work, int32_t start, int32_t wait)
{
    int32_t n = (int32_t)m->d->p->n_kernels;

    if (start >= n || (start < 0 && m->d->p->cyclic)) {
        int32_t shift = start < 0 ? n : -n;

        start += shift;
        wait += shift;
    }
    return (struct atm__job){to_fast, work, start, (uint32_t)wait, ATM_NONE};
}

static void fill_jobs(struct atm__moves *m)
{
    uint32_t n = 0, i;

    for (i = 0; i < m->n_runs; i++) {
        const struct atm__run *r = &m->run[i];

        if (!r->written)
            continue;
        m->job_of[i] = n;
        m->clock.job[n++] = job(m, false, m->d->st->s[r->storage].evict_s,
                                r->write_start, r->write_wait);
    }
    for (i = 0; i < m->n_runs; i++) {
        const struct atm__run *r = &m->run[i];

        if (!r->fetched)
            continue;
        m->clock.job[n] = job(m, true, m->d->st->s[r->storage].fetch_s,
                              r->fetch_start, r->first);
        if (r->after != ATM_NONE)
            m->clock.job[n].after = m->job_of[r->after];
        n++;
    }
    m->clock.n_jobs = n;
}

double atm__moves_seconds(struct atm__moves *m)
{
    fill_jobs(m);
    return atm__clock_seconds(&m->clock);
}

/* ---- search ---- */

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

    for (i = 0; i < m->n_runs; i++) {
        struct atm__run *r = &m->run[i];

        span(m, r, false);
        r->fetch_start = r->first - 1;
        r->write_start = r->last;
        r->write_wait = r->last + 1;
    }
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

/* ---- the answer ---- */

static int compare_move(const void *x, const void *y)
{
    const struct atm__job *a = *(struct atm__job *const *)x;
    const struct atm__job *b = *(struct atm__job *const *)y;

    if (a->wait != b->wait)
        return a->wait < b->wait ? -1 : 1;
    return a < b ? -1 : a > b; /* as the clock has them */
}

static void stretch(const struct atm__moves *m, const struct atm__run *r,
                    struct atm_box *fast, struct atm_box *slow)
{
    int32_t n = (int32_t)m->d->p->n_kernels;

    if (r->fetched)
        fast->first_phase = 3 * (uint32_t)((r->fetch_start + 1 + n) % n);
    if (r->written) {
        fast->last_phase = 3 * (uint32_t)((r->write_wait - 1) % n) + 2;
        if (r->slow_first)
            slow->first_phase = 3 * (uint32_t)(r->write_start % n) + 2;
    }
    fast->first = fast->first_phase / 3;
    fast->last = fast->last_phase / 3;
    slow->first = slow->first_phase / 3;
}

/* Tensor of each job, by job. */
static void name_jobs(const struct atm__moves *m, uint32_t *tensor)
{
    uint32_t n = 0, i, pass;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < m->n_runs; i++)
            if (pass ? m->run[i].fetched : m->run[i].written)
                tensor[n++] = m->d->st->s[m->run[i].storage].tensor[0];
}

enum atm_status atm__moves_write(struct atm__moves *m, struct atm_placement *a)
{
    uint32_t n, i, box = 0, storage, n_kernels = m->d->p->n_kernels;
    struct atm__job **order;
    uint32_t *tensor;

    fill_jobs(m);
    n = m->clock.n_jobs;
    order = atm_arena_array(a->arena, n, sizeof(struct atm__job *));
    tensor = atm_arena_array(a->arena, n, sizeof(*tensor));
    a->move = atm_arena_array(a->arena, n, sizeof(*a->move));
    if (!order || !tensor || !a->move)
        return ATM_NOMEM;
    name_jobs(m, tensor);
    for (i = 0; i < n; i++)
        order[i] = &m->clock.job[i];
    qsort(order, n, sizeof(struct atm__job *), compare_move);
    a->asynchronous = true;
    a->n_moves = n;
    for (i = 0; i < n; i++)
        a->move[i] = (struct atm_placement_move){
            .tensor = tensor[order[i] - m->clock.job],
            .to_fast = order[i]->to_fast,
            .start_after = order[i]->start,
            .wait_before = order[i]->wait > n_kernels
                               ? order[i]->wait - n_kernels
                               : order[i]->wait};
    /* boxes stand by storage: the fast ones in order, then the slow one */
    for (i = 0; i < m->n_runs; i++) {
        const struct atm__run *r = &m->run[i];

        if (!r->fetched && !r->written)
            continue;
        storage = m->d->st->s[r->storage].tensor[0];
        while (a->box[box].tensor != storage)
            box++;
        for (n = box; a->box[n].tier == 0; n++)
            ; /* what moves has a slow place */
        stretch(m, r, &a->box[box + r->box], &a->box[n]);
    }
    a->packing.live_peak = 0;
    for (i = 0; i < n_kernels; i++)
        if (m->held[i] > a->packing.live_peak)
            a->packing.live_peak = m->held[i];
    return ATM_OK;
}
