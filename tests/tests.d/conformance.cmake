# The official ONNX suite. A sanitizer makes a test some ten times slower.
set(seconds 20)
if(AUTOTM_SANITIZE)
  set(seconds 200)
endif()
add_executable(conformance conformance.c conformance_case.c)
target_link_libraries(conformance PRIVATE atm_options atm_frontend atm_runtime
  atm_solver atm_core atm_onnx_pb PkgConfig::JANSSON m)
target_include_directories(conformance PRIVATE ${CMAKE_SOURCE_DIR}/core)
add_test(NAME conformance COMMAND conformance
  -o ${CMAKE_BINARY_DIR}/conformance.json
  -f ${CMAKE_CURRENT_SOURCE_DIR}/conformance_floor
  -t ${seconds})
set_tests_properties(conformance PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77)

if(TARGET autotm)
  add_test(NAME ort_oracle COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/ort_oracle.sh
    $<TARGET_FILE:autotm>)
  set_tests_properties(ort_oracle PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
    LABELS oracle)
endif()
