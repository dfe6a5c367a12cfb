#include "http/reactor.h"

#include <liburing.h>

#include <cstring>
#include <thread>

#include "base/log.h"
#include "http/listen_address.h"
#include "http/reactor_internal.h"
#include "http/resolver.h"

namespace neurallog::http {
namespace {

// Docker's seccomp profile answers EPERM, older runtimes ENOSYS, kernel.io_uring_disabled EPERM, a
// low RLIMIT_MEMLOCK ENOMEM.
Status ProbeIoUring() {
  io_uring ring;
  const int opened = io_uring_queue_init(8, &ring, 0);
  if (opened != 0) return Unavailable(std::string("io_uring_setup: ") + std::strerror(-opened));
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  bool complete = probe != nullptr;
  for (int op : {IORING_OP_ACCEPT, IORING_OP_SENDMSG, IORING_OP_RECVMSG, IORING_OP_POLL_ADD,
                 IORING_OP_ASYNC_CANCEL, IORING_OP_TIMEOUT})
    complete = complete && io_uring_opcode_supported(probe, op);
  if (probe != nullptr) io_uring_free_probe(probe);
  io_uring_queue_exit(&ring);
  return complete ? Status::Ok() : Unavailable("io_uring: the kernel lacks operations");
}

Result<std::unique_ptr<Server>> StartIoUringIfAllowed(const ReactorStart& start) {
  NL_RETURN_IF_ERROR(ProbeIoUring());
  return StartIoUringServer(start);
}

Status CheckOptions(const ServerOptions& options) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty())
    return InvalidArgument("tls: certificate and key must be given together");
  if (options.connections_max < 1)
    return InvalidArgument("http: connections_max is " + std::to_string(options.connections_max));
  if (options.threads < 0 || options.threads > 1024)
    return InvalidArgument("http: threads is " + std::to_string(options.threads));
  return Status::Ok();
}

int ThreadCount(int configured) {
  if (configured > 0) return configured;
  const unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : static_cast<int>(cores);
}

Result<std::string> NumericAddress(const std::string& host) {
  if (host.empty()) return std::string("0.0.0.0");
  NL_TRY(std::vector<std::string> addresses, ResolveHost(host));
  return addresses.front();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Handler* handler) {
  NL_RETURN_IF_ERROR(CheckOptions(options));
  NL_TRY(const HostPort listen, ParseHostPort(options.listen));
  ReactorStart start;
  start.context = std::make_shared<ServerContext>(options, handler);
  NL_TRY(start.address, NumericAddress(listen.host));
  start.port = listen.port;
  start.threads = ThreadCount(options.threads);
  if (!options.tls_certificate_file.empty()) {
    NL_TRY(start.tls, LoadTlsContext(options.tls_certificate_file, options.tls_key_file));
  }
  if (options.io_backend != IoBackend::kIoUring) return StartEpollServer(start);
  Result<std::unique_ptr<Server>> server = StartIoUringIfAllowed(start);
  if (server.ok() || server.status().code() != Code::kUnavailable) return server;
  base::LogWarn("io_uring is not available, using epoll",
                {{"reason", std::string(server.status().message())}});
  return StartEpollServer(start);
}

std::string_view IoBackendName(IoBackend backend) {
  switch (backend) {
    case IoBackend::kAuto: return "auto";
    case IoBackend::kEpoll: return "epoll";
    case IoBackend::kIoUring: return "io_uring";
  }
  return "unknown";
}

}  // namespace neurallog::http
