/* tier_file.c - a file as slow memory: moved to and from, never run on.
 *
 * O_DIRECT, so that the page cache takes no memory behind the budget's back;
 * where a file system has none (tmpfs), through the page cache, said in the
 * note and dropped after each transfer. Reads and writes have a queue each.
 * What is aligned to move_align goes straight between the caller's memory and
 * the file; the rest through a small bounce buffer, edges read first.
 */
#include "tiers/file_engine.h"
#include "tiers/pool_file.h"

#include "arena.h"
#include "checked.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define POOL_AT ((uint64_t)4096) /* behind the mark */
#define BLOCK_BYTES ((uint64_t)4 << 20)
#define BOUNCE_BYTES ((uint64_t)256 << 10)
#define PART_BYTES ((uint64_t)256 << 10) /* the least worth a request */
#define DEPTH 8
#define WRITES 2 /* under way: more only push reads aside */
#define DEPTH_MAX 1024
/* until measured: an ordinary drive */
#define PRIOR_BW 1e9
#define PRIOR_LATENCY 1e-4

struct options {
    char path[ATM__PATH_BYTES], engine[32];
    uint64_t size, block;
    double depth, force;
};

struct lane { /* of reads, of writes */
    pthread_mutex_t lock;
    struct atm__queue *queue;
    void *room;
    unsigned char *bounce; /* in it, aligned */
};

/* A range of the pool that lies in a file of somebody else. */
struct loan {
    uint64_t off, bytes; /* whole blocks */
    uint64_t at;         /* in the file */
    int fd;              /* ours, for direct transfers */
    int owner;           /* the descriptor that it was made from */
};

struct atm_tier {
    struct atm_tier_info info;
    char spec[104];
    uint64_t bytes, block;
    int fd;
    uint32_t n_loans;
    struct loan *loan; /* in the order of their making */
    const struct atm__file_engine *engine;
    struct lane lane[2];
    atomic_int reads; /* that wait or run */
};

static enum atm_status parse(const char *spec, struct options *o)
{
    const struct atm__key keys[] = {{"", ATM__KEY_PATH, o->path},
                                    {"size", ATM__KEY_SIZE, &o->size},
                                    {"block", ATM__KEY_SIZE, &o->block},
                                    {"qd", ATM__KEY_REAL, &o->depth},
                                    {"engine", ATM__KEY_WORD, o->engine},
                                    {"force", ATM__KEY_REAL, &o->force},
                                    {NULL, ATM__KEY_SIZE, NULL}};
    const char *temp = getenv("TMPDIR");
    enum atm_status st;

    *o = (struct options){.engine = "io_uring",
                          .size = UINT64_MAX,
                          .block = BLOCK_BYTES,
                          .depth = DEPTH};
    (void)snprintf(o->path, sizeof(o->path), "%s",
                   temp && temp[0] == '/' ? temp : "/var/tmp");
    st = atm__spec_parse(spec, keys);
    if (st)
        return st;
    if (strcmp(o->engine, "io_uring") != 0 && strcmp(o->engine, "threads") != 0)
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": no engine \"%s\"; there "
                        "are: io_uring threads",
                        spec, o->engine);
    if (o->block < 4096 || o->block > 1u << 30 || o->block % 4096)
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": block must be a multiple "
                        "of 4096, at most 1G",
                        spec);
    if (o->depth < 1 || o->depth > DEPTH_MAX)
        return atm_fail(ATM_INVAL, "tier \"%.100s\": qd must be from 1 to %d",
                        spec, DEPTH_MAX);
    return ATM_OK;
}

/* Alignment of offsets and addresses that O_DIRECT wants; 0: it is refused,
 * and *why says so. */
static uint64_t direct_align(int fd, const char **why)
{
    struct statx x;
    struct statfs f;

    if (fstatfs(fd, &f) == 0 &&
        (f.f_type == TMPFS_MAGIC || f.f_type == RAMFS_MAGIC)) {
        *why = "it is memory itself (tmpfs)";
        return 0;
    }
    if (fcntl(fd, F_SETFL, O_DIRECT) != 0) {
        *why = "its file system refuses O_DIRECT";
        return 0;
    }
    memset(&x, 0, sizeof(x));
#ifdef STATX_DIOALIGN
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 &&
        x.stx_mask & STATX_DIOALIGN) {
        if (x.stx_dio_offset_align == 0) {
            (void)fcntl(fd, F_SETFL, 0);
            *why = "its file system refuses O_DIRECT";
            return 0;
        }
        return x.stx_dio_offset_align > x.stx_dio_mem_align
                   ? x.stx_dio_offset_align
                   : x.stx_dio_mem_align;
    }
#endif
    return 4096; /* before Linux 6.1 */
}

/* What the file is like, and the engine: what probe tells and open does. */
static enum atm_status examine(const char *spec, const struct options *o,
                               int fd, struct atm_tier_info *info,
                               const struct atm__file_engine **engine)
{
    const char *why = NULL;
    uint64_t align = direct_align(fd, &why);
    struct atm__queue *queue;
    enum atm_status st = ATM_OK;
    int n = 0;

    *info = (struct atm_tier_info){.kind = "file",
                                   .size = o->size,
                                   .map_align = 4096,
                                   .move_align = ATM_ALIGN,
                                   .caps = ATM_TIER_DURABLE | ATM_TIER_ASYNC,
                                   .clock = ATM_CLOCK_REAL,
                                   .read_bw = PRIOR_BW,
                                   .write_bw = PRIOR_BW,
                                   .latency_s = PRIOR_LATENCY,
                                   .read_par = (int)o->depth,
                                   .write_par = WRITES};
    if (info->write_par > info->read_par)
        info->write_par = info->read_par;
    if (align > ATM_ALIGN)
        info->move_align = align;
    if (align == 0) {
        info->caps |= ATM_TIER_CACHED;
        n = snprintf(info->note, sizeof(info->note),
                     "through the page cache: %s", why);
    }
    if (align > BOUNCE_BYTES)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": blocks of %" PRIu64 " bytes", spec,
                        align);
    *engine = &atm__file_threads;
    if (strcmp(o->engine, "threads") == 0)
        return ATM_OK;
    st = atm__file_uring.open(1, &queue);
    if (!st) {
        atm__file_uring.close(queue);
        *engine = &atm__file_uring;
    } else if (st == ATM_UNSUPPORTED) {
        (void)snprintf(info->note + n, sizeof(info->note) - (size_t)n,
                       "%s%s: threads", n ? "; " : "", atm_errmsg());
        st = ATM_OK;
    }
    return st;
}

/* Looks at an unnamed file in the same folder. */
static enum atm_status file_probe(const char *spec, double dram_read_bw,
                                  double dram_write_bw,
                                  struct atm_tier_info *info)
{
    const struct atm__file_engine *engine;
    char folder[ATM__PATH_BYTES];
    struct options o;
    enum atm_status st = parse(spec, &o);
    bool named;
    int fd;

    (void)dram_read_bw;
    (void)dram_write_bw;
    if (!st)
        st = atm__folder_check(spec, o.path, folder);
    if (!st)
        st = atm__pool_file_open(spec, folder, false, &fd, &named);
    if (st)
        return st;
    st = examine(spec, &o, fd, info, &engine);
    (void)close(fd);
    return st;
}

static void file_close(struct atm_tier *t)
{
    uint32_t n;
    int i;

    for (n = t->n_loans; n-- > 0;)
        if (n == 0 || t->loan[n - 1].fd != t->loan[n].fd)
            (void)close(t->loan[n].fd);
    atm_free(t->loan);

    for (i = 0; i < 2; i++) {
        t->engine->close(t->lane[i].queue);
        atm_free(t->lane[i].room);
        (void)pthread_mutex_destroy(&t->lane[i].lock);
    }
    if (t->fd >= 0)
        (void)close(t->fd);
    atm_free(t);
}

static enum atm_status open_lanes(struct atm_tier *t)
{
    enum atm_status st = ATM_OK;
    int i;

    for (i = 0; i < 2 && !st; i++) {
        struct lane *lane = &t->lane[i];

        lane->room = atm_alloc(BOUNCE_BYTES + POOL_AT);
        if (!lane->room)
            return ATM_NOMEM;
        lane->bounce = lane->room;
        lane->bounce += -(uintptr_t)lane->bounce % POOL_AT;
        st = t->engine->open(i ? t->info.write_par : t->info.read_par,
                             &t->lane[i].queue);
    }
    return st;
}

static enum atm_status file_open(const char *spec,
                                 const struct atm_tier_info *info,
                                 uint64_t bytes, struct atm_tier **tier)
{
    struct atm_tier *t;
    struct options o;
    uint64_t all;
    enum atm_status st = parse(spec, &o);
    bool named;
    int i;

    *tier = NULL;
    if (!st)
        st = atm__size_check(spec, info->size, bytes);
    if (st)
        return st;
    t = atm_alloc_array(1, sizeof(*t));
    if (!t)
        return ATM_NOMEM;
    (void)snprintf(t->spec, sizeof(t->spec), "%.100s", spec);
    t->bytes = bytes;
    t->block = o.block;
    t->fd = -1;
    t->engine = &atm__file_threads;
    for (i = 0; i < 2; i++)
        (void)pthread_mutex_init(&t->lane[i].lock, NULL);
    if (!atm_round_up(bytes, POOL_AT, &all) || !atm_add_u64(all, POOL_AT, &all))
        all = UINT64_MAX;
    st = atm__pool_file_open(spec, o.path, o.force > 0, &t->fd, &named);
    if (!st)
        st = atm__pool_file_reserve(spec, t->fd, all);
    if (!st)
        st = examine(spec, &o, t->fd, &t->info, &t->engine);
    t->info.read_par = info->read_par;
    t->info.write_par = info->write_par;
    if (!st)
        st = open_lanes(t);
    if (st) {
        file_close(t);
        return st;
    }
    *tier = t;
    return ATM_OK;
}

static void *file_map(struct atm_tier *t, uint64_t off, uint64_t len)
{
    (void)t, (void)off, (void)len;
    return NULL;
}

static const struct loan *loan_at(const struct atm_tier *t, uint64_t off)
{
    uint32_t i;

    for (i = 0; i < t->n_loans; i++)
        if (off - t->loan[i].off < t->loan[i].bytes)
            return &t->loan[i];
    return NULL;
}

static enum atm_status run(struct atm_tier *t, struct lane *lane, bool write,
                           unsigned char *memory, uint64_t off, uint64_t bytes)
{
    int depth = write ? t->info.write_par : t->info.read_par;
    uint64_t share = bytes / (uint64_t)depth / PART_BYTES * PART_BYTES;
    const struct loan *loan = loan_at(t, off);
    uint64_t base = loan ? loan->at - loan->off : POOL_AT; /* it may wrap */
    struct atm__request r = {.fd = loan ? loan->fd : t->fd,
                             .write = write,
                             .memory = memory,
                             .off = base + off,
                             .bytes = bytes,
                             .block = t->block,
                             .yield_to = write ? &t->reads : NULL,
                             .failed_at = UINT64_MAX};
    int error;

    if (loan && (write || bytes > loan->bytes - (off - loan->off)))
        return atm_fail(ATM_INTERNAL,
                        "tier \"%.100s\": offset %" PRIu64
                        " is lent by a file, to be read alone",
                        t->spec, off);
    share = share < PART_BYTES ? PART_BYTES : share;
    if (share < r.block) /* a small move keeps the queue busy, too */
        r.block = share;
    error = t->engine->run(lane->queue, &r);
    if (!error)
        return ATM_OK;
    return atm_fail(ATM_IO, "tier \"%.100s\": %s at offset %" PRIu64 ": %s",
                    t->spec, write ? "writing" : "reading", r.failed_at - base,
                    error == ENODATA ? "its file was cut" : strerror(error));
}

/* Through the bounce buffer: whole blocks around [off, off+bytes), which fit
 * it. */
static enum atm_status bounce(struct atm_tier *t, struct lane *lane, bool write,
                              unsigned char *memory, uint64_t off,
                              uint64_t bytes)
{
    uint64_t align = t->info.move_align, from = off / align * align;
    uint64_t n = (off + bytes - from + align - 1) / align * align;
    enum atm_status st = ATM_OK;

    if (!write) {
        st = run(t, lane, false, lane->bounce, from, n);
        if (!st)
            memcpy(memory, lane->bounce + (off - from), bytes);
        return st;
    }
    if (off != from)
        st = run(t, lane, false, lane->bounce, from, align);
    if (!st && (off + bytes) % align && (off == from || n > align))
        st = run(t, lane, false, lane->bounce + n - align, from + n - align,
                 align);
    if (st)
        return st;
    memcpy(lane->bounce + (off - from), memory, bytes);
    return run(t, lane, true, lane->bounce, from, n);
}

static enum atm_status transfer(struct atm_tier *t, bool write,
                                unsigned char *memory, uint64_t off,
                                uint64_t bytes)
{
    uint64_t align = t->info.move_align, n;
    struct lane *lane = &t->lane[write];
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, bytes);

    if (st)
        return st;
    if (!write)
        (void)atomic_fetch_add(&t->reads, 1);
    (void)pthread_mutex_lock(&lane->lock);
    for (; bytes > 0 && !st; memory += n, off += n, bytes -= n) {
        if (off % align == 0 && (uintptr_t)memory % align == 0 &&
            bytes >= align) {
            n = bytes / align * align;
            st = run(t, lane, write, memory, off, n);
        } else {
            n = BOUNCE_BYTES - off % align;
            n = n < bytes ? n : bytes;
            st = bounce(t, lane, write, memory, off, n);
        }
    }
    if (t->info.caps & ATM_TIER_CACHED) /* clean pages leave, at least */
        (void)posix_fadvise(t->fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)pthread_mutex_unlock(&lane->lock);
    if (!write)
        (void)atomic_fetch_sub(&t->reads, 1);
    return st;
}

static enum atm_status file_read(struct atm_tier *t, void *dst, uint64_t off,
                                 uint64_t len)
{
    return transfer(t, false, dst, off, len);
}

/* The engines read from what they write: the const is kept. */
static enum atm_status file_write(struct atm_tier *t, const void *src,
                                  uint64_t off, uint64_t len)
{
    return transfer(t, true, (unsigned char *)(uintptr_t)src, off, len);
}

static enum atm_status file_flush(struct atm_tier *t, uint64_t off,
                                  uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    if (!st && fdatasync(t->fd) != 0)
        st = atm_fail(ATM_IO, "tier \"%.100s\": flushing: %s", t->spec,
                      strerror(errno));
    return st;
}

/* Our own way to the file, direct where the pool's is; loans of one file come
 * one after the other and share it. */
static enum atm_status loan_open(struct atm_tier *t, int owner, int *fd)
{
    const char *why = "";
    char path[64];
    uint64_t align;

    if (t->n_loans > 0 && t->loan[t->n_loans - 1].owner == owner) {
        *fd = t->loan[t->n_loans - 1].fd;
        return ATM_OK;
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", owner);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return atm_fail(ATM_UNSUPPORTED, "tier \"%.100s\": %s", t->spec,
                        strerror(errno));
    if (t->info.caps & ATM_TIER_CACHED)
        return ATM_OK;
    align = direct_align(*fd, &why);
    if (align > 0 && align <= t->info.move_align)
        return ATM_OK;
    (void)close(*fd);
    return atm_fail(ATM_UNSUPPORTED, "tier \"%.100s\": the lent file: %s",
                    t->spec, align ? "larger blocks" : why);
}

static enum atm_status file_lend(struct atm_tier *t, uint64_t off, uint64_t len,
                                 int owner, uint64_t at)
{
    uint64_t align = t->info.move_align, bytes, end;
    struct loan l = {.off = off, .at = at, .owner = owner};
    struct loan *list;
    struct stat s;
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    if (st)
        return st;
    if (off % align || at % align || !atm_round_up(len, align, &bytes) ||
        !atm_add_u64(at, bytes, &end) || fstat(owner, &s) != 0 ||
        end > (uint64_t)s.st_size)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": %" PRIu64 " bytes at %" PRIu64
                        " of the file are no whole blocks of %" PRIu64,
                        t->spec, len, at, align);
    l.bytes = bytes;
    list = atm_realloc(t->loan, ((size_t)t->n_loans + 1) * sizeof(*list));
    if (!list)
        return ATM_NOMEM;
    t->loan = list;
    st = loan_open(t, owner, &l.fd);
    if (st)
        return st;
    t->loan[t->n_loans++] = l;
    /* not needed any more; a file system that cannot keeps them */
    (void)fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t)(POOL_AT + off), (off_t)bytes);
    return ATM_OK;
}

const struct atm_tier_ops atm__tier_file = {.kind = "file",
                                            .help = atm__help_file,
                                            .probe = file_probe,
                                            .open = file_open,
                                            .map = file_map,
                                            .read = file_read,
                                            .write = file_write,
                                            .flush = file_flush,
                                            .lend = file_lend,
                                            .close = file_close};
