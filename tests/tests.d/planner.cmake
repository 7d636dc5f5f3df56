atm_test(test_planner USES solver core TIMEOUT 900)
target_sources(test_planner PRIVATE brute.c)
