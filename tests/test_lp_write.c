/* test_lp_write.c - the written integer program, read back and solved to the
 * end: its optimum is the one that the problem's file lists, and with the rows
 * of the linear program alone it is no larger. */
#include "atm_test.h"

#include "autotm/planner.h"

#include <dirent.h>
#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Optimum of the file in seconds; NaN: no solution. */
static double optimum(const char *path)
{
    int quiet = glp_term_out(GLP_OFF); /* the product frees this setting */
    glp_prob *lp = glp_create_prob();
    double scale = 0, value = NAN;
    glp_iocp how;
    glp_smcp first;
    FILE *f = fopen(path, "r");

    CU_ASSERT_FATAL(f != NULL);
    CU_ASSERT_EQUAL_FATAL(
        fscanf(f, "\\ budget %*d bytes; time in seconds times %lf", &scale), 1);
    (void)fclose(f);
    CU_ASSERT_EQUAL_FATAL(glp_read_lp(lp, NULL, path), 0);
    glp_init_smcp(&first);
    glp_init_iocp(&how);
    if (glp_simplex(lp, &first) == 0 && glp_get_status(lp) == GLP_OPT &&
        glp_intopt(lp, &how) == 0 && glp_mip_status(lp) == GLP_OPT)
        value = glp_mip_obj_val(lp) / scale;
    glp_delete_prob(lp);
    (void)glp_term_out(quiet);
    return value;
}

static void compare(const char *path, uint32_t *compared)
{
    char temp[] = "program-XXXXXX";
    struct atm_problem *p;
    uint32_t i;
    int fd = mkstemp(temp);

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    ATM_ASSERT_OK(atm_problem_read(path, &p));
    ATM_ASSERT_OK(atm_problem_check(p));
    for (i = 0; i < p->n_budgets && !p->has_async; i++) {
        double best = p->budget[i].best, found;

        ATM_ASSERT_OK(atm_problem_write_lp(p, p->budget[i].bytes,
                                           ATM_LP_FINAL_ROWS, temp, true));
        CU_ASSERT(isnan(best) ||
                  optimum(temp) <= best + 1e-6 * fmax(1, best));
        ATM_ASSERT_OK(atm_problem_write_lp(p, p->budget[i].bytes,
                                           ATM_LP_ALL_ROWS, temp, true));
        found = optimum(temp);
        if (isnan(best) ? !isnan(found)
                        : !(fabs(found - best) <= 1e-6 * fmax(1, best))) {
            fprintf(stderr, "\n%s at %llu: %.9g, not %.9g\n", path,
                    (unsigned long long)p->budget[i].bytes, found, best);
            CU_FAIL("another optimum");
        }
        *compared += !isnan(best);
    }
    ATM_ASSERT_FAILS(
        atm_problem_write_lp(p, 100, ATM_LP_ALL_ROWS, temp, false), ATM_INVAL,
        "exists");
    (void)unlink(temp);
    atm_problem_delete(&p);
}

static void test_optimum(void)
{
    char path[512];
    struct dirent *e;
    uint32_t compared = 0;
    DIR *d = opendir(ATM_TEST_DATA "/problems/tiny");

    CU_ASSERT_FATAL(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (!strstr(e->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s", ATM_TEST_DATA,
                       e->d_name);
        compare(path, &compared);
    }
    (void)closedir(d);
    CU_ASSERT(compared > 200);
}

static const struct atm_test tests[] = {
    {"the written program has the listed optimum", test_optimum},
    {NULL, NULL},
};

ATM_TEST_MAIN("lp_write", tests)
