atm_test(test_session USES runtime core)
