# Sinks look alike, and name what is theirs alike.
file(GLOB sinks CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/sink_*.cc)
set_source_files_properties(${sinks} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
