# Answers to the problem files, judged by Python programs that share nothing
# with the solver.
find_package(Python3 COMPONENTS Interpreter)
add_executable(plan_tool plan_tool.c)
target_include_directories(plan_tool PRIVATE ${CMAKE_SOURCE_DIR}/include
  ${CMAKE_SOURCE_DIR}/core ${CMAKE_SOURCE_DIR}/solver)
target_link_libraries(plan_tool PRIVATE atm_solver atm_core atm_options)
add_executable(brute brute.c brute_pack.c)
target_include_directories(brute PRIVATE ${CMAKE_SOURCE_DIR}/include
  ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(brute PRIVATE atm_core atm_options m)
if(Python3_Interpreter_FOUND)
  set(check_plans ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/check_plans.py
    $<TARGET_FILE:plan_tool> ${CMAKE_SOURCE_DIR}/scripts/check_bound.py
    ${CMAKE_CURRENT_SOURCE_DIR}/data/problems)
  add_test(NAME check_plans_tiny COMMAND ${check_plans} tiny)
  add_test(NAME check_plans_async COMMAND ${check_plans} tiny-async)
  add_test(NAME check_plans_large COMMAND ${check_plans} large sync)
  set(check_random ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/check_random.py $<TARGET_FILE:plan_tool>
    $<TARGET_FILE:brute> ${CMAKE_SOURCE_DIR}/scripts/check_bound.py
    ${CMAKE_CURRENT_SOURCE_DIR}/data/problems)
  add_test(NAME check_random COMMAND ${check_random} 1 60)
  set_tests_properties(check_random PROPERTIES TIMEOUT 300)
  foreach(first 61 581 1101 1621) # 2,140 problems with those above
    add_test(NAME check_random_${first} COMMAND ${check_random} ${first} 520)
    set_tests_properties(check_random_${first} PROPERTIES TIMEOUT 1200
      LABELS slow)
  endforeach()
  set_tests_properties(check_plans_tiny check_plans_async PROPERTIES
    TIMEOUT 120)
  set_tests_properties(check_plans_large PROPERTIES TIMEOUT 1800 LABELS slow)
endif()
