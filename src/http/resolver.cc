#include "http/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <cstring>
#include <mutex>

#include "base/clock.h"

namespace neurallog::http {
namespace {

constexpr int64_t kTimeoutNs = 5 * base::kNsPerSecond;
constexpr size_t kAddressesMax = 16;

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

// Waits for the channel's sockets once; the channel's own timeouts are served too.
void ServeChannel(ares_channel channel, int wait_ms) {
  ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
  const auto ready = static_cast<unsigned>(ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM));
  pollfd polled[ARES_GETSOCK_MAXNUM];
  nfds_t count = 0;
  for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const int events = (ARES_GETSOCK_READABLE(ready, i) ? POLLIN : 0) |
                       (ARES_GETSOCK_WRITABLE(ready, i) ? POLLOUT : 0);
    if (events != 0) polled[count++] = {sockets[i], static_cast<short>(events), 0};
  }
  if (wait_ms > 0 || count > 0) poll(polled, count, wait_ms);
  if (count == 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  for (nfds_t i = 0; i < count; ++i)
    ares_process_fd(
        channel, polled[i].revents & (POLLIN | POLLERR | POLLHUP) ? polled[i].fd : ARES_SOCKET_BAD,
        polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
}

void OnSocketState(void* watch, ares_socket_t fd, int readable, int writable) {
  (*static_cast<HostLookup::Watch*>(watch))(fd, readable != 0, writable != 0);
}

// What needs no lookup.
Result<Addresses> KnownAddresses(const std::string& name) {
  if (name.empty()) return InvalidArgument("resolve: the host name is empty");
  if (IsNumeric(name)) return Addresses{name};
  if (name == "localhost") return Addresses{"127.0.0.1", "::1"};
  return Addresses{};
}

}  // namespace

HostLookup::HostLookup(std::string_view host, Watch watch)
    : host_(host),
      deadline_ns_(base::Clock::System().MonotonicNs() + kTimeoutNs),
      watch_(std::move(watch)) {
  Result<Addresses> known = KnownAddresses(host_);
  if (!known.ok() || !known->empty()) {
    answer_ = std::move(known);
  } else {
    Start();
  }
}

HostLookup::~HostLookup() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void HostLookup::Start() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  ares_options options{};
  options.timeout = 1000;
  options.tries = 3;
  int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  if (watch_) {
    options.sock_state_cb = &OnSocketState;
    options.sock_state_cb_data = &watch_;
    given |= ARES_OPT_SOCK_STATE_CB;
  }
  if (const int opened = ares_init_options(&channel_, &options, given); opened != ARES_SUCCESS) {
    channel_ = nullptr;
    answer_ = Unavailable("resolve " + host_ + ": " + ares_strerror(opened));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel_, host_.c_str(), nullptr, &hints, &OnAddresses, this);
}

void HostLookup::OnAddresses(void* self, int status, int, ares_addrinfo* found) {
  auto* lookup = static_cast<HostLookup*>(self);
  Addresses addresses;
  for (ares_addrinfo_node* node = found ? found->nodes : nullptr; node != nullptr;
       node = node->ai_next)
    if (addresses.size() < kAddressesMax) addresses.push_back(FormatAddress(node->ai_addr));
  if (found != nullptr) ares_freeaddrinfo(found);
  if (status == ARES_SUCCESS && !addresses.empty()) {
    lookup->answer_ = std::move(addresses);
  } else {
    lookup->answer_ = NotFound("resolve " + lookup->host_ + ": " +
                               ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status));
  }
}

std::optional<Result<Addresses>> HostLookup::Step(int wait_ms) {
  if (!answer_) ServeChannel(channel_, wait_ms);
  if (answer_) return std::move(answer_);
  if (base::Clock::System().MonotonicNs() < deadline_ns_) return std::nullopt;
  return Result<Addresses>(DeadlineExceeded("resolve " + host_ + ": no answer within 5 s"));
}

Result<Addresses> ResolveHost(std::string_view host) {
  HostLookup lookup(host, {});
  for (;;) {
    if (auto answer = lookup.Step(100)) return std::move(*answer);
  }
}

std::optional<SocketAddress> SocketAddress::Parse(const std::string& address, uint16_t port) {
  SocketAddress parsed;
  std::memset(&parsed.storage, 0, sizeof(parsed.storage));
  auto* v4 = reinterpret_cast<sockaddr_in*>(&parsed.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&parsed.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    parsed.bytes = sizeof(*v4);
    return parsed;
  }
  if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) != 1) return std::nullopt;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  parsed.bytes = sizeof(*v6);
  return parsed;
}

}  // namespace neurallog::http
