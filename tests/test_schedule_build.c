/* test_schedule_build.c - program -> problem -> placement -> schedule, on
 * random programs. Judges: atm_placement_check and atm_schedule_check, which
 * share nothing with the code under test. */
#include "planner_rows.h"

#include "atm_test.h"
#include "random_program.h"

#include <math.h>

#define PROGRAMS 400
#define ASYNC_PROGRAMS 10

static const struct {
    const char *name;
    enum atm_status (*plan)(const struct atm_problem *p,
                            const struct atm_plan_options *o,
                            struct atm_placement **placement);
} planners[] = {{"all-slow", atm__plan_all_slow},
                {"all-fast", atm__plan_all_fast},
                {"random", atm__plan_random}};

/* A slow tier; move-only ones let no kernel run on it. */
static enum atm_status make_profile(const struct atm_program *p,
                                    bool addressable,
                                    struct atm_profile **profile)
{
    struct atm_tier_info tier[2] = {
        {.kind = "dram", .size = UINT64_MAX, .caps = ATM_TIER_ADDRESSABLE,
         .read_bw = 1e9, .write_bw = 1e9},
        {.kind = "emu", .size = UINT64_MAX,
         .caps = ATM_TIER_EMULATED | (addressable ? ATM_TIER_ADDRESSABLE : 0),
         .read_bw = 3e8, .write_bw = 1e8, .latency_s = 1e-7}};
    const char *const spec[2] = {"dram", "emu"};

    return atm_profile_new(p, tier, spec, 1e-7, profile);
}

static void check_schedule(const struct atm_program *g,
                           const struct atm_placement *a,
                           const struct atm_schedule *s)
{
    double sum = 0;
    uint32_t i, runs = 0;

    for (i = 0; i < s->n_steps; i++) {
        sum += s->step[i].predicted_s;
        runs += s->step[i].kind == ATM_STEP_RUN;
    }
    CU_ASSERT_EQUAL(runs, g->n_kernels);
    CU_ASSERT_DOUBLE_EQUAL(sum, a->objective, 1e-12);
    CU_ASSERT_EQUAL(s->moved_bytes, a->moved_bytes);
    CU_ASSERT_TRUE(s->emulated);
    ATM_ASSERT_OK(atm_schedule_check(s, g));
}

static uint32_t plan_one(const struct atm_program *g,
                         const struct atm_profile *profile,
                         const struct atm_problem *p, size_t which,
                         uint64_t budget, uint64_t seed)
{
    struct atm_plan_options o = {.planner = planners[which].name,
                                 .budget_bytes = budget, .seed = seed};
    struct atm_placement *a;
    struct atm_schedule *s;
    uint32_t moves;

    ATM_ASSERT_OK(planners[which].plan(p, &o, &a));
    ATM_ASSERT_OK(atm_placement_check(p, a));
    ATM_ASSERT_OK(atm_schedule_build(g, profile, p, a, &o, &s));
    check_schedule(g, a, s);
    moves = s->n_steps - g->n_kernels;
    atm_schedule_delete(&s);
    atm_placement_delete(&a);
    return moves;
}

static void test_random_programs(void)
{
    uint32_t moves[3] = {0, 0, 0}, kernel, n_carries = 0, n_outs = 0;
    struct random_program r;
    struct atm_profile *profile;
    struct atm_problem *p;
    uint64_t seed, least;
    size_t w;

    for (seed = 1; seed <= PROGRAMS; seed++) {
        ATM_ASSERT_OK(rp_make(&r, seed));
        ATM_ASSERT_OK(make_profile(&r.p, seed % 3, &profile));
        ATM_ASSERT_OK(atm_problem_from_program(&r.p, profile, UINT64_MAX, &p));
        CU_ASSERT_EQUAL(p->n_kernels, r.p.n_kernels);
        least = atm_problem_min_budget(p, &kernel);
        for (w = 0; w < 3; w++) {
            moves[w] += plan_one(&r.p, profile, p, w, least, seed);
            moves[w] += plan_one(&r.p, profile, p, w,
                                 (least + p->peak_bytes) / 2, seed + 1000);
            moves[w] += plan_one(&r.p, profile, p, w, p->peak_bytes, seed);
        }
        n_carries += r.p.n_carries;
        n_outs += r.p.n_outputs;
        atm_problem_delete(&p);
        atm_profile_delete(&profile);
        atm_arena_delete(r.p.arena);
    }
    /* the programs had what they are meant to have */
    CU_ASSERT_EQUAL(moves[1], 0);
    CU_ASSERT_TRUE(moves[0] > PROGRAMS && moves[2] > PROGRAMS);
    CU_ASSERT_TRUE(n_carries > PROGRAMS / 4 && n_outs > PROGRAMS);
    printf("\n  moves: all-slow %u, random %u; %u carried states\n", moves[0],
           moves[2], n_carries);
}

/* What steps take beside each other adds up; it is no less than the bound,
 * and what the clock of the problem says unless a start had to come later. */
static bool async_one(const struct atm_program *g,
                      const struct atm_profile *profile,
                      const struct atm_problem *p, uint64_t budget,
                      uint32_t *starts)
{
    struct atm_plan_options o = {
        .planner = "async", .budget_bytes = budget, .gap_target = 0.001};
    struct atm_placement *a;
    struct atm_schedule *s;
    double sum = 0;
    bool same;
    uint32_t i, n = 0;

    ATM_ASSERT_OK(atm__plan_async(p, &o, &a));
    ATM_ASSERT_OK(atm_placement_check(p, a));
    ATM_ASSERT_OK(atm_schedule_build(g, profile, p, a, &o, &s));
    ATM_ASSERT_OK(atm_schedule_check(s, g));
    for (i = 0; i < s->n_steps; i++) {
        sum += s->step[i].predicted_s;
        n += s->step[i].kind == ATM_STEP_START;
        CU_ASSERT(s->step[i].kind != ATM_STEP_MOVE);
    }
    CU_ASSERT_EQUAL(n, a->n_moves);
    CU_ASSERT_EQUAL(s->moved_bytes, a->moved_bytes);
    CU_ASSERT_DOUBLE_EQUAL(sum, s->predicted_s, 1e-12);
    CU_ASSERT(s->predicted_s >= s->lower_bound_s - 1e-12);
    same = fabs(s->predicted_s - a->objective) <= 1e-9 * a->objective;
    *starts += n;
    atm_schedule_delete(&s);
    atm_placement_delete(&a);
    return same;
}

static void test_async(void)
{
    uint32_t kernel, starts = 0, same = 0, n = 0, carries = 0;
    struct random_program r;
    struct atm_profile *profile;
    struct atm_problem *p;
    uint64_t seed, least;

    for (seed = 1; seed <= ASYNC_PROGRAMS; seed++, n += 2) {
        ATM_ASSERT_OK(rp_make(&r, seed));
        ATM_ASSERT_OK(make_profile(&r.p, seed % 3, &profile));
        ATM_ASSERT_OK(atm_problem_from_program(&r.p, profile, UINT64_MAX, &p));
        CU_ASSERT(p->has_async);
        least = atm_problem_min_budget(p, &kernel);
        same += async_one(&r.p, profile, p, (3 * least + p->peak_bytes) / 4,
                          &starts);
        same += async_one(&r.p, profile, p, (least + p->peak_bytes) / 2,
                          &starts);
        carries += r.p.n_carries;
        atm_problem_delete(&p);
        atm_profile_delete(&profile);
        atm_arena_delete(r.p.arena);
    }
    CU_ASSERT(starts > ASYNC_PROGRAMS && carries > ASYNC_PROGRAMS / 4);
    CU_ASSERT(same > n / 2);
    printf("\n  %u moves beside kernels, %u carried states; %u of %u as the "
           "problem's clock\n",
           starts, carries, same, n);
}

static void test_tables(void)
{
    struct random_program r;
    struct atm_profile *profile;
    struct atm_problem *p;
    uint64_t seed, mask;
    uint32_t k;

    for (seed = 1; seed <= 20; seed++) {
        ATM_ASSERT_OK(rp_make(&r, seed));
        ATM_ASSERT_OK(make_profile(&r.p, seed & 1, &profile));
        ATM_ASSERT_OK(atm_problem_from_program(&r.p, profile, 4096, &p));
        CU_ASSERT_EQUAL(p->slow_bytes, 4096);
        CU_ASSERT_EQUAL(p->align, 64);
        CU_ASSERT_TRUE(p->cyclic);
        for (k = 0; k < p->n_kernels; k++) {
            const struct atm_table *t = &p->kernel[k].variant[0].t;

            CU_ASSERT_EQUAL_FATAL(t->n, profile->kernel[k].n_operands);
            for (mask = 0; mask < UINT64_C(1) << t->n; mask++)
                CU_ASSERT_EQUAL(atm_table_at(t, mask),
                                atm_profile_kernel(profile, k, mask));
        }
        atm_problem_delete(&p);
        atm_profile_delete(&profile);
        atm_arena_delete(r.p.arena);
    }
}

static const struct atm_test tests[] = {
    {"tables are the profile's", test_tables},
    {"random programs: every schedule passes the checker",
     test_random_programs},
    {"moves beside kernels: starts, waits, their time", test_async},
    {NULL, NULL}};

ATM_TEST_MAIN("schedule_build", tests)
