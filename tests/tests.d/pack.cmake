atm_test(test_pack USES core solver PRIVATE PkgConfig::ZLIB)
add_test(NAME test_pack_files COMMAND test_pack files)
set_tests_properties(test_pack_files PROPERTIES TIMEOUT 300 LABELS slow)
