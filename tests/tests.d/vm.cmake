# Every tier on the memory that it is for, in a virtual machine.
atm_test(test_tier_faults USES runtime core)
add_executable(crash_writer crash_writer.c)
target_link_libraries(crash_writer PRIVATE atm_options atm_runtime atm_core)
target_include_directories(crash_writer PRIVATE ${CMAKE_SOURCE_DIR}/include)
if(TARGET autotm AND NOT AUTOTM_SANITIZE)
  add_test(NAME vm COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/vm/run.sh
    ${CMAKE_BINARY_DIR})
  set_tests_properties(vm PROPERTIES TIMEOUT 1800 SKIP_RETURN_CODE 77
    PROCESSORS 2 LABELS slow)
endif()
