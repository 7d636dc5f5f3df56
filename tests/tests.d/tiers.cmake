atm_test(test_tiers USES runtime core PRIVATE OpenMP::OpenMP_C)
# System calls that fail, and that do half of what they were asked for.
if(TARGET autotm AND NOT AUTOTM_SANITIZE)
  add_library(short_io MODULE short_io.c)
  add_test(NAME inject COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/inject.sh
    $<TARGET_FILE:autotm> $<TARGET_FILE:short_io>
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(inject PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
if(TARGET autotm)
  add_test(NAME no_pack COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/no_pack.sh
    $<TARGET_FILE:autotm> WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(no_pack PROPERTIES TIMEOUT 300)
endif()
