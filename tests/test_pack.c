/* test_pack.c - address assignment, judged by a checker that compares each
 * pair of boxes at each time they could share. */
#include "autotm/planner.h"

#include "arena.h"
#include "atm_test.h"
#include "rng.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>

static bool live_at(const struct atm_pack_box *b, uint32_t t)
{
    return (b->lower <= t && t < b->upper) || (b->lower2 <= t && t < b->upper2);
}

/* Two boxes meet if one is live where an interval of the other begins. */
static bool both_live(const struct atm_pack_box *a,
                      const struct atm_pack_box *b)
{
    return (b->lower < b->upper && live_at(a, b->lower)) ||
           (b->lower2 < b->upper2 && live_at(a, b->lower2)) ||
           (a->lower < a->upper && live_at(b, a->lower)) ||
           (a->lower2 < a->upper2 && live_at(b, a->lower2));
}

static bool packing_is_valid(const struct atm_pack_box *b, uint32_t n,
                             uint64_t height)
{
    uint32_t i, j;

    for (i = 0; i < n; i++) {
        if (b[i].offset + b[i].bytes > height ||
            (b[i].align && b[i].offset % b[i].align))
            return false;
        for (j = 0; j < i; j++)
            if (b[i].bytes && b[j].bytes &&
                b[i].offset < b[j].offset + b[j].bytes &&
                b[j].offset < b[i].offset + b[i].bytes &&
                both_live(&b[i], &b[j]))
                return false;
    }
    return true;
}

/* The bound by definition: live bytes summed at every begin. */
static uint64_t live_peak(const struct atm_pack_box *b, uint32_t n)
{
    uint64_t best = 0;
    uint32_t i, j, side;

    for (i = 0; i < n; i++)
        for (side = 0; side < 2; side++) {
            uint32_t t = side ? b[i].lower2 : b[i].lower;
            uint64_t sum = 0;

            for (j = 0; j < n; j++)
                sum += live_at(&b[j], t) ? b[j].bytes : 0;
            best = sum > best ? sum : best;
        }
    return best;
}

static void test_empty(void)
{
    uint64_t height = 7, bound = 7;

    ATM_ASSERT_OK(atm_pack(NULL, 0, 0, &height, &bound));
    CU_ASSERT_EQUAL(height, 0);
    CU_ASSERT_EQUAL(bound, 0);
}

static void test_zero_bytes_and_no_life(void)
{
    struct atm_pack_box b[3] = {
        {.bytes = 0, .lower = 0, .upper = 9},
        {.bytes = 10, .lower = 0, .upper = 9},
        {.bytes = 30, .lower = 4, .upper = 4}, /* never live */
    };
    uint64_t height, bound;

    ATM_ASSERT_OK(atm_pack(b, 3, 0, &height, &bound));
    CU_ASSERT_EQUAL(height, 30);
    CU_ASSERT_EQUAL(bound, 30);
    CU_ASSERT_TRUE(packing_is_valid(b, 3, height));
}

static void test_fixed_places(void)
{
    struct atm_pack_box b[3] = {
        {.bytes = 10, .lower = 0, .upper = 9, .fixed = true, .offset = 20},
        {.bytes = 20, .lower = 0, .upper = 9},
        {.bytes = 5, .lower = 2, .upper = 3},
    };
    uint64_t height, bound;

    ATM_ASSERT_OK(atm_pack(b, 3, 0, &height, &bound));
    CU_ASSERT_EQUAL(b[0].offset, 20);
    CU_ASSERT_EQUAL(b[1].offset, 0);
    CU_ASSERT_EQUAL(height, 35);
    CU_ASSERT_TRUE(packing_is_valid(b, 3, height));
}

static void test_bad_boxes(void)
{
    struct atm_pack_box b[2] = {
        {.bytes = 10, .lower = 0, .upper = 9, .fixed = true, .offset = 20},
        {.bytes = 10, .lower = 8, .upper = 10, .fixed = true, .offset = 29},
    };
    uint64_t height, bound;

    ATM_ASSERT_FAILS(atm_pack(b, 2, 0, &height, &bound), ATM_INVAL,
                     "boxes 0 and 1: their fixed places overlap");
    b[1].lower = 9; /* after the other's end: no collision */
    ATM_ASSERT_OK(atm_pack(b, 2, 0, &height, &bound));
    b[1].align = 8;
    ATM_ASSERT_FAILS(atm_pack(b, 2, 0, &height, &bound), ATM_INVAL,
                     "no multiple of 8");
    b[1] = (struct atm_pack_box){.bytes = 1, .lower = 5, .upper = 4};
    ATM_ASSERT_FAILS(atm_pack(b, 2, 0, &height, &bound), ATM_INVAL,
                     "box 1: it ends before it begins");
    b[1] = (struct atm_pack_box){.bytes = UINT64_MAX, .lower = 0, .upper = 4};
    ATM_ASSERT_FAILS(atm_pack(b, 2, 0, &height, &bound), ATM_INVAL, "2^63");
}

/* A box over the boundary is live at both ends and needs one place. */
static void test_over_the_boundary(void)
{
    struct atm_pack_box b[3] = {
        {.bytes = 8, .lower = 7, .upper = 10, .lower2 = 0, .upper2 = 2},
        {.bytes = 8, .lower = 1, .upper = 4},
        {.bytes = 8, .lower = 3, .upper = 8},
    };
    uint64_t height, bound;

    ATM_ASSERT_OK(atm_pack(b, 3, 0, &height, &bound));
    CU_ASSERT_TRUE(packing_is_valid(b, 3, height));
    CU_ASSERT_EQUAL(bound, 16);
    CU_ASSERT_EQUAL(height, 24); /* each two of the three meet */
}

static void random_boxes(struct atm_pack_box *b, uint32_t n, uint64_t seed)
{
    uint64_t draw = 0, at = 0;
    uint32_t i;

    memset(b, 0, n * sizeof(*b));
    for (i = 0; i < n; i++) {
        uint32_t t = (uint32_t)(atm_rng_u64(seed, draw++) % 64);
        uint32_t len = (uint32_t)(atm_rng_u64(seed, draw++) % 20);
        uint64_t r = atm_rng_u64(seed, draw++);

        b[i].bytes = atm_rng_u64(seed, draw++) % 50 * (r & 1 ? 16 : 1);
        b[i].align = r >> 1 & 1 ? 16 : r >> 2 & 1;
        b[i].lower = t;
        b[i].upper = t + len;
        if (b[i].upper > 64) { /* a circle of 64 phases */
            b[i].upper = 64;
            b[i].upper2 = t + len - 64;
        }
        if (r >> 3 & 7)
            continue;
        b[i].fixed = true;
        b[i].offset = at;
        at += (b[i].bytes + 15) / 16 * 16;
    }
}

static void test_random(void)
{
    struct atm_pack_box b[60], again[60];
    uint64_t seed, height, bound, h2, b2;

    for (seed = 1; seed <= 60; seed++) {
        uint32_t n = (uint32_t)(seed % 60) + 1;

        random_boxes(b, n, seed);
        memcpy(again, b, sizeof(b));
        ATM_ASSERT_OK(atm_pack(b, n, 1, &height, &bound));
        CU_ASSERT_TRUE_FATAL(packing_is_valid(b, n, height));
        CU_ASSERT_TRUE(bound >= live_peak(b, n) && bound <= height);
        ATM_ASSERT_OK(atm_pack(again, n, 1, &h2, &b2));
        CU_ASSERT_EQUAL(memcmp(b, again, sizeof(b)), 0);
    }
}

/* ---- files: id,lower,upper,size ---- */

static struct atm_pack_box *read_boxes(const char *name, uint32_t *n)
{
    struct atm_pack_box *b = NULL;
    char path[512], line[256];
    uint32_t cap = 0;
    gzFile f;

    (void)snprintf(path, sizeof(path), "%s/%s", ATM_TEST_DATA, name);
    f = gzopen(path, "r"); /* reads plain files too */
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    *n = 0;
    (void)gzgets(f, line, sizeof(line));
    while (gzgets(f, line, sizeof(line))) {
        unsigned id, lower, upper;
        uint64_t bytes;

        if (sscanf(line, "%u,%u,%u,%" SCNu64, &id, &lower, &upper, &bytes) !=
            4)
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 256;
            b = atm_realloc(b, cap * sizeof(*b));
            CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        }
        b[(*n)++] = (struct atm_pack_box){
            .bytes = bytes, .lower = lower, .upper = upper};
    }
    (void)gzclose(f);
    return b;
}

/* The height, which is checked, over the bound, in percent. */
static double pack_file(const char *name, uint64_t capacity, bool hard)
{
    uint64_t height, bound;
    double over;
    uint32_t n;
    struct atm_pack_box *b = read_boxes(name, &n);

    CU_ASSERT_TRUE_FATAL(n > 0);
    ATM_ASSERT_OK(hard ? atm_pack_hard(b, n, capacity, 0, NULL, NULL, &height,
                                       &bound)
                       : atm_pack(b, n, capacity, &height, &bound));
    CU_ASSERT_TRUE(packing_is_valid(b, n, height));
    over = 100.0 * ((double)height / (double)bound - 1);
    printf("\n  %-32s %6" PRIu32 " boxes, height %12" PRIu64 ", %.3f %% over",
           name, n, height, over);
    if (hard && capacity)
        CU_ASSERT_TRUE(height <= capacity);
    atm_free(b);
    return over;
}

/* The sets of MiniMalloc are made to be hard: each fits 1,048,576 bytes, which
 * for most is their bound, and no order of placement finds that. */
static void pack_sets(const char *sets)
{
    char name[64];

    for (; *sets; sets++) {
        (void)snprintf(name, sizeof(name), "minimalloc/%c.1048576.csv",
                       *sets);
        (void)pack_file(name, 1048576, true);
    }
}

static void test_minimalloc(void)
{
    pack_sets("ABDFGHJK");
}

static void test_minimalloc_longer(void)
{
    pack_sets("CEI");
}

static void test_training_size(void)
{
    CU_ASSERT_TRUE(pack_file("pack/somas-resnet50.csv", 0, false) < 0.1);
}

static void test_large(void)
{
    CU_ASSERT_TRUE(pack_file("pack/iopddl-S_1.csv.gz", 0, false) < 0.2);
}

/* Like the training of a large network: few sizes, one life in ten is long,
 * more neighbours than are kept. */
static void test_large_network(void)
{
    const uint32_t n = 20000, kinds = 60;
    struct atm_pack_box *b = atm_alloc_array(n, sizeof(*b));
    uint64_t size[60], height, bound, draw = 0;
    uint32_t i;

    CU_ASSERT_TRUE_FATAL(b != NULL);
    for (i = 0; i < kinds; i++)
        size[i] = (1000 + atm_rng_u64(3, i) % 1000) << atm_rng_u64(4, i) % 12;
    for (i = 0; i < n; i++) {
        uint64_t life = i % 10 ? 2 + atm_rng_u64(3, draw++) % 6
                               : n / 50 + atm_rng_u64(3, draw++) % (n / 3);

        b[i].bytes = size[atm_rng_u64(3, draw++) % kinds];
        b[i].lower = (uint32_t)(atm_rng_u64(3, draw++) % n);
        b[i].upper = b[i].lower + (uint32_t)life;
    }
    ATM_ASSERT_OK(atm_pack(b, n, 0, &height, &bound));
    CU_ASSERT_TRUE(packing_is_valid(b, n, height));
    CU_ASSERT_EQUAL(bound, live_peak(b, n));
    printf("\n  %.3f %% over", 100.0 * ((double)height / (double)bound - 1));
    CU_ASSERT_TRUE((double)height <= 1.02 * (double)bound);
    atm_free(b);
}

/* Too many neighbours to keep them: lives over the boundary, fixed places and
 * alignments hold there too. */
static void test_many_neighbours(void)
{
    const uint32_t n = 5000;
    uint32_t i;
    struct atm_pack_box *b = atm_alloc_array(n, sizeof(*b));
    struct atm_pack_box *again = atm_alloc_array(n, sizeof(*b));
    uint64_t height, bound, h2, b2;

    CU_ASSERT_TRUE_FATAL(b && again);
    random_boxes(b, n, 5);
    for (i = 40; i < n; i++)
        b[i].fixed = false;
    memcpy(again, b, n * sizeof(*b));
    ATM_ASSERT_OK(atm_pack(b, n, 0, &height, &bound));
    CU_ASSERT_TRUE(packing_is_valid(b, n, height));
    CU_ASSERT_TRUE(bound >= live_peak(b, n) && bound <= height);
    ATM_ASSERT_OK(atm_pack(again, n, 0, &h2, &b2));
    CU_ASSERT_EQUAL(memcmp(b, again, n * sizeof(*b)), 0);
    atm_free(b);
    atm_free(again);
}

/* All packings of a few boxes, of which the first `placed` lie already: each
 * order of placement, at the lowest offsets. */
static void lowest_of_all(struct atm_pack_box *b, uint32_t n, uint32_t placed,
                          uint64_t height, uint64_t *best)
{
    uint32_t i, j;

    if (placed == n && height < *best)
        *best = height;
    for (i = placed; i < n && height < *best; i++) {
        struct atm_pack_box t = b[i];
        uint64_t align = t.align ? t.align : 1;
        bool moved = true;

        b[i] = b[placed];
        for (t.offset = 0; moved;)
            for (moved = false, j = 0; j < placed; j++)
                if (t.offset < b[j].offset + b[j].bytes &&
                    b[j].offset < t.offset + t.bytes && both_live(&t, &b[j])) {
                    t.offset = b[j].offset + b[j].bytes;
                    t.offset = (t.offset + align - 1) / align * align;
                    moved = true;
                }
        b[placed] = t;
        lowest_of_all(b, n, placed + 1,
                      t.offset + t.bytes > height ? t.offset + t.bytes
                                                  : height,
                      best);
        t = b[placed];
        b[placed] = b[i];
        b[i] = t;
    }
}

/* Eight boxes: a twin, a life over the boundary, and by the seed alignments
 * and a fixed place. */
static void few_boxes(struct atm_pack_box *b, uint64_t seed)
{
    uint64_t draw = 0;
    uint32_t i;

    memset(b, 0, 8 * sizeof(*b));
    for (i = 0; i < 8; i++) {
        b[i].bytes = atm_rng_u64(seed, draw++) % 40 + 1;
        b[i].lower = (uint32_t)(atm_rng_u64(seed, draw++) % 8);
        b[i].upper =
            b[i].lower + 1 + (uint32_t)(atm_rng_u64(seed, draw++) % 5);
        if (seed & 1)
            b[i].align = UINT64_C(1) << atm_rng_u64(seed, draw++) % 5;
    }
    b[7].upper = 12;
    b[7].lower = 10;
    b[7].upper2 = 3;
    b[6] = b[5];
    if (seed & 2) {
        b[0].fixed = true;
        b[0].offset = b[0].align * (atm_rng_u64(seed, draw) % 3) * 8;
    }
}

static void test_exact(void)
{
    struct atm_pack_box b[8], again[8];
    uint64_t seed, height, bound, best;

    for (seed = 1; seed <= 200; seed++) {
        few_boxes(b, seed);
        memcpy(again, b, sizeof(b));
        best = UINT64_MAX;
        if (b[0].fixed)
            lowest_of_all(again, 8, 1, b[0].offset + b[0].bytes, &best);
        else
            lowest_of_all(again, 8, 0, 0, &best);
        ATM_ASSERT_OK(atm_pack(b, 8, 0, &height, &bound));
        CU_ASSERT_TRUE(packing_is_valid(b, 8, height));
        CU_ASSERT_EQUAL(height, best);
    }
}

static const struct atm_test tests[] = {
    {"no boxes", test_empty},
    {"zero bytes, never live", test_zero_bytes_and_no_life},
    {"fixed places are kept", test_fixed_places},
    {"impossible boxes are refused by name", test_bad_boxes},
    {"over the boundary", test_over_the_boundary},
    {"random boxes are valid, repeatable", test_random},
    {"more neighbours than are kept", test_many_neighbours},
    {"MiniMalloc's hard sets", test_minimalloc},
    {"a few boxes: the least of all packings", test_exact},
    {NULL, NULL}};

/* Seconds each: a test of their own, `slow`. */
static const struct atm_test files[] = {
    {"MiniMalloc's sets that take longer", test_minimalloc_longer},
    {"a training-size set", test_training_size},
    {"a set too large for the overlap graph", test_large},
    {"a large network", test_large_network},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    bool of_files = argc > 1 && strcmp(argv[1], "files") == 0;

    return atm_test_main("pack", of_files ? files : tests,
                         argc > 1 && !of_files ? argv[1] : NULL);
}
