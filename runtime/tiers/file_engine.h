/* file_engine.h - two ways to keep several requests to a file under way:
 * io_uring, and threads where that is refused. */
#ifndef ATM_RUNTIME_TIERS_FILE_ENGINE_H
#define ATM_RUNTIME_TIERS_FILE_ENGINE_H

#include "autotm/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One direction's queue: reads and writes have one each, so that a read never
 * stands behind a write. Not thread-safe. */
struct atm__queue;

struct atm__request {
    int fd;
    bool write;
    unsigned char *memory;
    uint64_t off, bytes;
    uint64_t block; /* bytes of a part */
    /* Non-zero: somebody reads; a write then keeps one part under way. */
    const atomic_int *yield_to;
    uint64_t failed_at; /* UINT64_MAX; out: the first part that failed */
};

struct atm__file_engine {
    const char *name;
    /* At most `depth` parts under way; UNSUPPORTED, with the reason, where the
     * machine does not allow it. */
    enum atm_status (*open)(int depth, struct atm__queue **queue);
    /* 0 or an errno, when all parts have ended; ENODATA: the file is shorter
     * than it was. */
    int (*run)(struct atm__queue *queue, struct atm__request *r);
    void (*close)(struct atm__queue *queue); /* accepts null */
};

extern const struct atm__file_engine atm__file_uring, atm__file_threads;

#endif
