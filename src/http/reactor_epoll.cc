// The reactor over epoll: what `auto` means, because it costs less per small request.
#define NL_REACTOR_NAMESPACE epoll_reactor
#define NL_REACTOR_START StartEpollServer
#define NL_REACTOR_BACKEND IoBackend::kEpoll
#include "http/reactor_impl.h"
