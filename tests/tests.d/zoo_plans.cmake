find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND AND TARGET autotm)
  add_test(NAME zoo_plans COMMAND ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/zoo_plans.py $<TARGET_FILE:autotm>
    ${CMAKE_SOURCE_DIR}/scripts/check_bound.py)
  set_tests_properties(zoo_plans PROPERTIES TIMEOUT 900 LABELS slow)
endif()
