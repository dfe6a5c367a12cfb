// A running HTTP/1.1 server: listening sockets, connections, TLS and timeouts on one io thread per
// core.
//
// There are two implementations in the binary: the same source compiled over Asio's epoll reactor
// and, with Boost renamed, over Asio's io_uring reactor (docs/ARCHITECTURE.md, "Two reactors"). No
// Boost type crosses this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http/message.h"
#include "neurallog/status.h"

namespace neurallog::http {

enum class IoBackend : uint8_t { kAuto, kEpoll, kIoUring };

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // HOST:PORT, [v6]:PORT; port 0 takes a free one
  IoBackend io_backend = IoBackend::kAuto;
  int threads = 0;                    // 0: one per core
  int connections_max = 10'000;       // beyond: accepted and closed at once with 503
  size_t head_bytes_max = 16 * 1024;  // request line + headers; beyond: 431
  size_t body_bytes_max = 64u << 20;  // beyond: 413, also for chunked bodies
  // Bodies being received over all connections. Beyond it connections wait for their turn instead
  // of reading more.
  size_t body_bytes_total_max = 256u << 20;
  int header_timeout_ms = 10'000;  // from the first byte of a head to its end; else 408
  int body_timeout_ms = 60'000;    // without any progress in a body; else 408
  int idle_timeout_ms = 75'000;    // between requests; closed silently
  int write_timeout_ms = 60'000;   // without any progress in sending; the connection is closed
  // TLS is on when both are set (PEM files).
  std::string tls_certificate_file;
  std::string tls_key_file;
};

// Figures since the start. Plain counts; read at any time.
struct ServerStats {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t connections_refused = 0;
  uint64_t requests = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t timeouts = 0;
  uint64_t malformed = 0;
};

// Thread-safe.
class Server {
 public:
  // Binds and starts serving. `handler` must outlive the server. IoBackend::kIoUring falls back to
  // epoll, with one line in the log, where the kernel or a seccomp profile refuses it. Errors name
  // the address.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, Handler* handler);

  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  virtual IoBackend backend() const = 0;
  virtual ServerStats stats() const = 0;
  // Reads the certificate and key again; new connections use them. On error the old ones stay in
  // use.
  virtual Status ReloadTls() = 0;
  // Stops accepting, lets running requests finish for at most `drain_ms`, then closes everything
  // and joins the threads. Not from a Handler.
  virtual void Stop(int drain_ms) = 0;
};

// Names for options and logs.
std::string_view IoBackendName(IoBackend backend);

}  // namespace neurallog::http
