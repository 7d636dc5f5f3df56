atm_test(test_kernels USES runtime core)
# the same on the narrower instruction set that every supported machine has
add_test(NAME test_kernels_avx2 COMMAND test_kernels
  WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(test_kernels_avx2 PROPERTIES TIMEOUT 300
  ENVIRONMENT "ONEDNN_MAX_CPU_ISA=AVX2")
