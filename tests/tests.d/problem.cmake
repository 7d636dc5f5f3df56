atm_test(test_problem USES core)
