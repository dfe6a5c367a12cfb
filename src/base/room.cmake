# The time zones that are built in.
find_program(NL_PYTHON python3 REQUIRED)
set(time_zones ${CMAKE_BINARY_DIR}/time_zones.zst)
add_custom_command(OUTPUT ${time_zones} COMMAND ${NL_PYTHON} ${CMAKE_SOURCE_DIR}/script/pack_time_zones ${time_zones}
  DEPENDS ${CMAKE_SOURCE_DIR}/script/pack_time_zones VERBATIM)
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/time_zone.cc PROPERTIES OBJECT_DEPENDS ${time_zones}
  COMPILE_DEFINITIONS NL_TIME_ZONES="${time_zones}" SKIP_UNITY_BUILD_INCLUSION ON)
