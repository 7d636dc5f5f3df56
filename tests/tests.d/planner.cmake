atm_test(test_planner USES solver core TIMEOUT 900)
