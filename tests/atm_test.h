/* atm_test.h - one main for every CUnit executable.
 *
 *     static const struct atm_test tests[] = {
 *         {"what a user relies on", test_function}, ... {NULL, NULL}};
 *     ATM_TEST_MAIN("module", tests)
 *
 * main returns non-zero if any assertion failed; an argument runs only the
 * tests whose names contain it.
 */
#ifndef ATM_TEST_H
#define ATM_TEST_H

#include "autotm/status.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

struct atm_test {
    const char *name;
    void (*fn)(void);
};

/* Asserts ATM_OK and shows the sentence otherwise. */
#define ATM_ASSERT_OK(expr)                                                    \
    do {                                                                       \
        enum atm_status atm_st_ = (expr);                                      \
        if (atm_st_)                                                           \
            fprintf(stderr, "\n%s:%d: %s\n", __FILE__, __LINE__,               \
                    atm_errmsg());                                             \
        CU_ASSERT_EQUAL_FATAL(atm_st_, ATM_OK);                                \
    } while (0)

/* Asserts a status and that the sentence contains `text`. */
#define ATM_ASSERT_FAILS(expr, status, text)                                   \
    do {                                                                       \
        enum atm_status atm_st_ = (expr);                                      \
        CU_ASSERT_EQUAL(atm_st_, status);                                      \
        if (atm_st_ != (status) || !strstr(atm_errmsg(), text)) {              \
            fprintf(stderr, "\n%s:%d: status %d: %s\n", __FILE__, __LINE__,    \
                    (int)atm_st_, atm_errmsg());                               \
            CU_FAIL("wrong status or sentence");                               \
        }                                                                      \
    } while (0)

static int atm_test_main(const char *suite, const struct atm_test *tests,
                         const char *only)
{
    CU_pSuite s;
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    s = CU_add_suite(suite, NULL, NULL);
    for (; s && tests->name; tests++)
        if ((!only || strstr(tests->name, only)) &&
            !CU_add_test(s, tests->name, tests->fn))
            return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    (void)CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}

#define ATM_TEST_MAIN(suite, tests)                                            \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        return atm_test_main(suite, tests, argc > 1 ? argv[1] : NULL);         \
    }

#endif
