if(TARGET autotm)
  add_test(NAME cli COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli.sh
    $<TARGET_FILE:autotm> WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(cli PROPERTIES TIMEOUT 600)
endif()
