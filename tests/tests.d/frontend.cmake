atm_test(test_frontend USES frontend core PRIVATE atm_models)
atm_test(test_fuse USES frontend core PRIVATE atm_models)
atm_test(test_expand USES frontend core)
