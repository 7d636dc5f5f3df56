# Bad input of every class, each in a process of its own; see hostile.py.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND AND TARGET autotm)
  set(hostile ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/hostile.py
    $<TARGET_FILE:autotm>)
  if(AUTOTM_SANITIZE)
    list(APPEND hostile --sanitized)
  endif()
  foreach(part models plans stores tensors)
    add_test(NAME hostile_${part} COMMAND ${hostile} ${part})
    set_tests_properties(hostile_${part} PROPERTIES TIMEOUT 900)
  endforeach()
endif()
