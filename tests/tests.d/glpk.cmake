find_package(Threads REQUIRED)
atm_test(test_glpk USES solver core PRIVATE ${GLPK_LIBRARY} Threads::Threads)
