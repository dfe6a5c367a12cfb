#include "http/client_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "http/resolver.h"
#include "http/tls_context.h"

namespace neurallog::http {
namespace {

// Where distributions keep the certificates of the authorities they trust. OpenSSL's own default
// path exists on Debian only and its absence is not reported.
constexpr const char* kCaFiles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                    "/etc/ssl/cert.pem"};

std::string FindCaFile() {
  if (const char* configured = std::getenv("SSL_CERT_FILE"); configured != nullptr)
    return configured;
  for (const char* file : kCaFiles)
    if (access(file, R_OK) == 0) return file;
  return {};
}

bool FillAddress(const std::string& text, uint16_t port, sockaddr_storage* address,
                 socklen_t* bytes) {
  std::memset(address, 0, sizeof(*address));
  auto* v4 = reinterpret_cast<sockaddr_in*>(address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(address);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *bytes = sizeof(*v4);
    return true;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  *bytes = sizeof(*v6);
  return true;
}

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
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  ~Tls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
};

ClientStream::ClientStream(int fd, int64_t deadline_ns, const std::atomic<bool>* cancelled)
    : fd_(fd), deadline_ns_(deadline_ns), cancelled_(cancelled) {}

ClientStream::~ClientStream() {
  if (tls_ != nullptr) SSL_shutdown(tls_->ssl);
  ::close(fd_);
}

Result<std::unique_ptr<ClientStream>> ClientStream::Connect(const std::string& host, uint16_t port,
                                                            int64_t deadline_ns,
                                                            const std::atomic<bool>* cancelled) {
  NL_TRY(const std::vector<std::string> addresses, ResolveHost(host));
  const std::string name = "connect to " + host + ":" + std::to_string(port);
  Status last = Unavailable(name + ": no address");
  for (const std::string& text : addresses) {
    sockaddr_storage address;
    socklen_t bytes = 0;
    if (!FillAddress(text, port, &address, &bytes)) continue;
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last = Unavailable(name + ": " + ErrnoText(errno));
      continue;
    }
    std::unique_ptr<ClientStream> stream(new ClientStream(fd, deadline_ns, cancelled));
    int error = ::connect(fd, reinterpret_cast<sockaddr*>(&address), bytes) == 0 ? 0 : errno;
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
  InitOpenSsl();
  ERR_clear_error();
  auto tls = std::make_unique<Tls>();
  tls->context = SSL_CTX_new(TLS_client_method());
  if (tls->context == nullptr) return Internal("tls: " + LastOpenSslError());
  SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, nullptr);
  const std::string trusted = ca_file.empty() ? FindCaFile() : ca_file;
  if (trusted.empty())
    return Unavailable("tls: no file of trusted certificates was found; set SSL_CERT_FILE");
  if (SSL_CTX_load_verify_locations(tls->context, trusted.c_str(), nullptr) != 1)
    return InvalidArgument("tls: read certificates " + trusted + ": " + LastOpenSslError());
  tls->ssl = SSL_new(tls->context);
  if (tls->ssl == nullptr) return Internal("tls: " + LastOpenSslError());
  X509_VERIFY_PARAM* check = SSL_get0_param(tls->ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(check, host.c_str(), host.size());
    SSL_set_tlsext_host_name(tls->ssl, host.c_str());
  }
  SSL_set_fd(tls->ssl, fd_);
  tls_ = std::move(tls);
  for (int done = SSL_connect(tls_->ssl); done != 1; done = SSL_connect(tls_->ssl)) {
    Status waited = WaitForTls(done, "handshake");
    if (!waited.ok()) {
      tls_.reset();
      return waited;
    }
  }
  return Status::Ok();
}

Status ClientStream::WaitForTls(int outcome, std::string_view what) {
  switch (SSL_get_error(tls_->ssl, outcome)) {
    case SSL_ERROR_WANT_READ: return Wait(POLLIN);
    case SSL_ERROR_WANT_WRITE: return Wait(POLLOUT);
    default: return Unavailable("tls " + std::string(what) + ": " + LastOpenSslError());
  }
}

Status ClientStream::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    if (tls_ != nullptr) {
      const int written = SSL_write(tls_->ssl, bytes.data(),
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
      const int got = SSL_read(tls_->ssl, to, static_cast<int>(std::min<size_t>(bytes, 1u << 20)));
      if (got > 0) return static_cast<size_t>(got);
      if (SSL_get_error(tls_->ssl, got) == SSL_ERROR_ZERO_RETURN) return size_t{0};
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
