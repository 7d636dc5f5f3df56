atm_test(test_profiler USES core models runtime profiler PRIVATE PkgConfig::SQLITE)
