atm_test(test_tiers USES runtime core PRIVATE OpenMP::OpenMP_C)
