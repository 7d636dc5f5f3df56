/* outofcore_run.c - executes a list of kernels and moves over a slow tier, or
 * the kernels alone over a mapped file: what bench/outofcore.py compares.
 *
 *     outofcore_run plan SPEC BUFFER_BYTES FAST_BYTES SLOW_BYTES < list
 *     outofcore_run mmap FILE BUFFER_BYTES ALL_BYTES - < list
 *     outofcore_run swap -    BUFFER_BYTES ALL_BYTES - < list
 *
 * Lines: "K buffer r|w|u fast_offset ms" a kernel that reads, writes or updates
 * a buffer and takes at least ms; "F|E fast_offset slow_offset n" a fetch or an
 * eviction, begun here, a fetch not before n evictions; "R|W n" waits until n
 * fetches or evictions have ended; "T" the clock starts here. Every kernel
 * checks what it reads. Prints JSON.
 */
#include "autotm/tier.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct move {
    uint64_t fast, slow;
    uint64_t after; /* a fetch: evictions that end before it begins */
};

/* Moves of one direction, in order, on a thread of their own. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct move *move;
    uint64_t begun, ended, cap;
    bool stop, write;
};

static struct {
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    unsigned char *fast;
    uint64_t buffer;
    int fd; /* of the mapped file; -1: none */
    struct queue queue[2];
} b = {.fd = -1};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "outofcore_run: %s\n", what);
    exit(1);
}

static void wait_for(struct queue *q, uint64_t n)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->ended < n)
        (void)pthread_cond_wait(&q->changed, &q->lock);
    (void)pthread_mutex_unlock(&q->lock);
}

static void *work(void *user)
{
    struct queue *q = user;

    (void)pthread_mutex_lock(&q->lock);
    for (;;) {
        struct move m;
        enum atm_status st;

        while (q->ended == q->begun && !q->stop)
            (void)pthread_cond_wait(&q->changed, &q->lock);
        if (q->ended == q->begun)
            break;
        m = q->move[q->ended % q->cap];
        (void)pthread_mutex_unlock(&q->lock);
        if (!q->write)
            wait_for(&b.queue[1], m.after);
        st = q->write ? b.ops->write(b.tier, b.fast + m.fast, m.slow, b.buffer)
                      : b.ops->read(b.tier, b.fast + m.fast, m.slow, b.buffer);
        if (st)
            die(atm_errmsg());
        (void)pthread_mutex_lock(&q->lock);
        q->ended++;
        (void)pthread_cond_broadcast(&q->changed);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void begin(struct queue *q, struct move m)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->begun - q->ended == q->cap)
        (void)pthread_cond_wait(&q->changed, &q->lock);
    q->move[q->begun++ % q->cap] = m;
    (void)pthread_cond_broadcast(&q->changed);
    (void)pthread_mutex_unlock(&q->lock);
}

/* Word i of version v of a buffer. */
static uint64_t word(uint64_t buffer, uint64_t v, uint64_t i)
{
    return (buffer << 48) ^ (v << 32) ^ i;
}

/* Every word is touched, as by a kernel; wrong ones are counted. */
static uint64_t kernel(uint64_t *at, uint64_t buffer, uint64_t *version,
                       char how, double ms)
{
    double due = now() + ms * 1e-3;
    uint64_t i, n = b.buffer / sizeof(*at), wrong = 0;

    if (how != 'w')
        for (i = 0; i < n; i++)
            wrong += at[i] != word(buffer, *version, i);
    if (how != 'r') {
        ++*version;
        for (i = 0; i < n; i++)
            at[i] = word(buffer, *version, i);
    }
    while (now() < due)
        ;
    return wrong;
}

static void open_plan(const char *spec, uint64_t fast, uint64_t slow)
{
    struct atm_tier_info info;
    int i;

    if (atm_tier_probe(spec, 1e10, 1e10, &info, &b.ops) ||
        b.ops->open(spec, &info, slow, &b.tier))
        die(atm_errmsg());
    if (info.note[0])
        fprintf(stderr, "%s: %s\n", spec, info.note);
    b.fast = mmap(NULL, fast, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.fast == MAP_FAILED)
        die("no fast memory");
    (void)madvise(b.fast, fast, MADV_HUGEPAGE); /* as a session's pool */
    memset(b.fast, 0, fast);
    for (i = 0; i < 2; i++) {
        struct queue *q = &b.queue[i];

        q->write = i;
        q->cap = 64;
        q->move = calloc(q->cap, sizeof(*q->move));
        (void)pthread_mutex_init(&q->lock, NULL);
        (void)pthread_cond_init(&q->changed, NULL);
        if (!q->move || pthread_create(&q->thread, NULL, work, q))
            die("no thread");
    }
}

static void open_map(const char *file, uint64_t bytes)
{
    if (strcmp(file, "-") != 0) {
        b.fd = open(file, O_RDWR);
        if (b.fd < 0)
            die(file);
    }
    b.fast = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  b.fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, b.fd, 0);
    if (b.fast == MAP_FAILED)
        die("cannot map");
}

static void io_bytes(uint64_t *read_bytes, uint64_t *write_bytes)
{
    char line[128];
    FILE *f = fopen("/proc/self/io", "r");

    *read_bytes = *write_bytes = 0;
    while (f && fgets(line, sizeof(line), f)) {
        (void)sscanf(line, "read_bytes: %" SCNu64, read_bytes);
        (void)sscanf(line, "write_bytes: %" SCNu64, write_bytes);
    }
    if (f)
        (void)fclose(f);
}

int main(int argc, char **argv)
{
    uint64_t version[4096] = {0}, wrong = 0, rd0, wr0, rd1, wr1, moved0[2];
    bool plan = argc == 6 && strcmp(argv[1], "plan") == 0;
    double start;
    char line[160];
    int i;

    if (argc != 6)
        die("plan SPEC|mmap FILE|swap -  BUFFER FAST SLOW");
    b.buffer = strtoull(argv[3], NULL, 10);
    if (plan)
        open_plan(argv[2], strtoull(argv[4], NULL, 10),
                  strtoull(argv[5], NULL, 10));
    else
        open_map(argv[2], strtoull(argv[4], NULL, 10));
    io_bytes(&rd0, &wr0);
    memset(moved0, 0, sizeof(moved0));
    start = now();
    while (fgets(line, sizeof(line), stdin)) {
        uint64_t x = 0, y = 0, z = 0;
        double ms;
        char how;

        if (sscanf(line, "K %" SCNu64 " %c %" SCNu64 " %lf", &x, &how, &y,
                   &ms) == 4 &&
            x < 4096) {
            if (!plan)
                y = x * b.buffer;
            wrong += kernel((uint64_t *)(void *)(b.fast + y), x, &version[x],
                            how, ms);
        } else if (line[0] == 'T') {
            if (b.fd >= 0) /* what came before is not this clock's */
                (void)fdatasync(b.fd);
            io_bytes(&rd0, &wr0);
            for (i = 0; i < 2; i++)
                moved0[i] = b.queue[i].begun;
            start = now();
        } else if (!plan) {
            continue;
        } else if (sscanf(line + 1, "%" SCNu64 " %" SCNu64 " %" SCNu64, &x, &y,
                          &z) == 3) {
            begin(&b.queue[line[0] == 'E'], (struct move){x, y, z});
        } else if (sscanf(line + 1, "%" SCNu64, &x) == 1) {
            wait_for(&b.queue[line[0] == 'W'], x);
        } else {
            die(line);
        }
    }
    for (i = 0; i < 2 && plan; i++)
        wait_for(&b.queue[i], b.queue[i].begun);
    start = now() - start;
    io_bytes(&rd1, &wr1);
    printf("{\"seconds\": %.6f, \"wrong\": %" PRIu64
           ", \"read_bytes\": %" PRIu64 ", \"write_bytes\": %" PRIu64
           ", \"fetched_bytes\": %" PRIu64 ", \"evicted_bytes\": %" PRIu64
           "}\n",
           start, wrong, rd1 - rd0, wr1 - wr0,
           (b.queue[0].begun - moved0[0]) * b.buffer,
           (b.queue[1].begun - moved0[1]) * b.buffer);
    for (i = 0; i < 2 && plan; i++) {
        (void)pthread_mutex_lock(&b.queue[i].lock);
        b.queue[i].stop = true;
        (void)pthread_cond_broadcast(&b.queue[i].changed);
        (void)pthread_mutex_unlock(&b.queue[i].lock);
        (void)pthread_join(b.queue[i].thread, NULL);
        free(b.queue[i].move);
    }
    if (plan)
        b.ops->close(b.tier);
    return wrong != 0;
}
