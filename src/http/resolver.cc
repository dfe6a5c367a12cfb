#include "http/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <mutex>

#include "base/clock.h"

namespace neurallog::http {
namespace {

constexpr int64_t kTimeoutNs = 5 * base::kNsPerSecond;
constexpr size_t kAddressesMax = 16;

struct Lookup {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<std::string> addresses;
};

bool IsNumeric(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string FormatAddress(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* bytes =
      address->sa_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
          : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  inet_ntop(address->sa_family, bytes, text, sizeof(text));
  return text;
}

void OnAddresses(void* arg, int status, int, ares_addrinfo* found) {
  auto* lookup = static_cast<Lookup*>(arg);
  lookup->done = true;
  lookup->status = status;
  for (ares_addrinfo_node* node = found ? found->nodes : nullptr; node != nullptr;
       node = node->ai_next)
    if (lookup->addresses.size() < kAddressesMax)
      lookup->addresses.push_back(FormatAddress(node->ai_addr));
  if (found != nullptr) ares_freeaddrinfo(found);
}

// Waits for the channel's sockets once, at most 100 ms, so that the channel's own timeouts are
// served too.
void Step(ares_channel channel) {
  ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
  const auto ready = static_cast<unsigned>(ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM));
  pollfd polled[ARES_GETSOCK_MAXNUM];
  nfds_t count = 0;
  for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const int events = (ARES_GETSOCK_READABLE(ready, i) ? POLLIN : 0) |
                       (ARES_GETSOCK_WRITABLE(ready, i) ? POLLOUT : 0);
    if (events != 0) polled[count++] = {sockets[i], static_cast<short>(events), 0};
  }
  poll(polled, count, 100);
  if (count == 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  for (nfds_t i = 0; i < count; ++i)
    ares_process_fd(
        channel, polled[i].revents & (POLLIN | POLLERR | POLLHUP) ? polled[i].fd : ARES_SOCKET_BAD,
        polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
}

Result<std::vector<std::string>> LookUp(const std::string& host) {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  ares_options options{};
  options.timeout = 1000;
  options.tries = 3;
  ares_channel channel;
  const int opened = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
  if (opened != ARES_SUCCESS) return Unavailable("resolve " + host + ": " + ares_strerror(opened));

  Lookup lookup;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, &OnAddresses, &lookup);
  const int64_t deadline_ns = base::Clock::System().MonotonicNs() + kTimeoutNs;
  while (!lookup.done && base::Clock::System().MonotonicNs() < deadline_ns) Step(channel);
  const bool in_time = lookup.done;
  ares_destroy(channel);
  if (!in_time) return DeadlineExceeded("resolve " + host + ": no answer within 5 s");
  if (lookup.status != ARES_SUCCESS || lookup.addresses.empty())
    return NotFound("resolve " + host + ": " +
                    ares_strerror(lookup.status == ARES_SUCCESS ? ARES_ENODATA : lookup.status));
  return std::move(lookup.addresses);
}

}  // namespace

Result<std::vector<std::string>> ResolveHost(std::string_view host) {
  const std::string name(host);
  if (name.empty()) return InvalidArgument("resolve: the host name is empty");
  if (IsNumeric(name)) return std::vector<std::string>{name};
  if (name == "localhost") return std::vector<std::string>{"127.0.0.1", "::1"};
  return LookUp(name);
}

}  // namespace neurallog::http
