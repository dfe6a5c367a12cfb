# Fuzz targets: tests/fuzz/<target>.cc with its corpus beside it. With NL_FUZZ (clang) each becomes a libFuzzer binary; otherwise a plain
# program that replays the corpus, run by ctest.
set(NL_FUZZ_TARGETS body_decoder:ingest wal_reader:wal query_parser:query query_executor:query rule_parser:rules rule_state:rules
  template:actions noise_rule:actions)
foreach(entry ${NL_FUZZ_TARGETS})
  string(REPLACE ":" ";" parts ${entry})
  list(GET parts 0 target)
  list(GET parts 1 room)
  if(NL_FUZZ)
    add_executable(fuzz_${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/${target}.cc)
    target_compile_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/${target}.cc ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME fuzz.${target} COMMAND fuzz_${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${target})
  endif()
  target_include_directories(fuzz_${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(fuzz_${target} PRIVATE nl_room_${room} nl_options)
endforeach()
