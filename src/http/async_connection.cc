#include "http/async_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"

namespace neurallog::http {
namespace {

// How long one of several addresses may take to answer before the next is tried.
constexpr int64_t kConnectNs = 3 * base::kNsPerSecond;
constexpr size_t kReadBytes = 16 << 10;

int64_t Now() { return base::Clock::System().MonotonicNs(); }

Status SocketError(std::string_view what, int error) {
  return Unavailable(std::string(what).append(": ").append(std::strerror(error)));
}

}  // namespace

void AsyncConnection::Open(ExchangePtr exchange) {
  exchange_ = std::move(exchange);
  origin_ = exchange_->origin;
  lookup_ = std::make_unique<HostLookup>(peer().host, [this](int fd, bool read, bool write) {
    if (!read && !write) return owner_->loop().Unwatch(fd);
    const Status watched =
        owner_->loop().Watch(fd, (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u), this);
    static_cast<void>(watched);  // the next tick serves it as well
  });
  Advance();
}

void AsyncConnection::Use(ExchangePtr exchange) {
  exchange_ = std::move(exchange);
  used_before_ = true;
  Begin(State::kBusy, exchange_->is_head);
  // Nothing can have been answered yet; an event tells when it has.
  Status sent = Flush(exchange_->wire);
  if (!sent.ok()) Fail(std::move(sent));
}

void AsyncConnection::Begin(State state, bool bodiless) {
  state_ = state;
  sent_ = 0;
  input_left_ = false;
  parser_.Begin({.bodiless = bodiless,
                 .body_bytes_max = owner_->options().answer_bytes_max,
                 .cut_long_body = true,
                 .on_body = {}});
}

void AsyncConnection::Tick(int64_t now_ns) {
  if (state_ == State::kIdle) {
    if (now_ns - idle_since_ns_ > owner_->options().idle_ns) Fail(Cancelled("unused"));
  } else if (state_ != State::kClosed && now_ns > exchange_->deadline_ns) {
    Fail(DeadlineExceeded(state_ == State::kBusy ? "no answer in time" : "no connection in time"));
  } else if (state_ == State::kResolving ||
             (state_ == State::kConnecting && now_ns > connect_deadline_ns_)) {
    Advance();
  }
}

void AsyncConnection::Fail(Status status) {
  if (state_ == State::kClosed) return;
  const bool stale = used_before_ && state_ == State::kBusy && parser_.untouched() &&
                     status.code() == Code::kUnavailable;
  Close();
  owner_->OnFailure(this, std::move(exchange_), std::move(status), stale);
}

void AsyncConnection::OnEvents(uint32_t events) {
  peer_ended_ = peer_ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  Advance();
}

void AsyncConnection::Advance() {
  for (;;) {
    Result<Progress> progress = Step();
    if (!progress.ok()) return Fail(progress.status());
    if (*progress == Progress::kWait) return;
  }
}

Result<AsyncConnection::Progress> AsyncConnection::Step() {
  switch (state_) {
    case State::kResolving: return Resolve();
    case State::kConnecting: return FinishConnect();
    case State::kTunnel: return Tunnel();
    case State::kHandshake: return Handshake();
    case State::kBusy: return Talk();
    case State::kIdle: return StayIdle();
    case State::kClosed: return Progress::kWait;
  }
  return Progress::kWait;
}

Result<AsyncConnection::Progress> AsyncConnection::Resolve() {
  auto answer = lookup_->Step(0);
  if (!answer) return Progress::kWait;
  lookup_.reset();
  NL_TRY(addresses_, std::move(*answer));
  NL_RETURN_IF_ERROR(CheckAddresses());
  return ConnectNext();
}

Status AsyncConnection::CheckAddresses() const {
  const AddressCheck& check = owner_->options().check_address;
  if (!check) return Status::Ok();
  if (owner_->proxy() != nullptr) {
    const std::string& host = exchange_->url.host;
    return SocketAddress::Parse(host, 0) ? check(host) : Status::Ok();
  }
  for (const std::string& address : addresses_) NL_RETURN_IF_ERROR(check(address));
  return Status::Ok();
}

Result<AsyncConnection::Progress> AsyncConnection::ConnectNext() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  peer_ended_ = false;
  const auto address = SocketAddress::Parse(addresses_[address_at_++], peer().port);
  if (!address) return Internal("the resolver gave no address");
  fd_ = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return SocketError("open a socket", errno);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  connect_deadline_ns_ =
      address_at_ < addresses_.size() ? Now() + kConnectNs : exchange_->deadline_ns;
  state_ = State::kConnecting;
  if (::connect(fd_, address->get(), address->bytes) != 0 && errno != EINPROGRESS)
    return OnConnected(errno);
  NL_RETURN_IF_ERROR(owner_->loop().Watch(fd_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this));
  return Progress::kWait;
}

Result<AsyncConnection::Progress> AsyncConnection::FinishConnect() {
  if (Now() > connect_deadline_ns_) return OnConnected(ETIMEDOUT);
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return OnConnected(error);
  sockaddr_storage peer_address;
  size = sizeof(peer_address);
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer_address), &size) != 0)
    return Progress::kWait;
  return OnConnected(0);
}

Result<AsyncConnection::Progress> AsyncConnection::OnConnected(int error) {
  if (error != 0) {
    if (address_at_ < addresses_.size()) return ConnectNext();
    return SocketError("connect", error);
  }
  if (!exchange_->url.tls) {
    Begin(State::kBusy, exchange_->is_head);
    return Progress::kNext;
  }
  if (owner_->proxy() == nullptr) return StartHandshake();
  const std::string authority = exchange_->origin.substr(std::strlen("https://"));
  tunnel_wire_ = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!owner_->proxy()->authorization.empty())
    tunnel_wire_.append("Proxy-Authorization: ")
        .append(owner_->proxy()->authorization)
        .append("\r\n");
  tunnel_wire_ += "\r\n";
  Begin(State::kTunnel, /*bodiless=*/true);
  return Progress::kNext;
}

Result<AsyncConnection::Progress> AsyncConnection::Tunnel() {
  NL_RETURN_IF_ERROR(Flush(tunnel_wire_));
  NL_TRY(const bool complete, Receive());
  if (!complete) return Progress::kWait;
  const int status = parser_.response().status;
  if (status / 100 != 2) return Unavailable("the proxy answered " + std::to_string(status));
  return StartHandshake();
}

Result<AsyncConnection::Progress> AsyncConnection::StartHandshake() {
  ssl_ctx_st* context = exchange_->tls.get();
  if (context == nullptr) {
    NL_TRY(context, owner_->tls());
  }
  NL_TRY(ssl_, NewClientSsl(context, exchange_->url.host, fd_));
  state_ = State::kHandshake;
  return Progress::kNext;
}

Result<AsyncConnection::Progress> AsyncConnection::Handshake() {
  ERR_clear_error();
  const int outcome = SSL_connect(ssl_.get());
  if (outcome != 1) {
    NL_TRY(const auto done, OutcomeOfTls(outcome, "handshake"));
    if (done) return Unavailable("tls handshake: the connection ended");
    return Progress::kWait;
  }
  Begin(State::kBusy, exchange_->is_head);
  return Progress::kNext;
}

// A receiver that refuses early may answer and close while the request is on its way; its answer is
// worth more than the broken pipe.
Result<AsyncConnection::Progress> AsyncConnection::Talk() {
  const Status sent = Flush(exchange_->wire);
  Result<bool> complete = Receive();
  if (!complete.ok()) return sent.ok() ? complete.status() : sent;
  if (*complete) {
    FinishExchange();
  } else if (!sent.ok()) {
    return sent;
  }
  return Progress::kWait;
}

Result<AsyncConnection::Progress> AsyncConnection::StayIdle() {
  char unexpected;
  NL_TRY(const auto bytes, ReadSome(&unexpected, 1));
  if (bytes) return Unavailable("the receiver ended the connection");
  return Progress::kWait;
}

Status AsyncConnection::Flush(std::string_view wire) {
  while (sent_ < wire.size()) {
    NL_TRY(const auto written, WriteSome(wire.substr(sent_)));
    if (!written) return Status::Ok();
    sent_ += *written;
  }
  return Status::Ok();
}

Result<bool> AsyncConnection::Receive() {
  char block[kReadBytes];
  for (;;) {
    NL_TRY(const auto bytes, ReadSome(block, sizeof(block)));
    if (!bytes) return false;
    if (*bytes == 0) {
      NL_RETURN_IF_ERROR(parser_.FeedEnd());
      return true;
    }
    std::string_view input(block, *bytes);
    NL_TRY(const bool complete, parser_.Feed(&input));
    if (complete) {
      input_left_ = !input.empty();
      return true;
    }
    // Less than there was room for is all there was; an event tells of more, except of the end,
    // which may have been told already.
    if (ssl_ == nullptr && *bytes < sizeof(block) && !peer_ended_) return false;
  }
}

Result<std::optional<size_t>> AsyncConnection::ReadSome(char* to, size_t bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), to, static_cast<int>(bytes));
    return got > 0 ? std::optional<size_t>(got) : OutcomeOfTls(got, "read");
  }
  const ssize_t got = ::recv(fd_, to, bytes, 0);
  if (got >= 0) return std::optional<size_t>(got);
  if (errno == EAGAIN || errno == EINTR) return std::optional<size_t>();
  return SocketError("receive", errno);
}

Result<std::optional<size_t>> AsyncConnection::WriteSome(std::string_view bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int put = SSL_write(ssl_.get(), bytes.data(),
                              static_cast<int>(std::min<size_t>(bytes.size(), 1u << 20)));
    return put > 0 ? std::optional<size_t>(put) : OutcomeOfTls(put, "write");
  }
  const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put >= 0) return std::optional<size_t>(put);
  if (errno == EAGAIN || errno == EINTR) return std::optional<size_t>();
  return SocketError("send", errno);
}

Result<std::optional<size_t>> AsyncConnection::OutcomeOfTls(int outcome, std::string_view what) {
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return std::optional<size_t>();
    case SSL_ERROR_ZERO_RETURN: return std::optional<size_t>(0);
    default: return Unavailable(std::string("tls ").append(what).append(": ") + LastOpenSslError());
  }
}

void AsyncConnection::FinishExchange() {
  const bool keep = parser_.keep_alive() && !input_left_ && sent_ == exchange_->wire.size();
  state_ = State::kIdle;
  idle_since_ns_ = Now();
  if (!keep) Close();
  // The owner decides later what comes next over this connection.
  owner_->OnAnswer(this, std::move(exchange_));
}

void AsyncConnection::Close() {
  state_ = State::kClosed;
  lookup_.reset();
  if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace neurallog::http
