atm_test(test_target USES core)
