atm_test(test_copy_clock USES core)
