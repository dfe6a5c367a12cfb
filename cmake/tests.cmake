# One test binary per room from tests/unit/<room>/*_test.cc; ctest runs each. tests/main.cc holds Catch2's main, compiled once.
add_library(nl_catch_main OBJECT ${CMAKE_SOURCE_DIR}/tests/main.cc)
target_compile_options(nl_catch_main PRIVATE -O0)
target_link_libraries(nl_catch_main PUBLIC nl_options)

# The precompiled header of all tests, which a target with a source must have.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/test_header.cc CONTENT "")
add_library(nl_test_header OBJECT ${CMAKE_BINARY_DIR}/test_header.cc)
target_compile_options(nl_test_header PRIVATE -O0)
target_link_libraries(nl_test_header PUBLIC nl_options)
target_precompile_headers(nl_test_header PRIVATE <catch2/catch.hpp> <algorithm> <atomic> <chrono> <functional> <map> <memory> <mutex>
  <optional> <span> <string> <string_view> <thread> <unordered_map> <utility> <vector>)

get_property(rooms GLOBAL PROPERTY NL_ROOMS)
foreach(room ${rooms})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${room}/*_test.cc)
  if(sources)
    add_executable(test_${room} ${sources})
    target_compile_options(test_${room} PRIVATE -O0)
    target_precompile_headers(test_${room} REUSE_FROM nl_test_header)
    target_link_libraries(test_${room} PRIVATE nl_room_${room} nl_catch_main nl_options)
    target_include_directories(test_${room} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(test_${room} PRIVATE NL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit.${room} COMMAND test_${room})
  endif()
endforeach()

# Tests of queries and rules read JSON records and compressed sample data.
foreach(target test_query test_rules)
  if(TARGET ${target})
    target_link_libraries(${target} PRIVATE nl_simdjson nl_zstd)
  endif()
endforeach()

add_test(NAME layers COMMAND ${CMAKE_COMMAND} -E env python3 ${CMAKE_SOURCE_DIR}/tests/layers_test.py ${CMAKE_SOURCE_DIR})

# Tests of the real binary over real sockets, and the crash loop (more rounds by hand: tests/crash/crash_test.py ROUNDS).
file(GLOB server_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/server/*_test.py)
if(NOT NL_STATIC)
  list(FILTER server_tests EXCLUDE REGEX "static_test")  # sanitizers do not link statically
endif()
foreach(path ${server_tests})
  get_filename_component(name ${path} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  add_test(NAME server.${name} COMMAND ${CMAKE_COMMAND} -E env NL_BINARY=$<TARGET_FILE:neurallog> python3 ${path})
  set_tests_properties(server.${name} PROPERTIES TIMEOUT 300)
endforeach()
add_test(NAME crash COMMAND ${CMAKE_COMMAND} -E env NL_BINARY=$<TARGET_FILE:neurallog> python3 ${CMAKE_SOURCE_DIR}/tests/crash/crash_test.py 12)
set_tests_properties(crash PROPERTIES TIMEOUT 600)
# The longest begin first.
set_tests_properties(unit.engine crash PROPERTIES COST 100)
add_test(NAME http COMMAND ${CMAKE_COMMAND} -E env NL_BINARY=$<TARGET_FILE:neurallog> python3 ${CMAKE_SOURCE_DIR}/tests/http/run.py)

# What sinks of actions say, heard by real receivers where they are installed.
add_executable(sink_probe ${CMAKE_SOURCE_DIR}/tests/receivers/sink_probe.cc)
target_link_libraries(sink_probe PRIVATE nl_room_actions nl_options)
add_test(NAME receivers COMMAND ${CMAKE_COMMAND} -E env SINK_PROBE=$<TARGET_FILE:sink_probe> python3 ${CMAKE_SOURCE_DIR}/tests/receivers/receivers_test.py)
