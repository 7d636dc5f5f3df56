/* test_tiers.c - one conformance suite over every kind of tier and spec, then
 * specs, profiles, copies and the throttle.
 *
 *     test_tiers                    all tests
 *     test_tiers conform SPEC...    the suite alone, over these; a spec that
 *                                   cannot be had here fails
 *     test_tiers conform-kib SPEC...  with little data, where each access takes
 *                                     long
 */
#include "atm_test.h"
#include "autotm/tier.h"
#include "copy.h"
#include "fault.h"
#include "free_memory.h"
#include "rng.h"
#include "tiers/memory.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A kind without a spec here fails the suite; one that this machine has not
 * is said and passed over. */
static const char *const specs[] = {
    "dram",
    "dram:size=64M",
    "dram:node=0",
    "dram:huge=2M",
    "numa:node=0",
    "numa",
    "pmem",
    "pmem:.,sync=degrade",
    "devdax",
    "file:.",
    "file:.,engine=threads",
    "file:.,block=16K,qd=2",
    "file:.,block=64K,qd=32,engine=threads",
    "file:/dev/shm",
    "emu",
    "emu:profile=optane6,clock=virtual",
    "emu:profile=optane1,clock=table",
    "emu:profile=cxl-near",
    "emu:profile=cxl-far,size=1G",
    "emu:profile=remote-numa",
    "emu:profile=nvme4",
    "emu:rd=8G,wr=3G,lat=300",
    "emu:rd=2G,wr=1G,lat=0,clock=wall",
    "emu:lossy=1",
};
#define N_SPECS (sizeof(specs) / sizeof(specs[0]))

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(unsigned char *p, size_t n, uint64_t seed)
{
    size_t i;

    for (i = 0; i < n; i++)
        p[i] = (unsigned char)atm_rng_u64(seed, i);
}

/* bytes of a pool, at most and now */
enum { POOL_MAX = 3 * 1024 * 1024 + 192, POOL_KIB = 16 * 1024 + 192 };
static size_t pool_bytes = POOL_MAX;

struct subject {
    const char *spec;
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    unsigned char *a, *b; /* what should be there; what is read; aligned */
};

/* Pieces at odd places and odd addresses, both ways. */
static void pieces(struct subject *s, uint64_t grain, uint64_t seed)
{
    unsigned char *odd = s->b + pool_bytes; /* pool_bytes + 64 more of room */
    int i;

    for (i = 0; i < 16; i++) {
        size_t off = atm_rng_u64(seed, 3 * (uint64_t)i) % (pool_bytes / grain);
        size_t len = atm_rng_u64(seed, 3 * (uint64_t)i + 1) %
                     (pool_bytes / grain - off) * grain;
        unsigned char *m = odd + atm_rng_u64(seed, 3 * (uint64_t)i + 2) % 64 /
                                     (grain < 64 ? 1 : 64);

        off *= grain;
        fill(s->a + off, len, seed + (uint64_t)i);
        memcpy(m, s->a + off, len);
        ATM_ASSERT_OK(s->ops->write(s->tier, m, off, len));
        memset(m, 0, len);
        ATM_ASSERT_OK(s->ops->read(s->tier, m, off, len));
        CU_ASSERT_EQUAL(memcmp(s->a + off, m, len), 0);
    }
    ATM_ASSERT_OK(s->ops->read(s->tier, s->b, 0, pool_bytes));
    CU_ASSERT_EQUAL(memcmp(s->a, s->b, pool_bytes), 0);
}

/* One thread reads the first half again and again while the other writes the
 * second: the contract of asynchronous moves. */
struct reader {
    struct subject *s;
    int wrong;
};

static void *read_on(void *user)
{
    const size_t half = pool_bytes / 2 / 8192 * 8192;
    struct reader *r = user;
    unsigned char *m = aligned_alloc(4096, half);
    int i;

    for (i = 0; m && i < 8; i++) {
        memset(m, 0, half);
        r->wrong += r->s->ops->read(r->s->tier, m, 0, half) != ATM_OK;
        r->wrong += memcmp(m, r->s->a, half) != 0;
    }
    r->wrong += !m;
    free(m);
    return NULL;
}

static void both_ways_at_once(struct subject *s)
{
    const size_t half = pool_bytes / 2 / 8192 * 8192;
    struct reader r = {s, 0};
    pthread_t thread;
    int i;

    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_on, &r), 0);
    for (i = 0; i < 8; i++) {
        fill(s->a + half, pool_bytes / 8, (uint64_t)i);
        ATM_ASSERT_OK(
            s->ops->write(s->tier, s->a + half, half, pool_bytes - half));
    }
    (void)pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(r.wrong, 0);
    ATM_ASSERT_OK(s->ops->read(s->tier, s->b, 0, pool_bytes));
    CU_ASSERT_EQUAL(memcmp(s->a, s->b, pool_bytes), 0);
}

static void addresses(struct subject *s)
{
    unsigned char *at = s->ops->map(s->tier, 64, 128);

    if (!(s->info.caps & ATM_TIER_ADDRESSABLE)) {
        CU_ASSERT_PTR_NULL(at);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_EQUAL((uintptr_t)(at - 64) % s->info.map_align, 0);
    CU_ASSERT_EQUAL(memcmp(at, s->a + 64, 128), 0);
    CU_ASSERT_PTR_NULL(s->ops->map(s->tier, pool_bytes, 1));
    /* a kernel's store is seen by a move */
    at[5] ^= 0xff;
    s->a[64 + 5] ^= 0xff;
    ATM_ASSERT_OK(s->ops->read(s->tier, s->b, 64, 128));
    CU_ASSERT_EQUAL(memcmp(s->b, s->a + 64, 128), 0);
}

/* On the node that the spec names, says the kernel's own account. */
static void on_its_node(struct subject *s)
{
    const char *node = strstr(s->spec, "node=");
    unsigned char *at = s->ops->map(s->tier, 0, pool_bytes);
    char line[4096], want[32], *pages;
    bool found = false;
    FILE *f = fopen("/proc/self/numa_maps", "r");

    if (node && f) {
        (void)snprintf(want, sizeof(want), " N%d=", atoi(node + 5));
        while (fgets(line, sizeof(line), f))
            if (strtoull(line, NULL, 16) == (uintptr_t)at) {
                found = true;
                pages = strstr(line, want);
                CU_ASSERT_PTR_NOT_NULL_FATAL(pages);
                /* all of them: no other node is named */
                CU_ASSERT_PTR_NULL(strstr(pages + 2, " N"));
            }
        CU_ASSERT_TRUE(found);
    }
    if (f)
        (void)fclose(f);
}

static void conform(struct subject *s)
{
    struct atm_tier *tier;
    const char *spec = s->spec;
    unsigned char *room =
        aligned_alloc(4096, 4 * (pool_bytes / 4096 + 2) * 4096);

    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    s->a = room;
    s->b = room + (pool_bytes / 4096 + 1) * 4096;
    CU_ASSERT_STRING_EQUAL(s->info.kind, s->ops->kind);
    CU_ASSERT_TRUE(s->info.read_bw > 0 && s->info.write_bw > 0);
    CU_ASSERT_TRUE(s->info.latency_s >= 0);
    CU_ASSERT_EQUAL(s->info.move_align % ATM_ALIGN, 0);
    CU_ASSERT_TRUE(s->info.read_par >= 1 && s->info.write_par >= 1);
    ATM_ASSERT_OK(s->ops->open(spec, &s->info, pool_bytes, &s->tier));

    fill(s->a, pool_bytes, 1);
    ATM_ASSERT_OK(s->ops->write(s->tier, s->a, 0, pool_bytes));
    memset(s->b, 0, pool_bytes);
    ATM_ASSERT_OK(s->ops->read(s->tier, s->b, 0, pool_bytes));
    CU_ASSERT_EQUAL(memcmp(s->a, s->b, pool_bytes), 0);
    pieces(s, s->info.move_align, 100);
    pieces(s, 1, 200);
    both_ways_at_once(s);
    CU_ASSERT_TRUE(s->ops->flush || !(s->info.caps & ATM_TIER_DURABLE));
    if (s->ops->flush) {
        ATM_ASSERT_OK(s->ops->flush(s->tier, 192, pool_bytes - 192));
        ATM_ASSERT_FAILS(s->ops->flush(s->tier, pool_bytes, 1), ATM_INVAL,
                         "end");
    }

    /* bounds: the end, past it, and sums that wrap */
    ATM_ASSERT_OK(s->ops->read(s->tier, s->b, pool_bytes, 0));
    ATM_ASSERT_FAILS(s->ops->read(s->tier, s->b, pool_bytes - 64, 128),
                     ATM_INVAL, "end");
    ATM_ASSERT_FAILS(s->ops->write(s->tier, s->b, UINT64_MAX - 63, 128),
                     ATM_INVAL, "end");
    addresses(s);
    on_its_node(s);
    s->ops->close(s->tier);

    /* more than there is: an error now, not a fault later */
    ATM_ASSERT_FAILS(s->ops->open(spec, &s->info, UINT64_C(1) << 50, &tier),
                     ATM_CAPACITY, "needed");
    CU_ASSERT_PTR_NULL(tier);
    free(room);
}

static char **given; /* specs of the command line */

static void conformance(void)
{
    size_t i, n = given ? 0 : N_SPECS;

    while (given && given[n])
        n++;
    for (i = 0; i < n; i++) {
        struct subject s = {.spec = given ? given[i] : specs[i]};
        enum atm_status st =
            atm_tier_probe(s.spec, 2e10, 1e10, &s.info, &s.ops);

        if (st == ATM_UNSUPPORTED && !given) {
            printf("\n    not here: %s ", atm_errmsg());
            continue;
        }
        ATM_ASSERT_OK(st);
        if (s.info.note[0])
            printf("\n    %s: %s ", s.spec, s.info.note);
        conform(&s);
        if (given)
            printf("\n    %s: conforms ", s.spec);
    }
}

static void every_kind(void)
{
    uint32_t i, k;
    bool tested;

    for (k = 0; atm_tier_kind_at(k); k++) {
        const char *kind = atm_tier_kind_at(k)->kind;

        for (tested = false, i = 0; i < N_SPECS; i++)
            tested |= strncmp(specs[i], kind, strlen(kind)) == 0;
        CU_ASSERT_TRUE(tested);
        CU_ASSERT_PTR_NOT_NULL(atm_tier_kind_at(k)->help);
    }
}

static void bad_specs(void)
{
    static const struct {
        const char *spec, *says;
    } row[] = {
        {"", "no kind"},
        {"floppy", "there are: dram numa pmem devdax file emu"},
        {"emux", "no kind"},
        {"emu:speed=1", "there are: profile clock size rd wr lat lossy"},
        {"emu:profile", "profile needs a value"},
        {"emu:profile=", "must be a word"},
        {"emu:profile=optane7", "there are: optane6"},
        {"emu:clock=fast", "virtual wall table"},
        {"emu:size=1G,size=2G", "twice"},
        {"emu:size=-1", "must be a size"},
        {"emu:size=1.0001", "must be a size"},
        {"emu:size=1GB", "must be a size"},
        {"emu:size=nan", "must be a size"},
        {"emu:size=0x10", "must be a size"},
        {"emu:size=99999999999T", "must be a size"},
        {"emu:rd=0", "must be a rate"},
        {"emu:rd=inf", "must be a rate"},
        {"emu:lat=-1", "must be a number"},
        {"emu:", "no key \"\""},
        {"emu:size=1G,", "no key \"\""},
        {"dram:profile=x", "there are: size node huge"},
        {"dram:node=4000", "there are: 0"},
        {"dram:huge=3M", "size of a page"},
        {"numa:node=4000", "there are: 0"},
        {"numa:best", "auto or node=N"},
        {"pmem:.,sync=maybe", "require or degrade"},
        {"file:.,engine=magic", "io_uring threads"},
        {"file:.,block=5000", "multiple of 4096"},
        {"file:.,qd=0", "from 1 to"},
        {"file:.,.", "no key \".\""},
    };
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        ATM_ASSERT_FAILS(atm_tier_probe(row[i].spec, 1e10, 1e10, &info, &ops),
                         ATM_INVAL, row[i].says);
    /* what copies at memory speed cannot play */
    ATM_ASSERT_FAILS(
        atm_tier_probe("emu:rd=9G,clock=wall", 1e10, 1e10, &info, &ops),
        ATM_UNSUPPORTED, "clock=virtual");
}

static void spec_values(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info i;

    ATM_ASSERT_OK(atm_tier_probe("emu:size=1.5G,rd=8G,wr=2.5M,lat=300", 2e10,
                                 1e10, &i, &ops));
    CU_ASSERT_EQUAL(i.size, UINT64_C(1536) << 20);
    CU_ASSERT_EQUAL(i.read_bw, 8e9); /* rates count in thousands */
    CU_ASSERT_EQUAL(i.write_bw, 2.5e6);
    CU_ASSERT_DOUBLE_EQUAL(i.latency_s, 300e-9, 1e-18);
    CU_ASSERT_EQUAL(i.clock, ATM_CLOCK_VIRTUAL);
    CU_ASSERT_TRUE(i.caps & ATM_TIER_EMULATED);
    /* ratios to DRAM; one of them overridden */
    ATM_ASSERT_OK(
        atm_tier_probe("emu:profile=optane6,wr=1G", 2e10, 1e10, &i, &ops));
    CU_ASSERT_DOUBLE_EQUAL(i.read_bw, 0.37 * 2e10, 1);
    CU_ASSERT_EQUAL(i.write_bw, 1e9);
    CU_ASSERT_DOUBLE_EQUAL(i.latency_s, 200e-9, 1e-18);
    /* a drive has its own scale and is no memory */
    ATM_ASSERT_OK(atm_tier_probe("emu:profile=nvme4", 2e10, 1e10, &i, &ops));
    CU_ASSERT_EQUAL(i.read_bw, 6.5e9);
    CU_ASSERT_EQUAL(i.write_bw, 4e9);
    CU_ASSERT_DOUBLE_EQUAL(i.latency_s, 80e-6, 1e-12);
    CU_ASSERT_FALSE(i.caps & ATM_TIER_ADDRESSABLE);
}

/* Every alignment of source and destination, sizes around the thresholds. */
static void copies(void)
{
    static const size_t sizes[] = {0,
                                   1,
                                   63,
                                   64,
                                   4095,
                                   4096,
                                   4097,
                                   8191,
                                   1 << 20,
                                   (2 << 20) + 7,
                                   (17 << 20) + 4093};
    const size_t room = (18 << 20) + 256;
    unsigned char *a = malloc(room), *b = malloc(room);
    size_t i, j;

    CU_ASSERT_TRUE_FATAL(a && b);
    fill(a, room, 5);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (j = 0; j < 6; j++) {
            size_t from = atm_rng_u64(6, 2 * j) % 100;
            size_t to = 1 + atm_rng_u64(6, 2 * j + 1) % 100, n = sizes[i];

            memset(b, 0xee, n + 256);
            atm__copy(b + to, a + from, n, (int)j);
            CU_ASSERT_EQUAL(memcmp(b + to, a + from, n), 0);
            CU_ASSERT_EQUAL(b[to - 1], 0xee);
            CU_ASSERT_EQUAL(b[to + n], 0xee);
        }
    free(a);
    free(b);
}

static void calibration(void)
{
    double rd = 0, wr = 0;

    ATM_ASSERT_OK(atm_dram_calibrate(2, &rd, &wr));
    /* any machine of this century, and none of the next */
    CU_ASSERT_TRUE(rd > 2e8 && rd < 2e12);
    CU_ASSERT_TRUE(wr > 2e8 && wr < 2e12);
    printf("DRAM %.1f GB/s read, %.1f GB/s written ", rd * 1e-9, wr * 1e-9);
}

/* A throttled move is never early; how late it is depends on the machine. */
static void wall_clock(void)
{
    enum { BYTES = 4 << 20 };
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    unsigned char *a = calloc(1, BYTES);
    double t0, rd, wr;

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    ATM_ASSERT_OK(atm_tier_probe("emu:rd=400M,wr=200M,lat=1000,clock=wall",
                                 2e10, 1e10, &info, &ops));
    ATM_ASSERT_OK(ops->open("emu", &info, BYTES, &tier));
    t0 = seconds();
    ATM_ASSERT_OK(ops->write(tier, a, 0, BYTES));
    wr = seconds() - t0;
    t0 = seconds();
    ATM_ASSERT_OK(ops->read(tier, a, 0, BYTES));
    rd = seconds() - t0;
    CU_ASSERT_TRUE(wr >= BYTES / 200e6);
    CU_ASSERT_TRUE(rd >= BYTES / 400e6);
    ops->close(tier);
    free(a);
}

/* The one clock: hand-made sums. */
static void clock_model(void)
{
    const struct atm_tier_info slow = {
        .read_bw = 4e9, .write_bw = 2e9, .latency_s = 1e-6};
    const double s[2] = {3e-3, 2e-3}, l[2] = {1e-6, 1e-6};

    CU_ASSERT_EQUAL(atm_clock_kernel(1e-3, 0, NULL, NULL), 1e-3);
    CU_ASSERT_DOUBLE_EQUAL(atm_clock_kernel(1e-3, 2, s, l), 5.002e-3, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(atm_clock_kernel(9e-3, 2, s, l), 9.002e-3, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(atm_clock_move(&slow, 4000000, false), 1.001e-3,
                           1e-12);
    CU_ASSERT_DOUBLE_EQUAL(atm_clock_move(&slow, 4000000, true), 2.001e-3,
                           1e-12);
}

/* ---- faults ------------------------------------------------------------- */

static struct atm_tier *opened(const char *spec, uint64_t bytes,
                               const struct atm_tier_ops **ops)
{
    struct atm_tier_info info;
    struct atm_tier *tier;

    ATM_ASSERT_OK(atm_tier_probe(spec, 2e10, 1e10, &info, ops));
    ATM_ASSERT_OK((*ops)->open(spec, &info, bytes, &tier));
    return tier;
}

/* A pool that has a name is marked, locked, and never mistaken. */
static void foreign_files(void)
{
    static const char *const kind[] = {"file", "pmem"};
    const struct atm_tier_ops *ops, *again;
    struct atm_tier_info info;
    struct atm_tier *tier, *other;
    char spec[64], forced[80];
    int i, fd;

    for (i = 0; i < 2; i++) {
        (void)unlink("tier.pool");
        (void)snprintf(spec, sizeof(spec), "%s:tier.pool%s", kind[i],
                       i ? ",sync=degrade" : "");
        (void)snprintf(forced, sizeof(forced), "%s,force=1", spec);
        tier = opened(spec, 1 << 20, &ops);
        ATM_ASSERT_OK(atm_tier_probe(spec, 1e10, 1e10, &info, &again));
        ATM_ASSERT_FAILS(again->open(spec, &info, 1 << 20, &other), ATM_IO,
                         "in use by another process");
        ops->close(tier);
        tier = opened(spec, 1 << 20, &ops); /* our own: taken again */
        ops->close(tier);
        fd = open("tier.pool", O_WRONLY | O_TRUNC);
        CU_ASSERT_EQUAL_FATAL(write(fd, "a diary, not a pool", 19), 19);
        (void)close(fd);
        ATM_ASSERT_FAILS(ops->open(spec, &info, 1 << 20, &tier), ATM_INVAL,
                         "holds something else; add force=1");
        tier = opened(forced, 1 << 20, &ops);
        ops->close(tier);
    }
    (void)unlink("tier.pool");
    ATM_ASSERT_FAILS(ops->open("file:no/such/place", &info, 1, &tier), ATM_IO,
                     "No such file");
    ATM_ASSERT_FAILS(atm_tier_probe("file:/proc/x", 1, 1, &info, &ops), ATM_IO,
                     "/proc");
}

/* Somebody truncates the file under us: an error that names the place, where
 * a mapping would be killed by SIGBUS. */
static void cut_files(void)
{
    static const struct {
        const char *spec, *says;
    } row[] = {
        {"file:tier.pool", "reading at offset 1048576: its file was cut"},
        {"file:tier.pool,engine=threads",
         "reading at offset 1048576: its file was cut"},
        {"pmem:tier.pool,sync=degrade", "memory failed at offset 1048576"},
    };
    const uint64_t at = 1 << 20, bytes = 4 << 20;
    unsigned char *m = aligned_alloc(4096, bytes);
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    size_t i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(m, 1, bytes);
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        tier = opened(row[i].spec, bytes, &ops);
        ATM_ASSERT_OK(ops->write(tier, m, 0, bytes));
        CU_ASSERT_EQUAL_FATAL(
            truncate("tier.pool", (i < 2 ? 4096 : 2 << 20) + (off_t)at), 0);
        ATM_ASSERT_OK(ops->read(tier, m, 0, at));
        ATM_ASSERT_FAILS(ops->read(tier, m, at, at), ATM_IO, row[i].says);
        ATM_ASSERT_FAILS(ops->read(tier, m, at, 64), ATM_IO, row[i].says);
        ATM_ASSERT_FAILS(ops->read(tier, m, 0, bytes), ATM_IO, row[i].says);
        if (i == 2) /* one that is mapped cannot grow again by writing */
            ATM_ASSERT_FAILS(ops->write(tier, m, at, at), ATM_IO, row[i].says);
        ops->close(tier);
        CU_ASSERT_EQUAL(unlink("tier.pool"), 0);
    }
    free(m);
}

/* Only what was flushed is there after a crash. */
static void lossy(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier *tier = opened("emu:lossy=1", 8192, &ops);
    char m[64];

    memset(m, 'a', sizeof(m));
    ATM_ASSERT_OK(ops->write(tier, m, 0, 64));
    ATM_ASSERT_OK(ops->write(tier, m, 4096, 64));
    ATM_ASSERT_OK(ops->flush(tier, 4096, 64));
    memset(m, 'b', sizeof(m));
    ATM_ASSERT_OK(ops->write(tier, m, 4096, 64));
    ATM_ASSERT_OK(ops->read(tier, m, 4096, 64));
    CU_ASSERT_EQUAL(m[63], 'b');
    atm__emu_crash(tier);
    ATM_ASSERT_OK(ops->read(tier, m, 0, 64));
    CU_ASSERT_EQUAL(m[0], 0);
    ATM_ASSERT_OK(ops->read(tier, m, 4096, 64));
    CU_ASSERT_EQUAL(m[63], 'a');
    ops->close(tier);
}

static void put(const char *path, const char *text)
{
    char folder[256];
    size_t i;
    FILE *f;

    for (i = 1; path[i]; i++)
        if (path[i] == '/') {
            (void)snprintf(folder, sizeof(folder), "%.*s", (int)i, path);
            (void)mkdir(folder, 0700);
        }
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

/* The least of the machine and of every group above us, whatever version. */
static void free_memory(void)
{
    (void)!system("rm -rf root");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), UINT64_MAX);
    put("root/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4096 kB\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 4096 * 1024);
    put("root/proc/self/cgroup", "5:cpu,memory:/a/b\n0::/x\n");
    put("root/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "3000000\n");
    put("root/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "1000000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 2000000);
    put("root/sys/fs/cgroup/memory/a/b/memory.stat",
        "inactive_file 7\ntotal_inactive_file 400000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 2400000);
    put("root/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000000\n");
    put("root/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "4900000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 100000);
    put("root/sys/fs/cgroup/x/memory.max", "max\n");
    put("root/sys/fs/cgroup/x/memory.current", "90000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 100000);
    put("root/sys/fs/cgroup/x/memory.max", "100000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 10000);
    put("root/sys/fs/cgroup/memory.max", "1000\n");
    put("root/sys/fs/cgroup/memory.current", "2000\n");
    CU_ASSERT_EQUAL(atm__memory_available_at("root"), 0);
    CU_ASSERT_TRUE(atm_memory_available() > 1 << 20);
    (void)!system("rm -rf root");
}

static const struct atm_test tests[] = {
    {"every spec: what is written is read, bounds, capacity", conformance},
    {"every kind has a spec in the suite", every_kind},
    {"files of others are kept, pools in use are refused", foreign_files},
    {"a file that is cut is an error with its place", cut_files},
    {"lossy: a crash loses what was not flushed", lossy},
    {"free memory is the least of machine and cgroups", free_memory},
    {"a wrong spec is refused with what there is", bad_specs},
    {"sizes are IEC, rates decimal, profiles are ratios", spec_values},
    {"copies at every alignment, nothing beside them touched", copies},
    {"calibration gives plausible bandwidths", calibration},
    {"clock=wall: a move is never early", wall_clock},
    {"modelled time of kernels and moves", clock_model},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    if (argc > 2 && strncmp(argv[1], "conform", 7) == 0) {
        given = argv + 2;
        if (strcmp(argv[1], "conform-kib") == 0)
            pool_bytes = POOL_KIB;
        return atm_test_main("tiers", tests, "every spec");
    }
    return atm_test_main("tiers", tests, argc > 1 ? argv[1] : NULL);
}
