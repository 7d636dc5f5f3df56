add_executable(plan_tool plan_tool.c)
target_include_directories(plan_tool PRIVATE ${CMAKE_SOURCE_DIR}/include
  ${CMAKE_SOURCE_DIR}/core ${CMAKE_SOURCE_DIR}/solver)
target_link_libraries(plan_tool PRIVATE atm_solver atm_core atm_options)
atm_test(test_schedule_build USES core solver)
