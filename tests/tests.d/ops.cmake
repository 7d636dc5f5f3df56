atm_test(test_ops USES core PRIVATE PkgConfig::JANSSON)
