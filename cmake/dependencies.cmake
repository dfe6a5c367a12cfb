# Third-party libraries, each as one interface target. Debian packages; simdjson and fmt, which Debian ships without a static archive,
# are compiled from Debian's source packages that script/bootstrap unpacks into NL_DEPS_DIR.
function(nl_external target)
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE ${ARGN})
endfunction()

if(NOT EXISTS ${NL_DEPS_DIR}/simdjson/simdjson.cpp OR NOT EXISTS ${NL_DEPS_DIR}/fmt/src/format.cc)
  message(FATAL_ERROR "${NL_DEPS_DIR} holds no simdjson or fmt sources: run script/bootstrap first")
endif()

add_library(nl_simdjson_archive STATIC ${NL_DEPS_DIR}/simdjson/simdjson.cpp)
target_include_directories(nl_simdjson_archive SYSTEM PUBLIC ${NL_DEPS_DIR}/simdjson)
target_compile_options(nl_simdjson_archive PRIVATE -O3 -w)
target_compile_definitions(nl_simdjson_archive PRIVATE NDEBUG)
nl_external(nl_simdjson nl_simdjson_archive)

add_library(nl_fmt_archive STATIC ${NL_DEPS_DIR}/fmt/src/format.cc)
target_include_directories(nl_fmt_archive SYSTEM PUBLIC ${NL_DEPS_DIR}/fmt/include)
nl_external(nl_fmt nl_fmt_archive)

nl_external(nl_zstd zstd)
nl_external(nl_deflate deflate)
nl_external(nl_z z)
nl_external(nl_re2 re2 pthread)
nl_external(nl_yaml yaml-cpp)
nl_external(nl_openssl ssl crypto dl pthread)
nl_external(nl_cares cares)
nl_external(nl_uring uring)
nl_external(nl_time_zone absl_time_zone)
nl_external(nl_edit edit tinfo bsd md)
nl_external(nl_rocksdb rocksdb snappy lz4 zstd bz2 z dl pthread)
add_library(nl_boost INTERFACE)
add_library(nl_cli11 INTERFACE)
