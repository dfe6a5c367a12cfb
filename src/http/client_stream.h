// A blocking connection with a deadline, plain or TLS, for the client.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/resolver.h"
#include "neurallog/status.h"

namespace neurallog::http {

// Not thread-safe.
class ClientStream {
 public:
  // Connects to the first address that answers. `deadline_ns` is monotonic, 0: none. While
  // `*cancelled` is true (null: never), waiting ends as Cancelled. A peer that has vanished is found
  // out after a minute, also while nothing is sent. `check_address` (empty: all are allowed) must
  // agree to every address of `host`.
  static Result<std::unique_ptr<ClientStream>> Connect(const std::string& host, uint16_t port,
                                                       int64_t deadline_ns,
                                                       const std::atomic<bool>* cancelled,
                                                       const AddressCheck& check_address = {});
  ~ClientStream();

  // Switches to TLS and checks the server's certificate for `host`.
  Status StartTls(const std::string& host, const std::string& ca_file);
  Status WriteAll(std::string_view bytes);
  // Zero bytes: the server has ended the connection.
  Result<size_t> Read(char* to, size_t bytes);

 private:
  struct Tls;
  ClientStream(int fd, int64_t deadline_ns, const std::atomic<bool>* cancelled);

  Status Wait(short events);
  // Waits for what the last TLS call needs; an error when it failed for good.
  Status WaitForTls(int outcome, std::string_view what);

  const int fd_;
  const int64_t deadline_ns_;
  const std::atomic<bool>* const cancelled_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace neurallog::http
