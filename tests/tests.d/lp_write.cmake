atm_test(test_lp_write USES solver core PRIVATE ${GLPK_LIBRARY})
