atm_test(test_fuse USES frontend core PRIVATE atm_models)
