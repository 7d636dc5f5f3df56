/* test_tiers.c - one conformance suite over every kind of tier and spec, then
 * specs, profiles, copies and the throttle. */
#include "atm_test.h"
#include "autotm/tier.h"
#include "copy.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

/* A kind without a spec here fails the suite. */
static const char *const specs[] = {
    "dram",
    "dram:size=64M",
    "emu",
    "emu:profile=optane6,clock=virtual",
    "emu:profile=optane1,clock=table",
    "emu:profile=cxl-near",
    "emu:profile=cxl-far,size=1G",
    "emu:profile=remote-numa",
    "emu:profile=nvme4",
    "emu:rd=8G,wr=3G,lat=300",
    "emu:rd=2G,wr=1G,lat=0,clock=wall",
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

static void conform(const char *spec)
{
    enum { BYTES = 3 * 1024 * 1024 + 192 };
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    unsigned char *a = malloc(BYTES), *b = malloc(BYTES), *at;
    size_t off, len;
    int i;

    CU_ASSERT_TRUE_FATAL(a && b);
    ATM_ASSERT_OK(atm_tier_probe(spec, 2e10, 1e10, &info, &ops));
    CU_ASSERT_STRING_EQUAL(info.kind, ops->kind);
    CU_ASSERT_TRUE(info.read_bw > 0 && info.write_bw > 0);
    CU_ASSERT_TRUE(info.latency_s >= 0);
    CU_ASSERT_EQUAL(info.move_align % ATM_ALIGN, 0);
    CU_ASSERT_TRUE(info.read_par >= 1 && info.write_par >= 1);
    ATM_ASSERT_OK(ops->open(spec, &info, BYTES, &tier));

    /* whole pool, then pieces at odd places, both ways */
    fill(a, BYTES, 1);
    ATM_ASSERT_OK(ops->write(tier, a, 0, BYTES));
    memset(b, 0, BYTES);
    ATM_ASSERT_OK(ops->read(tier, b, 0, BYTES));
    CU_ASSERT_EQUAL(memcmp(a, b, BYTES), 0);
    for (i = 0; i < 40; i++) {
        off = atm_rng_u64(2, (uint64_t)i) % (BYTES / 64) * 64;
        len = atm_rng_u64(3, (uint64_t)i) % (BYTES - off) / 64 * 64;
        fill(a + off, len, (uint64_t)i + 10);
        ATM_ASSERT_OK(ops->write(tier, a + off, off, len));
        memset(b + off, 0, len);
        ATM_ASSERT_OK(ops->read(tier, b + off, off, len));
        CU_ASSERT_EQUAL(memcmp(a + off, b + off, len), 0);
    }
    ATM_ASSERT_OK(ops->read(tier, b, 0, BYTES));
    CU_ASSERT_EQUAL(memcmp(a, b, BYTES), 0);

    /* bounds: the end, past it, and sums that wrap */
    ATM_ASSERT_OK(ops->read(tier, b, BYTES, 0));
    ATM_ASSERT_FAILS(ops->read(tier, b, BYTES - 64, 128), ATM_INVAL, "end");
    ATM_ASSERT_FAILS(ops->write(tier, b, UINT64_MAX - 63, 128), ATM_INVAL,
                     "end");

    at = ops->map(tier, 64, 128);
    if (info.caps & ATM_TIER_ADDRESSABLE) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        CU_ASSERT_EQUAL((uintptr_t)(at - 64) % ATM_ALIGN, 0);
        CU_ASSERT_EQUAL(memcmp(at, a + 64, 128), 0);
        CU_ASSERT_PTR_NULL(ops->map(tier, BYTES, 1));
    } else {
        CU_ASSERT_PTR_NULL(at);
    }
    ops->close(tier);

    /* more than there is: an error now, not a fault later */
    ATM_ASSERT_FAILS(ops->open(spec, &info, UINT64_C(1) << 50, &tier),
                     ATM_CAPACITY, "needed");
    free(a);
    free(b);
}

static void conformance(void)
{
    uint32_t i, k;
    size_t n;
    bool tested;

    for (i = 0; i < N_SPECS; i++)
        conform(specs[i]);
    for (k = 0; atm_tier_kind_at(k); k++) {
        const char *kind = atm_tier_kind_at(k)->kind;

        n = strlen(kind);
        for (tested = false, i = 0; i < N_SPECS; i++)
            tested |= strncmp(specs[i], kind, n) == 0;
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
        {"floppy", "there are: dram emu"},
        {"emux", "no kind"},
        {"emu:speed=1", "there are: profile clock size rd wr lat"},
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
        {"dram:profile=x", "there are: size"},
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

static const struct atm_test tests[] = {
    {"every kind and spec: what is written is read, bounds, capacity",
     conformance},
    {"a wrong spec is refused with what there is", bad_specs},
    {"sizes are IEC, rates decimal, profiles are ratios", spec_values},
    {"copies at every alignment, nothing beside them touched", copies},
    {"calibration gives plausible bandwidths", calibration},
    {"clock=wall: a move is never early", wall_clock},
    {"modelled time of kernels and moves", clock_model},
    {NULL, NULL}};
ATM_TEST_MAIN("tiers", tests)
