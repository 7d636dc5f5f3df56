/* test_async.c - planner async: hand-made optima, what the checker of answers
 * refuses, certificates, memory. evaluate.py judges the same plans and many
 * more (check_plans.py). */
#include "atm_test.h"
#include "failing_memory.h"

#include "autotm/graph.h"
#include "autotm/planner.h"

#include <math.h>
#include <stdlib.h>

static struct atm_problem *problem(const char *name)
{
    char path[512];
    struct atm_problem *p;

    (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s.json",
                   ATM_TEST_DATA, name);
    ATM_ASSERT_OK(atm_problem_read(path, &p));
    return p;
}

static struct atm_placement *plan(const struct atm_problem *p, uint64_t budget)
{
    struct atm_plan_options o;
    struct atm_placement *a;

    atm_plan_options_init(&o);
    o.planner = "async";
    o.budget_bytes = budget;
    ATM_ASSERT_OK(atm_plan(p, &o, &a));
    return a;
}

static void expect(const char *name, uint64_t budget, double seconds,
                   double hidden)
{
    struct atm_problem *p = problem(name);
    struct atm_placement *a = plan(p, budget);
    double bound;

    CU_ASSERT_DOUBLE_EQUAL(a->objective, seconds, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a->hidden_share, hidden, 1e-9);
    CU_ASSERT(a->certificate.weighted);
    ATM_ASSERT_OK(atm_certificate_bound(p, &a->certificate, &bound));
    CU_ASSERT(a->lower_bound <= bound);
    CU_ASSERT(a->lower_bound <= seconds);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

/* An output of 2 s is written beside a kernel of 4 s: 8 s become 6. Three
 * weights in turns: with room for one nothing can be hidden; with room for two
 * one stays, one of the fetches of 2 s runs beside its kernel (all three in
 * turns would need three places, since each meets both others). */
static void test_hand(void)
{
    expect("hand-async-out", 2, 6, 1);
    expect("hand-async-turns", 2, 18, 0);
    expect("hand-async-turns", 4, 14, 0.5);
}

/* a: 1 s; b: 4 s, nothing of it in memory; c: scratch. The output leaves after
 * a; its eviction takes 2 s beside b. */
static void test_checker(void)
{
    struct atm_problem *p = problem("hand-async-out");
    struct atm_placement *a = plan(p, 2);
    struct atm_placement_move *m = &a->move[0];

    CU_ASSERT_EQUAL_FATAL(a->n_moves, 1);
    CU_ASSERT_EQUAL(m->start_after, 0);
    CU_ASSERT_EQUAL(m->wait_before, 2);
    ATM_ASSERT_OK(atm_placement_check(p, a));
    m->wait_before = 1;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "residence");
    m->wait_before = 3;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "residence");
    m->wait_before = 4;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "do not exist");
    m->wait_before = 0;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "before it starts");
    m->wait_before = 2;
    m->start_after = -1;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT,
                     "no move for its eviction");
    m->start_after = 0;
    a->n_moves = 0;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT,
                     "no move for its eviction");
    a->n_moves = 1;
    m->to_fast = true;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "eviction");
    m->to_fast = false;
    a->objective = 5.5;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "its time is");
    a->objective = 6;
    a->asynchronous = false;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT, "residence");
    a->asynchronous = true;
    ATM_ASSERT_OK(atm_placement_check(p, a));
    p->has_async = false;
    ATM_ASSERT_FAILS(atm_placement_check(p, a), ATM_FORMAT,
                     "the problem is not");
    p->has_async = true;
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

static void test_certificate(void)
{
    struct atm_problem *p = problem("hand-async-out");
    struct atm_placement *a = plan(p, 2);
    double bound;

    a->certificate.weights[1] = 0.5;
    ATM_ASSERT_FAILS(atm_certificate_bound(p, &a->certificate, &bound),
                     ATM_INVAL, "sum 1");
    a->certificate.weights[0] = 0.5;
    ATM_ASSERT_OK(atm_certificate_bound(p, &a->certificate, &bound));
    CU_ASSERT(bound <= 6);
    a->certificate.weights[2] = -0.5;
    a->certificate.weights[0] = 1;
    ATM_ASSERT_FAILS(atm_certificate_bound(p, &a->certificate, &bound),
                     ATM_INVAL, "sum 1");
    p->has_async = false;
    ATM_ASSERT_FAILS(atm_certificate_bound(p, &a->certificate, &bound),
                     ATM_INVAL, "asynchronous problems only");
    p->has_async = true;
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

static void test_json(void)
{
    struct atm_problem *p = problem("hand-async-turns");
    char *text[2];

    for (int i = 0; i < 2; i++) {
        struct atm_placement *a = plan(p, 4);

        ATM_ASSERT_OK(atm_placement_to_json(p, a, NULL, &text[i]));
        atm_placement_delete(&a);
    }
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    CU_ASSERT_PTR_NOT_NULL(strstr(text[0], "\"moves\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text[0], "\"hidden_share\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text[0], "\"weights\""));
    atm_string_free(text[0]);
    atm_string_free(text[1]);
    atm_problem_delete(&p);
}

static void test_needs_key(void)
{
    struct atm_problem *p = problem("hand-may");
    struct atm_plan_options o;
    struct atm_placement *a;

    atm_plan_options_init(&o);
    o.planner = "async";
    o.budget_bytes = 6;
    ATM_ASSERT_FAILS(atm_plan(p, &o, &a), ATM_UNSUPPORTED, "no key `async`");
    CU_ASSERT_PTR_NULL(a);
    atm_problem_delete(&p);
}

/* ---- each allocation in turn fails ---- */

static void test_no_memory(void)
{
    struct atm_problem *p = problem("hand-async-turns");
    struct atm_plan_options o;
    struct atm_placement *a;
    enum atm_status st = ATM_NOMEM;
    unsigned long n;

    atm_plan_options_init(&o);
    o.planner = "async";
    o.budget_bytes = 4;
    for (n = 0; st != ATM_OK && n < 200000; n += 1 + n / 64) {
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
    CU_ASSERT_DOUBLE_EQUAL(a->objective, 14, 1e-9);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

static const struct atm_test tests[] = {
    {"hand-made problems: the optimum that has addresses", test_hand},
    {"the checker: moves, boxes, time", test_checker},
    {"certificate: weights", test_certificate},
    {"answer as JSON, the same twice", test_json},
    {"no key `async`: refused", test_needs_key},
    {"no memory: refused, nothing lost", test_no_memory},
    {NULL, NULL},
};
ATM_TEST_MAIN("async", tests)
