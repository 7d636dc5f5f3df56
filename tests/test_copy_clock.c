/* test_copy_clock.c - kernels beside copies, against sums by hand. */
#include "copy_clock.h"

#include "arena.h"
#include "atm_test.h"

static const struct atm_overlap overlap = {.mixed_read = 0.5,
                                           .mixed_write = 0.25,
                                           .copy_slowdown = 2,
                                           .kernel_slowdown = 1.25};

#define NEAR(a, b) CU_ASSERT_DOUBLE_EQUAL((a), (b), 1e-12)

static void test_alone(void)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_copy_clock *c;

    ATM_ASSERT_OK(atm_copy_clock_new(arena, 3, &overlap, &c));
    NEAR(atm_copy_clock_run(c, 3), 3);
    NEAR(atm_copy_clock_wait(c, 0), 0); /* never started */
    atm_copy_clock_start(c, 0, true, 2);
    NEAR(atm_copy_clock_wait(c, 0), 2);
    NEAR(atm_copy_clock_wait(c, 0), 0);
    /* one queue a direction: the second after the first */
    atm_copy_clock_start(c, 0, true, 2);
    atm_copy_clock_start(c, 1, true, 3);
    NEAR(atm_copy_clock_wait(c, 1), 5);
    NEAR(atm_copy_clock_wait(c, 0), 0);
    atm_arena_delete(arena);
}

static void test_beside(void)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_copy_clock *c;

    ATM_ASSERT_OK(atm_copy_clock_new(arena, 3, &overlap, &c));
    /* 1 s of copy lasts 2 s beside a kernel, which does 1.6 s of its 4 in
     * them; the other 2.4 s are alone */
    atm_copy_clock_start(c, 0, true, 1);
    NEAR(atm_copy_clock_run(c, 4), 2 + 2.4);
    NEAR(atm_copy_clock_wait(c, 0), 0);
    /* a kernel of 1.6 s lasts 2 s beside 3 s of copy: 2 s are left */
    atm_copy_clock_start(c, 0, false, 3);
    NEAR(atm_copy_clock_run(c, 1.6), 2);
    NEAR(atm_copy_clock_wait(c, 0), 2);
    /* both directions, no kernel: 4 s of reads at 1/2 and 1 s of writes at
     * 1/4; the writes end after 4 s with 2 s of reads left */
    atm_copy_clock_start(c, 0, true, 4);
    atm_copy_clock_start(c, 1, false, 1);
    NEAR(atm_copy_clock_wait(c, 1), 4);
    NEAR(atm_copy_clock_wait(c, 0), 2);
    /* all three: rates 1/4 and 1/8; 1 s of reads lasts 4 s, in which the
     * kernel does 3.2 s and the write 0.5 s */
    atm_copy_clock_start(c, 0, true, 1);
    atm_copy_clock_start(c, 1, false, 2);
    NEAR(atm_copy_clock_run(c, 3.2), 4);
    NEAR(atm_copy_clock_wait(c, 1), 1.5);
    NEAR(atm_copy_clock_wait(c, 0), 0);
    atm_arena_delete(arena);
}

/* Round and round: the ring of a queue is never longer than the jobs. */
static void test_rounds(void)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_copy_clock *c;
    double first = 0, sum;
    int i, j;

    ATM_ASSERT_OK(atm_copy_clock_new(arena, 2, &overlap, &c));
    for (i = 0; i < 100; i++) {
        for (j = 0, sum = 0; j < 2; j++) {
            atm_copy_clock_start(c, (uint32_t)j, true, 1);
            sum += atm_copy_clock_run(c, 0.1);
        }
        sum += atm_copy_clock_wait(c, 0) + atm_copy_clock_wait(c, 1);
        first = i ? first : sum;
        NEAR(sum, first);
    }
    NEAR(first, 2 * 0.125 + 2 - 2 * 0.125 / 2);
    atm_arena_delete(arena);
}

static const struct atm_test tests[] = {
    {"copies and kernels alone", test_alone},
    {"beside each other", test_beside},
    {"iteration after iteration", test_rounds},
    {NULL, NULL},
};
ATM_TEST_MAIN("copy_clock", tests)
