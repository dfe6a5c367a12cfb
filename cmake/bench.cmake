# The load tool. Its parts are a library so that tests/unit/bench can reach them.
file(GLOB nl_bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
list(FILTER nl_bench_sources EXCLUDE REGEX "neurallog_bench\\.cc$")
add_library(nl_bench STATIC ${nl_bench_sources})
target_include_directories(nl_bench PUBLIC ${CMAKE_SOURCE_DIR}/bench)
target_link_libraries(nl_bench PUBLIC nl_options nl_fmt nl_room_base nl_deflate)

add_executable(neurallog_bench ${CMAKE_SOURCE_DIR}/bench/neurallog_bench.cc)
target_link_libraries(neurallog_bench PRIVATE nl_bench)

if(NL_TESTS)
  file(GLOB nl_bench_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/bench/*_test.cc)
  add_executable(test_bench ${nl_bench_tests})
  target_link_libraries(test_bench PRIVATE nl_bench nl_catch_main)
  add_test(NAME unit.bench COMMAND test_bench)
endif()
