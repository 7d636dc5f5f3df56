atm_test(test_schedule USES core)
atm_test(test_schedule_json USES core PRIVATE PkgConfig::JANSSON)
