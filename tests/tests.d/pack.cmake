atm_test(test_pack USES core solver PRIVATE PkgConfig::ZLIB)
