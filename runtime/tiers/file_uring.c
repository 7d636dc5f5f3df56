/* file_uring.c - the kernel's queue. */
#include "tiers/file_engine.h"

#include "arena.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>

struct part {
    unsigned char *memory;
    uint64_t off, left;
};

struct atm__queue {
    struct io_uring ring;
    int depth;
    struct part *part; /* depth */
};

static enum atm_status uring_open(int depth, struct atm__queue **queue)
{
    struct atm__queue *q = atm_alloc_array(1, sizeof(*q));
    int error;

    *queue = NULL;
    if (!q)
        return ATM_NOMEM;
    q->depth = depth;
    q->part = atm_alloc_array((size_t)depth, sizeof(*q->part));
    if (!q->part) {
        atm_free(q);
        return ATM_NOMEM;
    }
    error = io_uring_queue_init((unsigned)depth, &q->ring, 0);
    if (error) {
        atm_free(q->part);
        atm_free(q);
        return atm_fail(ATM_UNSUPPORTED, "io_uring is refused (%s)",
                        strerror(-error));
    }
    *queue = q;
    return ATM_OK;
}

static void uring_close(struct atm__queue *q)
{
    if (!q)
        return;
    io_uring_queue_exit(&q->ring);
    atm_free(q->part);
    atm_free(q);
}

static void submit(struct atm__queue *q, const struct atm__request *r,
                   struct part *p)
{
    /* there are as many entries as parts: never null */
    struct io_uring_sqe *e = io_uring_get_sqe(&q->ring);

    if (r->write)
        io_uring_prep_write(e, r->fd, p->memory, (unsigned)p->left, p->off);
    else
        io_uring_prep_read(e, r->fd, p->memory, (unsigned)p->left, p->off);
    io_uring_sqe_set_data(e, p);
}

/* The part has ended with `result`: what is left of it goes out again. 0, or
 * what ends the request. */
static int ended(struct atm__queue *q, struct atm__request *r, struct part *p,
                 int result, int *under_way)
{
    if (result == -EINTR || result == -EAGAIN)
        result = 0;
    else if (result <= 0) {
        if (p->off < r->failed_at)
            r->failed_at = p->off;
        return result ? -result : ENODATA;
    }
    p->memory += result;
    p->off += (uint64_t)result;
    p->left -= (uint64_t)result;
    if (p->left > 0)
        submit(q, r, p);
    else
        (*under_way)--;
    return 0;
}

static int uring_run(struct atm__queue *q, struct atm__request *r)
{
    uint64_t next = 0, n;
    int under_way = 0, error = 0, i, rc;

    for (i = 0; i < q->depth; i++)
        q->part[i].left = 0;
    while (under_way > 0 || (next < r->bytes && !error)) {
        int most = r->yield_to && atomic_load(r->yield_to) ? 1 : q->depth;
        struct io_uring_cqe *e;
        unsigned head, seen = 0;

        for (i = 0;
             i < q->depth && under_way < most && next < r->bytes && !error;
             i++) {
            struct part *p = &q->part[i];

            if (p->left > 0)
                continue;
            n = r->bytes - next < r->block ? r->bytes - next : r->block;
            *p = (struct part){r->memory + next, r->off + next, n};
            submit(q, r, p);
            next += n;
            under_way++;
        }
        rc = io_uring_submit_and_wait(&q->ring, 1);
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
            r->failed_at = r->off; /* the ring is broken: nothing will end */
            return -rc;
        }
        io_uring_for_each_cqe(&q->ring, head, e)
        {
            struct part *p = io_uring_cqe_get_data(e);

            rc = ended(q, r, p, e->res, &under_way);
            if (rc) {
                error = error ? error : rc;
                p->left = 0;
                under_way--;
            }
            seen++;
        }
        io_uring_cq_advance(&q->ring, seen);
    }
    return error;
}

const struct atm__file_engine atm__file_uring = {"io_uring", uring_open,
                                                 uring_run, uring_close};
