/* test_glpk.c - GLPK aborts, prints and keeps state of its own: none of it
 * leaves ilp_glpk.c. Its memory is made to run out at many places, by a limit
 * and a ballast in the same environment. */
#include "atm_test.h"

#include "autotm/planner.h"

#include "model.h"

#include <glpk.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* This thread's GLPK has `left` more bytes, until its environment is freed. */
static void starve(size_t left)
{
    size_t used, room;

    (void)glp_term_out(GLP_OFF);
    glp_mem_limit(16);
    glp_mem_usage(NULL, NULL, &used, NULL);
    room = ((size_t)16 << 20) - used;
    if (room > left + 64)
        (void)glp_alloc(1, (int)(room - left));
}

static struct atm_problem *resnet50(struct atm_plan_options *o)
{
    struct atm_problem *p;

    ATM_ASSERT_OK(
        atm_problem_read(ATM_TEST_DATA "/problems/resnet50.json.gz", &p));
    atm_plan_options_init(o);
    o->budget_bytes = p->peak_bytes / 2;
    return p;
}

/* One that needs a tree. */
static struct atm_problem *tiny(struct atm_plan_options *o)
{
    struct atm_problem *p;

    ATM_ASSERT_OK(
        atm_problem_read(ATM_TEST_DATA "/problems/tiny/mix-all-1.json", &p));
    atm_plan_options_init(o);
    o->budget_bytes = 12;
    return p;
}

static double plan(const struct atm_problem *p,
                   const struct atm_plan_options *o, double *gap)
{
    struct atm_placement *a;
    double objective;

    ATM_ASSERT_OK(atm_plan(p, o, &a)); /* checked by the checker */
    objective = a->objective;
    *gap = a->gap;
    atm_placement_delete(&a);
    return objective;
}

/* Plans with less and less memory taken from GLPK; how often it showed. */
static unsigned sweep(const struct atm_problem *p,
                      const struct atm_plan_options *o, size_t least)
{
    double gap, worse, whole = plan(p, o, &gap);
    unsigned failed = 0;

    for (size_t left = 1000; left < 16000000; left += left / least) {
        starve(left);
        /* without GLPK the descent from one-kernel residences is left */
        CU_ASSERT(plan(p, o, &worse) >= whole * (1 - gap) - 1e-9);
        failed += worse > gap + 1e-9;
    }
    CU_ASSERT_EQUAL(plan(p, o, &worse), whole);
    CU_ASSERT_EQUAL(worse, gap);
    return failed;
}

static void test_memory(void)
{
    struct atm_plan_options o;
    struct atm_problem *p = resnet50(&o);
    FILE *told = tmpfile();
    int out = dup(STDOUT_FILENO);

    CU_ASSERT_FATAL(told != NULL && out >= 0);
    (void)fflush(stdout);
    (void)dup2(fileno(told), STDOUT_FILENO);
    CU_ASSERT(sweep(p, &o, 1) >= 5);
    atm_problem_delete(&p);
    p = tiny(&o);
    CU_ASSERT(sweep(p, &o, 8) >= 8);
    atm_problem_delete(&p);
    (void)fflush(stdout);
    CU_ASSERT_EQUAL(lseek(STDOUT_FILENO, 0, SEEK_END), 0);
    (void)dup2(out, STDOUT_FILENO);
    (void)close(out);
    (void)fclose(told);
}

/* One program's failure takes the others of its thread along. */
static void test_others(void)
{
    struct atm_plan_options o;
    struct atm_problem *p = resnet50(&o);
    struct atm__model *m;
    struct atm__ilp *a, *b, *c;
    struct atm__lp lp = {0};

    ATM_ASSERT_OK(atm__model_new(p, o.budget_bytes, false, &m));
    ATM_ASSERT_OK(atm__ilp_new(m, &a));
    ATM_ASSERT_OK(atm__ilp_new(m, &b));
    starve(10000);
    ATM_ASSERT_FAILS(atm__ilp_solve(a, NULL, true, &lp), ATM_INTERNAL,
                     "gave up: glp_alloc: memory");
    ATM_ASSERT_FAILS(atm__ilp_solve(a, NULL, true, &lp), ATM_INTERNAL,
                     "gave up before");
    ATM_ASSERT_OK(atm__ilp_new(m, &c));
    ATM_ASSERT_FAILS(atm__ilp_solve(b, NULL, true, &lp), ATM_INTERNAL,
                     "gave up before");
    lp.arc_weight = NULL;
    ATM_ASSERT_OK(atm__ilp_solve(c, NULL, true, &lp));
    atm__ilp_delete(&a);
    atm__ilp_delete(&b);
    atm__ilp_delete(&c);
    atm__model_delete(&m);
    atm_problem_delete(&p);
}

struct worker {
    pthread_t thread;
    bool starves;
    double objective, gap;
    enum atm_status st;
};

static void *work(void *user)
{
    struct worker *w = user;
    struct atm_plan_options o;
    struct atm_placement *a = NULL;
    struct atm_problem *p = NULL;

    w->st = atm_problem_read(ATM_TEST_DATA "/problems/resnet50.json.gz", &p);
    if (w->st)
        return NULL;
    atm_plan_options_init(&o);
    o.budget_bytes = p->peak_bytes / 2;
    if (w->starves)
        starve(300000);
    w->st = atm_plan(p, &o, &a);
    if (!w->st) {
        w->objective = a->objective;
        w->gap = a->gap;
    }
    atm_placement_delete(&a);
    atm_problem_delete(&p);
    return NULL;
}

static void test_threads(void)
{
    struct worker w[4] = {{.starves = false}};

    for (int i = 0; i < 4; i++) {
        w[i].starves = i == 1;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&w[i].thread, NULL, work, &w[i]),
                              0);
    }
    for (int i = 0; i < 4; i++)
        (void)pthread_join(w[i].thread, NULL);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(w[i].st, ATM_OK);
        CU_ASSERT_EQUAL(w[i].gap <= 0.001, !w[i].starves);
        if (!w[i].starves)
            CU_ASSERT_EQUAL(w[i].objective, w[0].objective);
    }
}

static const struct atm_test tests[] = {
    {"out of memory anywhere in GLPK: a plan, no output, then as before",
     test_memory},
    {"a failure takes the thread's other programs along", test_others},
    {"threads have GLPKs of their own", test_threads},
    {NULL, NULL},
};

ATM_TEST_MAIN("glpk", tests)
