if(TARGET autotm)
  add_test(NAME cli_planner COMMAND bash
    ${CMAKE_CURRENT_SOURCE_DIR}/cli_planner.sh $<TARGET_FILE:autotm>
    ${CMAKE_SOURCE_DIR} WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(cli_planner PROPERTIES TIMEOUT 600)
endif()
