add_test(NAME style COMMAND python3 ${CMAKE_SOURCE_DIR}/scripts/check_deps.py)
