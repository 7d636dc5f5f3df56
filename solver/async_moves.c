/* async_moves.c - the moves of decided residences: what each may do, their
 * time, and the boxes with what is in flight.
 *
 * A storage never has a fetch under way while a kernel may still write its slow
 * copy; which of its stays in fast memory comes first decides the rest. */
#include "async_moves.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

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
    m->run = atm_arena_array(arena, 0, sizeof(*m->run));
    if (!m->run)
        return ATM_NOMEM;
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
