// The reactor over io_uring. room.cmake compiles this file with Boost renamed, so that both kinds
// of Asio live in one binary.
#define NL_REACTOR_NAMESPACE uring_reactor
#define NL_REACTOR_START StartIoUringServer
#define NL_REACTOR_BACKEND IoBackend::kIoUring
#include "http/reactor_impl.h"
