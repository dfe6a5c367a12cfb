#include "load_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace neurallog::bench {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kStallNs = 60 * kSecondNs;  // without any answer: the server hangs
constexpr int kEventsMax = 256;
constexpr size_t kReceiveBytes = 256 * 1024;

struct Connection {
  int fd = -1;
  bool in_flight = false;
  bool wants_out = false;  // registered for EPOLLOUT
  int part = 0;  // the first part that is not sent whole; its iov_base and iov_len move on
  int64_t scheduled_ns = 0;
  Request request;
  iovec unsent[3];
  AnswerParser answer;
};

class Loop {
 public:
  Loop(const Endpoint& endpoint, const LoopOptions& options, Workload* workload)
      : endpoint_(endpoint), options_(options), workload_(workload), received_(kReceiveBytes) {}
  ~Loop() {
    for (Connection& connection : connections_) CloseFd(&connection.fd);
    CloseFd(&epoll_);
  }

  Status Open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return IoError(fmt::format("epoll: {}", std::strerror(errno)));
    connections_.resize(static_cast<size_t>(options_.connections));
    for (size_t i = 0; i < connections_.size(); ++i) {
      NL_RETURN_IF_ERROR(Connect(i));
      idle_.push_back(i);
    }
    return Status::Ok();
  }

  LoopResult Run() {
    result_.started_ns = result_.finished_ns = last_answer_ns_ = MonotonicNs();
    const int64_t end_ns = options_.seconds > 0
                               ? result_.started_ns + static_cast<int64_t>(options_.seconds * 1e9)
                               : INT64_MAX;
    while (result_.error.empty()) {
      const int64_t now_ns = MonotonicNs();
      if (!finished_ && now_ns >= end_ns) Finish(end_ns);
      SendWhatIsDue(now_ns);
      if (finished_ && in_flight_ == 0) break;
      if (in_flight_ > 0 && now_ns - last_answer_ns_ > kStallNs)
        result_.error = "no answer for 60 s";
      WaitAndHandle(std::min(NextWakeNs(now_ns), end_ns > now_ns ? end_ns : INT64_MAX) - now_ns);
    }
    for (Connection& connection : connections_)
      if (connection.in_flight) workload_->OnLost(connection.request);
    return result_;
  }

 private:
  static void CloseFd(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }

  Status Connect(size_t index) {
    Connection& connection = connections_[index];
    connection.fd = socket(endpoint_.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) return IoError(fmt::format("socket: {}", std::strerror(errno)));
    if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&endpoint_.address),
                endpoint_.address_bytes) != 0)
      return Unavailable(
          fmt::format("connect to {}: {}", endpoint_.authority, std::strerror(errno)));
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection.fd, F_SETFL, fcntl(connection.fd, F_GETFL) | O_NONBLOCK);
    connection.wants_out = false;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
    return Status::Ok();
  }

  void Reconnect(size_t index) {
    CloseFd(&connections_[index].fd);
    ++result_.reconnects;
    if (Status status = Connect(index); !status.ok()) result_.error = status.message();
  }

  // When the request after all that were sent is due.
  int64_t DueNs() const {
    if (options_.logs_per_s <= 0) return 0;
    return result_.started_ns +
           static_cast<int64_t>(static_cast<double>(logs_sent_) / options_.logs_per_s * 1e9);
  }

  void Finish(int64_t end_ns) {
    finished_ = true;
    if (options_.logs_per_s <= 0) return;
    const double scheduled =
        static_cast<double>(end_ns - result_.started_ns) * 1e-9 * options_.logs_per_s;
    result_.logs_behind = std::max(0.0, scheduled - static_cast<double>(logs_sent_));
  }

  int64_t NextWakeNs(int64_t now_ns) const {
    const bool waits_for_schedule = !finished_ && !idle_.empty() && options_.logs_per_s > 0;
    return waits_for_schedule ? std::min(DueNs(), now_ns + kSecondNs) : now_ns + kSecondNs;
  }

  void SendWhatIsDue(int64_t now_ns) {
    while (!finished_ && !idle_.empty() && result_.error.empty()) {
      const int64_t due_ns = DueNs();
      if (due_ns > now_ns) return;
      const size_t index = idle_.back();
      Connection& connection = connections_[index];
      if (!workload_->Next(static_cast<int>(index), &connection.request)) {
        finished_ = true;
        return;
      }
      idle_.pop_back();
      logs_sent_ += connection.request.logs;
      connection.scheduled_ns = options_.logs_per_s > 0 ? due_ns : MonotonicNs();
      if (in_flight_++ == 0) last_answer_ns_ = now_ns;
      connection.in_flight = true;
      connection.part = 0;
      std::copy_n(connection.request.parts, connection.request.parts_count, connection.unsent);
      connection.answer.Reset();
      Send(index);
    }
  }

  void Send(size_t index) {
    Connection& connection = connections_[index];
    while (connection.part < connection.request.parts_count) {
      msghdr message{};
      message.msg_iov = connection.unsent + connection.part;
      message.msg_iovlen = static_cast<size_t>(connection.request.parts_count - connection.part);
      const ssize_t sent = sendmsg(connection.fd, &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return Watch(index, /*wants_out=*/true);
      if (sent < 0)
        return Watch(
            index,
            /*wants_out=*/false);  // what the server said before it closed is still to be read
      Advance(&connection, static_cast<size_t>(sent));
    }
    Watch(index, /*wants_out=*/false);
  }

  static void Advance(Connection* connection, size_t sent) {
    while (sent > 0) {
      iovec& part = connection->unsent[connection->part];
      const size_t step = std::min(sent, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      sent -= step;
      if (part.iov_len == 0) ++connection->part;
    }
  }

  void Watch(size_t index, bool wants_out) {
    Connection& connection = connections_[index];
    if (connection.wants_out == wants_out) return;
    connection.wants_out = wants_out;
    epoll_event event{.events = wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  void WaitAndHandle(int64_t wait_ns) {
    wait_ns = std::max<int64_t>(wait_ns, 0);
    const timespec timeout{.tv_sec = wait_ns / kSecondNs, .tv_nsec = wait_ns % kSecondNs};
    epoll_event events[kEventsMax];
    const int count = epoll_pwait2(epoll_, events, kEventsMax, &timeout, nullptr);
    for (int i = 0; i < count && result_.error.empty(); ++i) {
      const auto index = static_cast<size_t>(events[i].data.u64);
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive(index);
      if ((events[i].events & EPOLLOUT) != 0 && connections_[index].wants_out) Send(index);
    }
  }

  void Receive(size_t index) {
    Connection& connection = connections_[index];
    while (true) {
      const ssize_t count = recv(connection.fd, received_.data(), received_.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return Closed(index);
      if (!connection.in_flight) return Closed(index);  // bytes that nobody asked for
      const auto bytes = static_cast<size_t>(count);
      switch (connection.answer.Feed({received_.data(), bytes})) {
        case AnswerParser::Result::kDone: return Answered(index);
        case AnswerParser::Result::kMalformed: return Closed(index);
        case AnswerParser::Result::kMore: break;
      }
      if (bytes < received_.size()) return;
    }
  }

  void Answered(size_t index) {
    Connection& connection = connections_[index];
    last_answer_ns_ = result_.finished_ns = MonotonicNs();
    --in_flight_;
    connection.in_flight = false;
    workload_->OnAnswer(connection.request, connection.answer,
                        last_answer_ns_ - connection.scheduled_ns);
    // An answer before the end of the request (413, 503) leaves the connection in the middle of a
    // body.
    const bool reusable =
        connection.answer.keep_alive() && connection.part == connection.request.parts_count;
    if (!reusable) Reconnect(index);
    idle_.push_back(index);
  }

  void Closed(size_t index) {
    Connection& connection = connections_[index];
    if (connection.in_flight && connection.answer.Close() == AnswerParser::Result::kDone)
      return Answered(index);
    if (connection.in_flight) {
      connection.in_flight = false;
      --in_flight_;
      workload_->OnLost(connection.request);
      idle_.push_back(index);
    }
    Reconnect(index);
  }

  const Endpoint& endpoint_;
  const LoopOptions& options_;
  Workload* workload_;
  std::vector<char> received_;
  std::vector<Connection> connections_;
  std::vector<size_t> idle_;
  int epoll_ = -1;
  size_t in_flight_ = 0;
  uint64_t logs_sent_ = 0;
  int64_t last_answer_ns_ = 0;
  bool finished_ = false;  // no more requests are sent
  LoopResult result_;
};

}  // namespace

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

Result<Endpoint> ParseUrl(std::string_view url) {
  const auto error = [&] {
    return InvalidArgument(
        fmt::format("url: expected http://HOST:PORT/path with a numeric host, got \"{}\"", url));
  };
  static constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return error();
  const std::string_view rest = url.substr(kScheme.size());
  Endpoint endpoint;
  endpoint.authority = rest.substr(0, rest.find_first_of("/?"));
  endpoint.target = rest.substr(endpoint.authority.size());
  if (!endpoint.target.starts_with('/')) endpoint.target.insert(0, "/");

  const std::string_view authority = endpoint.authority;
  const size_t colon = authority.rfind(':');
  uint16_t port = 80;
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  if (has_port) {
    const std::string_view text = authority.substr(colon + 1);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure != std::errc() || end != text.data() + text.size()) return error();
  }
  std::string host(has_port ? authority.substr(0, colon) : authority);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  auto* v4 = reinterpret_cast<sockaddr_in*>(&endpoint.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&endpoint.address);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    endpoint.address_bytes = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    endpoint.address_bytes = sizeof *v6;
  } else {
    return error();
  }
  return endpoint;
}

Result<LoopResult> RunLoop(const Endpoint& endpoint, const LoopOptions& options,
                           Workload* workload) {
  Loop loop(endpoint, options, workload);
  NL_RETURN_IF_ERROR(loop.Open());
  return loop.Run();
}

}  // namespace neurallog::bench
