// The reactor: io threads, acceptors and streams over Asio. Included by reactor_epoll.cc and
// reactor_uring.cc only, each of which gives it a namespace of its own; nothing in here may be seen
// by the other.
//
// Every thread has an io_context, an acceptor on the same port (SO_REUSEPORT: the kernel spreads
// new connections) and its connections; nothing but the mailbox, the body budget and the TLS
// context is shared. One timer per thread looks at all deadlines: a timer per operation costs half
// a request (reference measurements in docs/ARCHITECTURE.md).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <cerrno>
#include <chrono>
#include <type_traits>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "http/reactor_internal.h"
#include "http/session.h"

namespace neurallog::http::NL_REACTOR_NAMESPACE {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using Tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using TickTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>;
using TlsStream = asio::ssl::stream<Socket>;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr int kAcceptBacklog = 4096;
constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: "
    "98\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n"
    R"({"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections"})"
    "\n";

// A session over a plain or a TLS stream.
template <typename Stream>
class Connection final : public Session {
 public:
  template <typename... Args>
  Connection(std::shared_ptr<IoLoop> loop, const Tcp::endpoint& peer, Args&&... args)
      : Session(std::move(loop),
                peer.address().is_v6()
                    ? "[" + peer.address().to_string() + "]:" + std::to_string(peer.port())
                    : peer.address().to_string() + ":" + std::to_string(peer.port()),
                IsLoopback(peer.address())),
        stream_(std::forward<Args>(args)...) {}

  void Begin() {
    if constexpr (kIsTls) {
      stream_.async_handshake(asio::ssl::stream_base::server, [self = Self()](const Error& error) {
        if (error) return self->Close(/*reset=*/false);
        if (!self->closed()) self->OnReady();
      });
    } else {
      OnReady();
    }
  }

 protected:
  void ReadSome(char* to, size_t bytes) override {
    stream_.async_read_some(
        asio::buffer(to, bytes),
        [self = Self()](const Error& error, size_t read) { self->OnRead(OutcomeOf(error), read); });
  }

  void WriteSome(const iovec* slices, int count) override {
    std::array<asio::const_buffer, OutQueue::kSlicesMax> buffers;
    for (int i = 0; i < count; ++i)
      buffers[static_cast<size_t>(i)] = {slices[i].iov_base, slices[i].iov_len};
    stream_.async_write_some(buffers, [self = Self()](const Error& error, size_t written) {
      self->OnWritten(OutcomeOf(error), written);
    });
  }

  ssize_t TryWrite(const iovec* slices, int count) override {
    if constexpr (kIsTls) return 0;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(slices);
    message.msg_iovlen = static_cast<size_t>(count);
    const ssize_t sent = ::sendmsg(Lowest().native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
  }

  bool ShutdownSend() override {
    if constexpr (kIsTls) {
      stream_.async_shutdown([self = Self()](const Error&) { self->OnShutdown(); });
      return false;
    } else {
      Error ignored;
      stream_.shutdown(Tcp::socket::shutdown_send, ignored);
      return true;
    }
  }

  void CloseStream(bool reset) override {
    Error ignored;
    if (reset) Lowest().set_option(asio::socket_base::linger(true, 0), ignored);
    Lowest().close(ignored);
  }

 private:
  static constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

  static bool IsLoopback(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
      return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
    return address.is_loopback();
  }

  static IoOutcome OutcomeOf(const Error& error) {
    if (!error) return IoOutcome::kOk;
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated
               ? IoOutcome::kEnd
               : IoOutcome::kError;
  }

  std::shared_ptr<Connection> Self() {
    return std::static_pointer_cast<Connection>(shared_from_this());
  }

  auto& Lowest() {
    if constexpr (kIsTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  Stream stream_;
};

// The TLS context in use, exchanged by a reload. Thread-safe.
class TlsHolder {
 public:
  explicit TlsHolder(TlsContext context) : enabled_(context != nullptr) {
    if (enabled_) Set(std::move(context));
  }

  bool enabled() const { return enabled_; }
  void Set(TlsContext context) {
    SSL_CTX_up_ref(context.get());
    auto wrapped = std::make_shared<asio::ssl::context>(context.get());
    base::MutexLock lock(mutex_);
    context_ = std::move(wrapped);
  }
  std::shared_ptr<asio::ssl::context> Get() {
    base::MutexLock lock(mutex_);
    return context_;
  }

 private:
  const bool enabled_;
  base::Mutex mutex_;
  std::shared_ptr<asio::ssl::context> context_ NL_GUARDED_BY(mutex_);
};

// One io thread.
class Loop final : public IoLoop {
 public:
  Loop(std::shared_ptr<ServerContext> context, std::shared_ptr<TlsHolder> tls)
      : IoLoop(std::move(context)),
        tls_(std::move(tls)),
        io_(1),
        acceptor_(io_),
        timer_(io_),
        work_(io_.get_executor()) {}

  // Throws boost's system_error.
  uint16_t Listen(const Tcp::endpoint& endpoint) {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.set_option(ReusePort(true));
    if (endpoint.address().is_v6() && endpoint.address().is_unspecified())
      acceptor_.set_option(asio::ip::v6_only(false));
    acceptor_.bind(endpoint);
    acceptor_.listen(kAcceptBacklog);
    return acceptor_.local_endpoint().port();
  }

  void StartThread() {
    thread_ = base::StartThread(
        "nl-http", [self = std::static_pointer_cast<Loop>(shared_from_this())] { self->Run(); });
  }

  void StartDrain() {
    asio::post(io_, [this] {
      Error ignored;
      acceptor_.close(ignored);
      BeginDrain();
    });
  }

  void StopAndJoin() {
    asio::post(io_, [this] {
      Error ignored;
      acceptor_.close(ignored);
      timer_.cancel();
      ended_ = true;
      CloseAll();
      work_.reset();
    });
    if (thread_.joinable()) thread_.join();
  }

 protected:
  void Wake() override {
    asio::post(io_, [this] { DrainMailbox(); });
  }

 private:
  void Run() {
    EnterThread();
    Accept();
    ArmTimer();
    // An exception can only come out of the Handler or from lack of memory; the loop goes on for
    // the other connections.
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        base::LogError("exception in an http thread", {{"what", error.what()}});
      }
    }
  }

  void Accept() {
    acceptor_.async_accept([this](const Error& error, Socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      // Out of file descriptors or memory: the next tick tries again.
      accept_paused_ = error == asio::error::no_descriptors || error == asio::error::no_memory ||
                       error == asio::error::no_buffer_space ||
                       error == Error(ENFILE, boost::system::system_category());
      if (!error) Welcome(std::move(socket));
      if (!accept_paused_) Accept();
    });
  }

  void Welcome(Socket socket) {
    Error error;
    const Tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;
    if (context().connections_open.fetch_add(1) >= context().options.connections_max) {
      context().connections_open.fetch_sub(1);
      return Refuse(std::move(socket));
    }
    IoCounters::Add(&counters().accepted, 1);
    socket.set_option(Tcp::no_delay(true), error);
    if (tls_->enabled()) {
      const auto tls_context = tls_->Get();
      Open(std::make_shared<Connection<TlsStream>>(shared_from_this(), peer, std::move(socket),
                                                   *tls_context));
    } else {
      Open(std::make_shared<Connection<Socket>>(shared_from_this(), peer, std::move(socket)));
    }
  }

  template <typename C>
  void Open(std::shared_ptr<C> connection) {
    Add(connection);
    connection->Begin();
  }

  // One try to say why; what was sent already is read first, because unread bytes turn the close
  // into a reset that eats the answer.
  void Refuse(Socket socket) {
    IoCounters::Add(&counters().refused, 1);
    if (tls_->enabled()) return;
    char discarded[4096];
    const int fd = socket.native_handle();
    while (::recv(fd, discarded, sizeof(discarded), MSG_DONTWAIT) ==
           static_cast<ssize_t>(sizeof(discarded))) {
    }
    if (::send(fd, kTooManyConnections.data(), kTooManyConnections.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
      ::shutdown(fd, SHUT_WR);
  }

  void ArmTimer() {
    timer_.expires_after(std::chrono::milliseconds(kTickMs));
    timer_.async_wait([this](const Error& error) {
      if (error || ended_) return;
      Tick();
      if (std::exchange(accept_paused_, false)) Accept();
      ArmTimer();
    });
  }

  const std::shared_ptr<TlsHolder> tls_;
  asio::io_context io_;
  Acceptor acceptor_;
  TickTimer timer_;
  asio::executor_work_guard<Executor> work_;
  bool accept_paused_ = false;
  bool ended_ = false;
  std::thread thread_;
};

class ReactorServer final : public Server {
 public:
  ReactorServer(const ReactorStart& start)
      : context_(start.context), tls_(std::make_shared<TlsHolder>(start.tls)) {}
  ~ReactorServer() override { Stop(/*drain_ms=*/0); }

  // Throws boost's system_error.
  void Listen(const ReactorStart& start) {
    Tcp::endpoint endpoint(asio::ip::make_address(start.address), start.port);
    if (start.port != 0) CheckFree(endpoint);
    for (int i = 0; i < start.threads; ++i) {
      auto loop = std::make_shared<Loop>(context_, tls_);
      endpoint.port(loop->Listen(endpoint));
      loops_.push_back(std::move(loop));
    }
    port_ = endpoint.port();
  }

  void StartThreads() {
    for (const auto& loop : loops_) loop->StartThread();
    running_ = true;
  }

  uint16_t port() const override { return port_; }
  IoBackend backend() const override { return NL_REACTOR_BACKEND; }

  ServerStats stats() const override {
    ServerStats stats;
    for (const auto& loop : loops_) {
      const IoCounters& counters = loop->counters();
      stats.connections_accepted += counters.accepted.load(std::memory_order_relaxed);
      stats.connections_refused += counters.refused.load(std::memory_order_relaxed);
      stats.requests += counters.requests.load(std::memory_order_relaxed);
      stats.bytes_received += counters.bytes_received.load(std::memory_order_relaxed);
      stats.bytes_sent += counters.bytes_sent.load(std::memory_order_relaxed);
      stats.timeouts += counters.timeouts.load(std::memory_order_relaxed);
      stats.malformed += counters.malformed.load(std::memory_order_relaxed);
    }
    stats.connections_open =
        static_cast<uint64_t>(context_->connections_open.load(std::memory_order_relaxed));
    return stats;
  }

  Status ReloadTls() override {
    if (!tls_->enabled()) return Status::Ok();
    NL_TRY(TlsContext fresh,
           LoadTlsContext(context_->options.tls_certificate_file, context_->options.tls_key_file));
    tls_->Set(std::move(fresh));
    return Status::Ok();
  }

  void Stop(int drain_ms) override {
    if (!std::exchange(running_, false)) return;
    context_->stopping.store(true);
    for (const auto& loop : loops_) loop->StartDrain();
    WaitUntilEmpty(drain_ms);
    for (const auto& loop : loops_) loop->StopAndJoin();
  }

 private:
  // SO_REUSEPORT would let a second server of the same user share the port in silence.
  static void CheckFree(const Tcp::endpoint& endpoint) {
    asio::io_context io(1);
    Acceptor probe(io);
    probe.open(endpoint.protocol());
    probe.set_option(asio::socket_base::reuse_address(true));
    if (endpoint.address().is_v6() && endpoint.address().is_unspecified())
      probe.set_option(asio::ip::v6_only(false));
    probe.bind(endpoint);
  }

  void WaitUntilEmpty(int drain_ms) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(drain_ms);
    while (context_->connections_open.load() > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  const std::shared_ptr<ServerContext> context_;
  const std::shared_ptr<TlsHolder> tls_;
  std::vector<std::shared_ptr<Loop>>
      loops_;  // shared with sessions, which answers may keep alive after the server
  uint16_t port_ = 0;
  bool running_ = false;
};

}  // namespace neurallog::http::NL_REACTOR_NAMESPACE

namespace neurallog::http {

Result<std::unique_ptr<Server>> NL_REACTOR_START(const ReactorStart& start) {
  const std::string address = start.context->options.listen;
  try {
    InitOpenSsl();
    auto server = std::make_unique<NL_REACTOR_NAMESPACE::ReactorServer>(start);
    server->Listen(start);
    server->StartThreads();
    return std::unique_ptr<Server>(std::move(server));
  } catch (const boost::system::system_error& error) {
    const int code = error.code().value();
    const bool no_io_uring = NL_REACTOR_BACKEND == IoBackend::kIoUring &&
                             (code == EPERM || code == ENOSYS || code == ENOMEM);
    return no_io_uring ? Unavailable("io_uring: " + error.code().message())
                       : IoError("listen on " + address + ": " + error.code().message());
  } catch (const std::exception& error) {
    return Internal("listen on " + address + ": " + error.what());
  }
}

}  // namespace neurallog::http
