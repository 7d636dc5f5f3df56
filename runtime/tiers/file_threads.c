/* file_threads.c - threads that read and write parts, where the kernel's queue
 * is refused (containers, sysctl). The caller works, too. */
#include "tiers/file_engine.h"

#include "arena.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

struct atm__queue {
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct atm__request *request; /* null: none */
    uint64_t next;                /* first byte that nobody has taken */
    int busy, error;              /* parts under way; first errno */
    bool stop;
    int n_threads;
    pthread_t *thread;
};

/* One part, to its end; 0 or an errno. */
static int one(const struct atm__request *r, uint64_t at, uint64_t bytes)
{
    while (bytes > 0) {
        unsigned char *m = r->memory + at;
        off_t off = (off_t)(r->off + at);
        ssize_t n = r->write ? pwrite(r->fd, m, bytes, off)
                             : pread(r->fd, m, bytes, off);

        if (n == 0)
            return ENODATA;
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            at += (uint64_t)n;
            bytes -= (uint64_t)n;
        }
    }
    return 0;
}

/* Takes parts until none is left. The lock is held on entry and return. */
static void take_parts(struct atm__queue *q)
{
    struct atm__request *r = q->request;

    while (r && q->next < r->bytes && !q->error) {
        uint64_t at = q->next, n;
        int error;

        if (q->busy > 0 && r->yield_to && atomic_load(r->yield_to))
            return; /* whoever has a part goes on with the next */
        n = r->bytes - at < r->block ? r->bytes - at : r->block;
        q->next += n;
        q->busy++;
        (void)pthread_mutex_unlock(&q->lock);
        error = one(r, at, n);
        (void)pthread_mutex_lock(&q->lock);
        q->busy--;
        if (error && r->off + at < r->failed_at) {
            q->error = error;
            r->failed_at = r->off + at;
        }
    }
}

static void *worker(void *user)
{
    struct atm__queue *q = user;

    (void)pthread_mutex_lock(&q->lock);
    while (!q->stop) {
        take_parts(q);
        if (q->busy == 0)
            (void)pthread_cond_signal(&q->idle);
        if (!q->stop)
            (void)pthread_cond_wait(&q->work, &q->lock);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void threads_close(struct atm__queue *q)
{
    if (!q)
        return;
    (void)pthread_mutex_lock(&q->lock);
    q->stop = true;
    (void)pthread_cond_broadcast(&q->work);
    (void)pthread_mutex_unlock(&q->lock);
    while (q->n_threads > 0)
        (void)pthread_join(q->thread[--q->n_threads], NULL);
    (void)pthread_cond_destroy(&q->work);
    (void)pthread_cond_destroy(&q->idle);
    (void)pthread_mutex_destroy(&q->lock);
    atm_free(q->thread);
    atm_free(q);
}

static enum atm_status threads_open(int depth, struct atm__queue **queue)
{
    struct atm__queue *q = atm_alloc_array(1, sizeof(*q));

    *queue = NULL;
    if (!q)
        return ATM_NOMEM;
    q->thread = atm_alloc_array((size_t)depth, sizeof(*q->thread));
    if (!q->thread) {
        atm_free(q);
        return ATM_NOMEM;
    }
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->work, NULL);
    (void)pthread_cond_init(&q->idle, NULL);
    while (q->n_threads < depth - 1)
        if (pthread_create(&q->thread[q->n_threads], NULL, worker, q) == 0)
            q->n_threads++;
        else
            break; /* fewer are slower, not wrong */
    *queue = q;
    return ATM_OK;
}

static int threads_run(struct atm__queue *q, struct atm__request *r)
{
    int error;

    (void)pthread_mutex_lock(&q->lock);
    q->request = r;
    q->next = 0;
    q->error = 0;
    (void)pthread_cond_broadcast(&q->work);
    do {
        take_parts(q);
        if (q->busy > 0)
            (void)pthread_cond_wait(&q->idle, &q->lock);
    } while (q->busy > 0 || (q->next < r->bytes && !q->error));
    q->request = NULL;
    error = q->error;
    (void)pthread_mutex_unlock(&q->lock);
    return error;
}

const struct atm__file_engine atm__file_threads = {"threads", threads_open,
                                                   threads_run, threads_close};
