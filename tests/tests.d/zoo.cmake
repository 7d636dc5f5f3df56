atm_test(test_zoo USES models core)
