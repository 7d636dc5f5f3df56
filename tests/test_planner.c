/* test_planner.c - planners against the listed optimum of each tiny file, and
 * the four large problems. Random ones: check_random.py. */
#include "atm_test.h"
#include "failing_memory.h"

#include "autotm/graph.h"
#include "autotm/planner.h"
#include "model.h"
#include "window.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void plan_options(struct atm_plan_options *o, const char *planner,
                         uint64_t budget, double gap)
{
    atm_plan_options_init(o);
    o->planner = planner;
    o->budget_bytes = budget;
    o->gap_target = gap;
}

/* ---- files ---- */

/* Where no addresses reach the listed optimum: the best that can be packed. */
static const struct {
    const char *file;
    uint64_t bytes;
    double best;
} packed[] = {
    {"align-1.json", 37, 8},
    {"null-move-only-1.json", 33, 13.13},
    {"null-move-only-1.json", 41, 10.73},
};

static void check_tiny(const char *name, struct atm_problem *p)
{
    uint32_t i, j;

    for (i = 0; i < p->n_budgets; i++) {
        struct atm_plan_options o;
        struct atm_placement *a;
        double best = p->budget[i].best;
        enum atm_status st;

        plan_options(&o, "sync", p->budget[i].bytes, 0);
        st = atm_plan(p, &o, &a);
        if (isnan(best)) {
            CU_ASSERT_EQUAL(st, ATM_INFEASIBLE);
            continue;
        }
        if (st)
            fprintf(stderr, "%s: %s\n", name, atm_errmsg());
        CU_ASSERT_EQUAL_FATAL(st, ATM_OK);
        CU_ASSERT(a->lower_bound <= best + 1e-9);
        for (j = 0; j < sizeof(packed) / sizeof(packed[0]); j++)
            if (strcmp(name, packed[j].file) == 0 &&
                p->budget[i].bytes == packed[j].bytes)
                best = packed[j].best;
        if (fabs(a->objective - best) > 1e-6) {
            fprintf(stderr, "%s, %" PRIu64 ": %.9g, listed %.9g\n", name,
                    p->budget[i].bytes, a->objective, best);
            CU_FAIL("not the listed optimum");
        }
        atm_placement_delete(&a);
    }
}

/* Prices of windows of a few kernels prove bounds that are no more than the
 * listed optimum, and mostly near those of one window over all. */
static double windows(const struct atm_problem *p, uint64_t budget,
                    uint32_t width, double best)
{
    double most = -INFINITY, again;
    struct atm__model *m;
    struct atm__windows *w;
    struct atm__lp lp;

    ATM_ASSERT_OK(atm__model_new(p, budget, false, &m));
    ATM_ASSERT_OK(atm__windows_new(m, width, &w));
    for (int round = 0; round < 4; round++) {
        ATM_ASSERT_OK(atm__windows_round(w, &lp));
        CU_ASSERT(!lp.infeasible && !lp.stopped);
        if (lp.bound > best + 1e-9)
            fprintf(stderr, "%s, %" PRIu64 ": bound %.12g, best %.12g\n",
                    p->name, budget, lp.bound, best);
        CU_ASSERT(lp.bound <= best + 1e-9);
        most = fmax(most, lp.bound);
        ATM_ASSERT_OK(atm_certificate_bound(p, &lp.certificate, &again));
        CU_ASSERT_DOUBLE_EQUAL(again, lp.bound, 1e-9);
    }
    atm__windows_delete(&w);
    atm__model_delete(&m);
    return most;
}

static unsigned n_bounds, n_near;

static void check_windows(const char *name, struct atm_problem *p)
{
    uint32_t i, width;

    (void)name;
    for (i = 0; i < p->n_budgets; i++)
        for (width = 2; width < 4 && !isnan(p->budget[i].best); width++) {
            uint64_t bytes = p->budget[i].bytes;
            double best = p->budget[i].best;
            double whole = windows(p, bytes, p->n_kernels * 2, best);

            n_bounds++;
            n_near += windows(p, bytes, width, best) >= 0.99 * whole;
        }
}

static void each_tiny(void (*check)(const char *name, struct atm_problem *p))
{
    struct dirent *e;
    unsigned n = 0;
    DIR *d = opendir(ATM_TEST_DATA "/problems/tiny");

    CU_ASSERT_FATAL(d != NULL);
    while ((e = readdir(d)) != NULL) {
        char path[512];
        struct atm_problem *p;

        if (!strstr(e->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s",
                       ATM_TEST_DATA, e->d_name);
        ATM_ASSERT_OK(atm_problem_read(path, &p));
        /* the optimum of those with `async` is that of another planner */
        if (!p->has_async)
            check(e->d_name, p);
        n += !p->has_async;
        atm_problem_delete(&p);
    }
    (void)closedir(d);
    CU_ASSERT(n >= 65);
}

static void test_tiny(void)
{
    each_tiny(check_tiny);
}

static void test_windows(void)
{
    each_tiny(check_windows);
    fprintf(stderr, " %u bounds, %u within 1 %% of the whole ", n_bounds,
            n_near);
    CU_ASSERT(n_bounds >= 400);
    CU_ASSERT(n_near * 10 >= n_bounds * 7);
}

static void test_large(void)
{
    static const char *const name[] = {"resnet50", "bert24", "resnet200",
                                       "vgg416"};

    for (size_t m = 0; m < sizeof(name) / sizeof(name[0]); m++) {
        char path[512];
        struct atm_problem *p;

        (void)snprintf(path, sizeof(path), "%s/problems/%s.json.gz",
                       ATM_TEST_DATA, name[m]);
        ATM_ASSERT_OK(atm_problem_read(path, &p));
        for (uint32_t i = 0; i < p->n_budgets; i++) {
            struct atm_plan_options o;
            struct atm_placement *a;

            /* two budgets a network keep the test short */
            if (p->budget[i].fraction < 0.05 ||
                (p->budget[i].fraction > 0.06 &&
                 p->budget[i].fraction < 0.34) ||
                p->budget[i].fraction > 0.4)
                continue;
            plan_options(&o, "sync", p->budget[i].bytes, 0.001);
            ATM_ASSERT_OK(atm_plan(p, &o, &a));
            fprintf(stderr, "\n    %s %4.0f %%: %.6f s, gap %.4f %%, rounds "
                            "%" PRIu32 ", %.1f s ",
                    name[m], 100 * p->budget[i].fraction, a->objective,
                    100 * a->gap, a->packing.rounds, a->solve_seconds);
            CU_ASSERT(a->gap <= 0.01);
            CU_ASSERT(a->lower_bound <= p->budget[i].best * (1 + 1e-9));
            CU_ASSERT(a->packing.height <= o.budget_bytes);
            atm_placement_delete(&a);
        }
        atm_problem_delete(&p);
    }
}

/* The same input gives the same bytes; every planner has a name. */
static void test_repeats(void)
{
    struct atm_problem *p;
    char *text[2];

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/resnet50.json.gz", &p));
    for (int i = 0; i < 2; i++) {
        struct atm_plan_options o;
        struct atm_placement *a;

        plan_options(&o, "sync", p->budget[5].bytes, 0.001);
        ATM_ASSERT_OK(atm_plan(p, &o, &a));
        ATM_ASSERT_OK(atm_placement_to_json(p, a, NULL, &text[i]));
        atm_placement_delete(&a);
    }
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    atm_string_free(text[0]);
    atm_string_free(text[1]);
    atm_problem_delete(&p);
}

/* The listed best and the checked bound are the oracle: beginning where another
 * budget ended must lose neither. */
static void test_start(void)
{
    struct atm_plan_start *start;
    struct atm_plan_options o;
    struct atm_placement *a;
    struct atm_problem *p;
    double bound;
    uint32_t i;

    ATM_ASSERT_OK(
        atm_problem_read(ATM_TEST_DATA "/problems/resnet50.json.gz", &p));
    ATM_ASSERT_OK(atm_plan_start_new(&start));
    for (i = 0; i < p->n_budgets; i++) {
        plan_options(&o, "sync", p->budget[i].bytes, 0.001);
        o.start = start;
        ATM_ASSERT_OK(atm_plan(p, &o, &a));
        CU_ASSERT(a->objective <= 1.001 * p->budget[i].best);
        CU_ASSERT(a->gap <= 0.001);
        ATM_ASSERT_OK(atm_certificate_bound(p, &a->certificate, &bound));
        CU_ASSERT(bound <= p->budget[i].best + 1e-6);
        CU_ASSERT(bound >= a->lower_bound - 1e-9);
        atm_placement_delete(&a);
    }
    atm_plan_start_delete(&start);
    atm_problem_delete(&p);
}

static void test_errors(void)
{
    struct atm_problem *p;
    struct atm_plan_options o;
    struct atm_placement *a;

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/tiny/hand-may.json", &p));
    plan_options(&o, "sync", 2, 0.001);
    ATM_ASSERT_FAILS(atm_plan(p, &o, &a), ATM_INFEASIBLE,
                     "smallest feasible one, 3 bytes, which kernel 0");
    CU_ASSERT_PTR_NULL(a);
    plan_options(&o, "best", 8, 0.001);
    ATM_ASSERT_FAILS(atm_plan(p, &o, &a), ATM_INVAL, "'best'");
    atm_problem_delete(&p);
}

/* ---- each allocation in turn fails ---- */

static void test_no_memory(void)
{
    struct atm_problem *p;
    struct atm_plan_options o;
    struct atm_placement *a;
    enum atm_status st = ATM_NOMEM;
    unsigned long n;

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/tiny/mix-all-1.json", &p));
    plan_options(&o, "sync", 12, 0);
    for (n = 0; st != ATM_OK && n < 100000; n++) {
        left = n;
        atm_set_allocator(failing, NULL);
        st = atm_plan(p, &o, &a);
        atm_set_allocator(NULL, NULL);
        if (st) {
            CU_ASSERT_EQUAL(st, ATM_NOMEM);
            CU_ASSERT_PTR_NULL(a);
        }
    }
    ATM_ASSERT_OK(st);
    CU_ASSERT(n > 20);
    CU_ASSERT_DOUBLE_EQUAL(a->objective, 17.64, 1e-9);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

static const struct atm_test tests[] = {
    {"tiny files: the listed optimum", test_tiny},
    {"windows: their prices prove, and no more than the optimum", test_windows},
    {"a plan repeats byte for byte", test_repeats},
    {"from budget to budget", test_start},
    {"too small a budget, no such planner", test_errors},
    {"no memory: refused, nothing lost", test_no_memory},
    {"large problems: certified gap", test_large},
    {NULL, NULL},
};
ATM_TEST_MAIN("planner", tests)
