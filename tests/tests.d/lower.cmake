atm_test(test_lower USES runtime core PRIVATE PkgConfig::JANSSON)
add_test(NAME test_lower_avx2 COMMAND test_lower
  WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(test_lower_avx2 PROPERTIES TIMEOUT 300
  ENVIRONMENT "ONEDNN_MAX_CPU_ISA=AVX2")
