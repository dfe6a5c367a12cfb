# The second compilation of the reactor: Asio over io_uring under the name boost_uring. The macro renames the namespace and the
# includes that Boost puts together from pieces, which is why the symbolic link must exist.
find_path(NL_BOOST_INCLUDE boost/asio.hpp REQUIRED)
set(uring_include ${CMAKE_BINARY_DIR}/boost_uring_include)
file(MAKE_DIRECTORY ${uring_include})
file(CREATE_LINK ${NL_BOOST_INCLUDE}/boost ${uring_include}/boost_uring SYMBOLIC)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/http/reactor_uring.cc PROPERTIES
  COMPILE_DEFINITIONS "boost=boost_uring;BOOST_ASIO_HAS_IO_URING;BOOST_ASIO_DISABLE_EPOLL"
  COMPILE_OPTIONS "-isystem;${uring_include}")

# With sanitizers gcc 12 loses sight of boost::optional and warns inside of Beast.
if(NL_SANITIZE)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/http/head_parser.cc PROPERTIES COMPILE_OPTIONS "-Wno-maybe-uninitialized")
endif()
