#include "http/client_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "http/tls_client.h"

namespace neurallog::http {
namespace {

std::string ErrnoText(int error) { return std::strerror(error); }

// 0 when the time is up or an event is there; the caller looks at the clock.
int PollOnce(int fd, short events, int64_t deadline_ns, int wait_ms_max) {
  pollfd polled{fd, events, 0};
  if (deadline_ns == 0) return poll(&polled, 1, wait_ms_max);
  const int64_t left_ns = deadline_ns - base::Clock::System().MonotonicNs();
  return poll(&polled, 1,
              static_cast<int>(std::clamp<int64_t>(left_ns / base::kNsPerMs + 1, 0, wait_ms_max)));
}

// Not more than a minute passes until a read from a peer that is gone fails.
void KeepAlive(int fd) {
  const int on = 1, idle_s = 30, interval_s = 10, probes = 3;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

}  // namespace

struct ClientStream::Tls {
  TlsContext context;
  SslPtr ssl;
};

ClientStream::ClientStream(int fd, int64_t deadline_ns, const std::atomic<bool>* cancelled)
    : fd_(fd), deadline_ns_(deadline_ns), cancelled_(cancelled) {}

ClientStream::~ClientStream() {
  if (tls_ != nullptr) SSL_shutdown(tls_->ssl.get());
  ::close(fd_);
}

Result<std::unique_ptr<ClientStream>> ClientStream::Connect(const std::string& host, uint16_t port,
                                                            int64_t deadline_ns,
                                                            const std::atomic<bool>* cancelled,
                                                            const AddressCheck& check_address) {
  NL_TRY(const Addresses addresses, ResolveHost(host));
  const std::string name = "connect to " + host + ":" + std::to_string(port);
  if (check_address)
    for (const std::string& text : addresses)
      NL_RETURN_IF_ERROR(check_address(text).Annotate(name));
  Status last = Unavailable(name + ": no address");
  for (const std::string& text : addresses) {
    const std::optional<SocketAddress> address = SocketAddress::Parse(text, port);
    if (!address) continue;
    const int fd =
        ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last = Unavailable(name + ": " + ErrnoText(errno));
      continue;
    }
    std::unique_ptr<ClientStream> stream(new ClientStream(fd, deadline_ns, cancelled));
    int error = ::connect(fd, address->get(), address->bytes) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      NL_RETURN_IF_ERROR(stream->Wait(POLLOUT).Annotate(name));
      socklen_t size = sizeof(error);
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      KeepAlive(fd);
      return stream;
    }
    last = Unavailable(name + ": " + ErrnoText(error));
  }
  return last;
}

Status ClientStream::Wait(short events) {
  constexpr int kLongWaitMs = 1'000'000, kCancelWaitMs = 200;
  for (;;) {
    if (cancelled_ != nullptr && *cancelled_) return Cancelled("interrupted");
    if (deadline_ns_ != 0 && base::Clock::System().MonotonicNs() >= deadline_ns_)
      return DeadlineExceeded("timed out");
    const int ready =
        PollOnce(fd_, events, deadline_ns_, cancelled_ == nullptr ? kLongWaitMs : kCancelWaitMs);
    if (ready > 0) return Status::Ok();
    if (ready < 0 && errno != EINTR) return IoError("poll: " + ErrnoText(errno));
  }
}

Status ClientStream::StartTls(const std::string& host, const std::string& ca_file) {
  auto tls = std::make_unique<Tls>();
  NL_TRY(tls->context, LoadClientTls(ca_file));
  NL_TRY(tls->ssl, NewClientSsl(tls->context.get(), host, fd_));
  tls_ = std::move(tls);
  for (int done = SSL_connect(tls_->ssl.get()); done != 1; done = SSL_connect(tls_->ssl.get())) {
    Status waited = WaitForTls(done, "handshake");
    if (!waited.ok()) {
      tls_.reset();
      return waited;
    }
  }
  return Status::Ok();
}

Status ClientStream::WaitForTls(int outcome, std::string_view what) {
  switch (SSL_get_error(tls_->ssl.get(), outcome)) {
    case SSL_ERROR_WANT_READ: return Wait(POLLIN);
    case SSL_ERROR_WANT_WRITE: return Wait(POLLOUT);
    default: return Unavailable("tls " + std::string(what) + ": " + LastOpenSslError());
  }
}

Status ClientStream::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    if (tls_ != nullptr) {
      const int written = SSL_write(tls_->ssl.get(), bytes.data(),
                                    static_cast<int>(std::min<size_t>(bytes.size(), 1u << 20)));
      if (written > 0) {
        bytes.remove_prefix(static_cast<size_t>(written));
      } else {
        NL_RETURN_IF_ERROR(WaitForTls(written, "write"));
      }
      continue;
    }
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      NL_RETURN_IF_ERROR(Wait(POLLOUT));
    } else if (errno != EINTR) {
      return Unavailable("send: " + ErrnoText(errno));
    }
  }
  return Status::Ok();
}

Result<size_t> ClientStream::Read(char* to, size_t bytes) {
  for (;;) {
    if (tls_ != nullptr) {
      const int got =
          SSL_read(tls_->ssl.get(), to, static_cast<int>(std::min<size_t>(bytes, 1u << 20)));
      if (got > 0) return static_cast<size_t>(got);
      if (SSL_get_error(tls_->ssl.get(), got) == SSL_ERROR_ZERO_RETURN) return size_t{0};
      NL_RETURN_IF_ERROR(WaitForTls(got, "read"));
      continue;
    }
    const ssize_t got = ::recv(fd_, to, bytes, 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EAGAIN) {
      NL_RETURN_IF_ERROR(Wait(POLLIN));
    } else if (errno != EINTR) {
      return Unavailable("receive: " + ErrnoText(errno));
    }
  }
}

}  // namespace neurallog::http
