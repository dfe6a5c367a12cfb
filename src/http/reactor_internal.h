// Between Server::Start and the two compilations of the Asio reactor.
#pragma once

#include <memory>

#include "http/io_loop.h"
#include "http/reactor.h"
#include "http/tls_context.h"

namespace neurallog::http {

// Where to listen, resolved to a numeric address, and with what.
struct ReactorStart {
  std::shared_ptr<ServerContext> context;
  std::string address;
  uint16_t port = 0;
  int threads = 1;
  TlsContext tls;  // null: plain HTTP
};

Result<std::unique_ptr<Server>> StartEpollServer(const ReactorStart& start);
// Fails with Unavailable where the kernel refuses io_uring.
Result<std::unique_ptr<Server>> StartIoUringServer(const ReactorStart& start);

}  // namespace neurallog::http
