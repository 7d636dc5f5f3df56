/* copy_engine.c - queues under one lock: a copy takes far longer than it. */
#include "copy_engine.h"

#include "affinity.h"
#include "arena.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TEXT 512

struct queue {
    struct atm__engine *e;
    pthread_t thread;
    pthread_cond_t filled;
    uint32_t *job; /* ring of n_jobs */
    uint32_t first, n;
};

struct result {
    bool busy;
    enum atm_status status;
    char text[TEXT];
};

struct atm__engine {
    uint32_t n_jobs;
    atm__copy_fn *copy;
    void *user;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t over;
    struct result *result; /* per job */
    struct queue queue[2]; /* slow->fast, fast->slow */
    int n_threads;
    bool stop;
};

static void one(struct atm__engine *e, struct queue *q)
{
    uint32_t job = q->job[q->first];
    struct result *r = &e->result[job];
    enum atm_status st;

    (void)pthread_mutex_unlock(&e->lock);
    st = e->copy(e->user, job);
    (void)pthread_mutex_lock(&e->lock);
    q->first = (q->first + 1) % e->n_jobs;
    q->n--;
    r->busy = false;
    r->status = st;
    if (st)
        (void)snprintf(r->text, sizeof(r->text), "%s", atm_errmsg());
    (void)pthread_cond_broadcast(&e->over);
}

static void *serve(void *queue)
{
    struct queue *q = queue;
    struct atm__engine *e = q->e;

    atm__cores_all(); /* whoever opened it may be pinned to a core */
    (void)pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        if (q->n > 0)
            one(e, q);
        else
            (void)pthread_cond_wait(&q->filled, &e->lock);
    }
    (void)pthread_mutex_unlock(&e->lock);
    return NULL;
}

enum atm_status atm__engine_open(struct atm_arena *arena, uint32_t n_jobs,
                                 atm__copy_fn *copy, void *user,
                                 struct atm__engine **engine)
{
    struct atm__engine *e = atm_arena_alloc(arena, sizeof(*e));
    int i;

    *engine = NULL;
    if (!e)
        return ATM_NOMEM;
    *e = (struct atm__engine){.n_jobs = n_jobs, .copy = copy, .user = user};
    e->result = atm_arena_array(arena, n_jobs, sizeof(*e->result));
    for (i = 0; i < 2; i++) {
        e->queue[i].e = e;
        e->queue[i].job =
            atm_arena_array(arena, n_jobs, sizeof(*e->queue[i].job));
        if (!e->result || !e->queue[i].job)
            return ATM_NOMEM;
    }
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_cond_init(&e->over, NULL);
    (void)pthread_cond_init(&e->queue[0].filled, NULL);
    (void)pthread_cond_init(&e->queue[1].filled, NULL);
    *engine = e;
    for (i = 0; i < 2; i++, e->n_threads++)
        if (pthread_create(&e->queue[i].thread, NULL, serve, &e->queue[i])) {
            atm__engine_close(engine);
            return atm_fail(ATM_CAPACITY,
                            "copies beside kernels: no thread for them; "
                            "raise the limit of processes, or plan with "
                            "--planner sync");
        }
    return ATM_OK;
}

void atm__engine_close(struct atm__engine **engine)
{
    struct atm__engine *e = *engine;
    int i;

    if (!e)
        return;
    (void)pthread_mutex_lock(&e->lock);
    e->stop = true;
    (void)pthread_cond_broadcast(&e->queue[0].filled);
    (void)pthread_cond_broadcast(&e->queue[1].filled);
    (void)pthread_mutex_unlock(&e->lock);
    for (i = 0; i < e->n_threads; i++)
        (void)pthread_join(e->queue[i].thread, NULL);
    (void)pthread_cond_destroy(&e->queue[1].filled);
    (void)pthread_cond_destroy(&e->queue[0].filled);
    (void)pthread_cond_destroy(&e->over);
    (void)pthread_mutex_destroy(&e->lock);
    *engine = NULL;
}

void atm__engine_start(struct atm__engine *e, uint32_t job, bool to_fast)
{
    struct queue *q = &e->queue[!to_fast];

    (void)pthread_mutex_lock(&e->lock);
    e->result[job].busy = true;
    q->job[(q->first + q->n++) % e->n_jobs] = job;
    (void)pthread_cond_signal(&q->filled);
    (void)pthread_mutex_unlock(&e->lock);
}

enum atm_status atm__engine_wait(struct atm__engine *e, uint32_t job)
{
    struct result *r = &e->result[job];
    enum atm_status st;

    (void)pthread_mutex_lock(&e->lock);
    while (r->busy)
        (void)pthread_cond_wait(&e->over, &e->lock);
    st = r->status;
    (void)pthread_mutex_unlock(&e->lock);
    return st ? atm_fail(st, "%s", r->text) : ATM_OK;
}
