// Host names to addresses, without the C library's resolver: a static binary must not load NSS
// modules of the host.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace neurallog::http {

using Addresses = std::vector<std::string>;

// Says no to a numeric address that nobody may connect to.
using AddressCheck = std::function<Status(const std::string& address)>;

// Numeric addresses of `host`, which may be numeric already. "localhost" needs neither a file nor a
// server; every other name is looked up in /etc/hosts and DNS by c-ares. Blocks for at most 5
// seconds. Never empty.
Result<Addresses> ResolveHost(std::string_view host);

// The same without a thread that waits. Not thread-safe.
class HostLookup {
 public:
  // Told which events of a socket are waited for; neither: the socket is about to be closed.
  using Watch = std::function<void(int fd, bool readable, bool writable)>;

  HostLookup(std::string_view host, Watch watch);
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;

  // Does what can be done after waiting at most `wait_ms`; to be called when a watched socket has
  // events, and every 100 ms. The answer, once.
  std::optional<Result<Addresses>> Step(int wait_ms);

 private:
  static void OnAddresses(void* self, int status, int timeouts, ares_addrinfo* found);
  void Start();

  const std::string host_;
  const int64_t deadline_ns_;
  Watch watch_;
  std::optional<Result<Addresses>> answer_;
  ares_channeldata* channel_ = nullptr;
};

// A numeric address and a port as the operating system takes them.
struct SocketAddress {
  sockaddr_storage storage;
  socklen_t bytes;

  static std::optional<SocketAddress> Parse(const std::string& address, uint16_t port);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

}  // namespace neurallog::http
