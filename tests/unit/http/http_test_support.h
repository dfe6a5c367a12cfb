// A server with a handler whose routes each do one thing, and a raw client that sends exactly the
// bytes that a test names.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http/reactor.h"
#include "http/status_map.h"

namespace neurallog::http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

template <typename Condition>
bool Eventually(Condition condition, int timeout_ms = 5000) {
  const auto deadline = steady_clock::now() + milliseconds(timeout_ms);
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

// Runs tasks one after the other on a thread of its own.
class Worker {
 public:
  Worker() : thread_([this] { Run(); }) {}
  ~Worker() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void Post(std::function<void()> task) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ended_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ended_ = false;
  std::thread thread_;
};

// Streams `pieces` pieces of `piece_bytes` and never lets more than kHighBytes wait.
struct Streamer : std::enable_shared_from_this<Streamer> {
  static constexpr size_t kHighBytes = 256 * 1024;
  ResponderPtr responder;
  size_t pieces = 0;
  size_t piece_bytes = 0;
  std::atomic<size_t> most_buffered{0};
  std::atomic<int> drained_calls{0};
  std::atomic<bool> ended{false};

  void Pump() {
    while (pieces > 0) {
      if (responder->closed()) return End();
      if (responder->buffered_bytes() >= kHighBytes) {
        return responder->OnDrained(kHighBytes / 2, [self = shared_from_this()] {
          ++self->drained_calls;
          self->Pump();
        });
      }
      --pieces;
      responder->Write(std::string(piece_bytes, 'x'));
      most_buffered = std::max(most_buffered.load(), responder->buffered_bytes());
    }
    responder->Finish();
    End();
  }
  void End() {
    responder.reset();
    ended = true;
  }
};

class TestHandler : public Handler {
 public:
  std::optional<Response> CheckHead(const Request& request, size_t* body_bytes_max) override {
    if (request.path() == "/limit10") *body_bytes_max = 10;
    if (request.path() == "/refuse") return ProblemResponse(Unauthenticated("no credential"));
    return std::nullopt;
  }

  void Handle(Request request, ResponderPtr responder) override {
    ++handled;
    const std::string path(request.path());
    if (path == "/echo" || path == "/limit10")
      return responder->Send(Text(std::string(request.body.view())));
    if (path == "/length") return responder->Send(Text(std::to_string(request.body.size())));
    if (path == "/target") return responder->Send(Text(std::string(request.target)));
    if (path == "/header") return responder->Send(Text(std::string(request.FindHeader("x-test"))));
    if (path == "/peer")
      return responder->Send(Text(request.peer + (request.peer_is_loopback ? " loopback" : "")));
    if (path == "/drop") return;
    if (path == "/throw") throw std::runtime_error("a bug in the handler");
    if (path == "/big") return responder->Send(Text(std::string(8 << 20, 'b')));
    if (path == "/nocontent") return responder->Send(Status204());
    if (path == "/async") return Async(std::move(responder), std::string(request.query()));
    if (path == "/stream") return Stream(request, std::move(responder));
    if (path == "/abort") return Abort(std::move(responder));
    if (path == "/hold") return Hold(std::move(request), std::move(responder));
    responder->Send(Text("hello"));
  }

  Response ErrorResponse(int status, std::string_view detail) override {
    return ProblemResponse(status, detail);
  }

  static Response Text(std::string body) {
    Response response;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }

  std::vector<ResponderPtr> TakeHeld() {
    std::lock_guard lock(mutex);
    return std::exchange(held, {});
  }
  size_t held_count() {
    std::lock_guard lock(mutex);
    return held.size();
  }
  std::shared_ptr<Streamer> streamer() {
    std::lock_guard lock(mutex);
    return last_streamer;
  }

  std::atomic<int> handled{0};

 private:
  static Response Status204() {
    Response response;
    response.status = 204;
    return response;
  }

  void Async(ResponderPtr responder, std::string text) {
    worker.Post([responder = std::move(responder), text = std::move(text)] {
      responder->Send(Text(text));
    });
  }

  void Stream(const Request& request, ResponderPtr responder) {
    const QueryParams params(request.query());
    auto streamer = std::make_shared<Streamer>();
    streamer->pieces = std::stoul(std::string(*params.Find("pieces")));
    streamer->piece_bytes = std::stoul(std::string(*params.Find("bytes")));
    streamer->responder = responder;
    {
      std::lock_guard lock(mutex);
      last_streamer = streamer;
    }
    worker.Post([streamer, responder] {
      responder->Start(Text(""));
      streamer->Pump();
    });
  }

  void Abort(ResponderPtr responder) {
    responder->Start(Text(""));
    responder->Write("the beginning");
    worker.Post([responder = std::move(responder)] {
      std::this_thread::sleep_for(milliseconds(50));
      responder->Abort();
    });
  }

  void Hold(Request request, ResponderPtr responder) {
    std::lock_guard lock(mutex);
    held_requests.push_back(std::move(request));
    held.push_back(std::move(responder));
  }

  std::mutex mutex;
  std::vector<ResponderPtr> held;
  std::vector<Request> held_requests;
  std::shared_ptr<Streamer> last_streamer;
  Worker worker;  // ends first: its tasks use the rest
};

struct RawResponse {
  int status = 0;  // 0: the connection ended or the time passed before an answer
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
  bool complete = false;
};

class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  ~RawClient() { Close(); }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void ShutdownSend() { ::shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  RawResponse Read(bool head_request = false, int timeout_ms = 10'000) {
    RawResponse response;
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!Fill(timeout_ms)) return response;
    ParseHead(buffer_.substr(0, end + 2), &response);
    buffer_.erase(0, end + 4);
    if (head_request || response.status < 200 || response.status == 204 || response.status == 304) {
      response.complete = true;
    } else if (response.headers.count("transfer-encoding") != 0) {
      ReadChunks(&response, timeout_ms);
    } else if (response.headers.count("content-length") != 0) {
      ReadBytes(std::stoul(response.headers["content-length"]), &response, timeout_ms);
    } else {
      while (Fill(timeout_ms)) {
      }
      response.body = std::exchange(buffer_, {});
      response.complete = true;
    }
    return response;
  }

  // True when the server ends the connection in time and sends nothing before.
  bool EndsWithin(int timeout_ms) { return buffer_.empty() && !Fill(timeout_ms) && !timed_out_; }
  // True when nothing arrives in this time and the connection stays open.
  bool SilentFor(int ms) { return buffer_.empty() && !Fill(ms) && timed_out_; }

 private:
  bool Fill(int timeout_ms) {
    pollfd polled{fd_, POLLIN, 0};
    timed_out_ = ::poll(&polled, 1, timeout_ms) == 0;
    if (timed_out_) return false;
    char block[65536];
    const ssize_t got = ::recv(fd_, block, sizeof(block), 0);
    if (got <= 0) return false;
    buffer_.append(block, static_cast<size_t>(got));
    return true;
  }

  static void ParseHead(const std::string& head, RawResponse* response) {
    response->status = std::stoi(head.substr(9, 3));
    for (size_t at = head.find("\r\n") + 2; at < head.size();) {
      const size_t line_end = head.find("\r\n", at), colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      response->headers[name] = head.substr(colon + 2, line_end - colon - 2);
      at = line_end + 2;
    }
  }

  void ReadBytes(size_t bytes, RawResponse* response, int timeout_ms) {
    while (buffer_.size() < bytes)
      if (!Fill(timeout_ms)) break;
    response->complete = buffer_.size() >= bytes;
    response->body += buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
  }

  void ReadChunks(RawResponse* response, int timeout_ms) {
    for (;;) {
      size_t end;
      while ((end = buffer_.find("\r\n")) == std::string::npos)
        if (!Fill(timeout_ms)) return;
      const size_t bytes = std::stoul(buffer_.substr(0, end), nullptr, 16);
      buffer_.erase(0, end + 2);
      RawResponse part;
      ReadBytes(bytes + 2, &part, timeout_ms);
      if (!part.complete) return;
      response->body.append(part.body, 0, bytes);
      if (bytes == 0) {
        response->complete = true;
        return;
      }
    }
  }

  int fd_;
  std::string buffer_;
  bool timed_out_ = false;
};

inline ServerOptions TestOptions(IoBackend backend) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.io_backend = backend;
  options.threads = 1;
  return options;
}

// A running server. The handler goes last, because answers may still be on their way when the
// server stops.
struct TestServer {
  explicit TestServer(const ServerOptions& options) {
    auto started = Server::Start(options, &handler);
    INFO(started.status().ToString());
    REQUIRE(started.ok());
    server = std::move(started).value();
  }
  RawClient Connect(int receive_buffer_bytes = 0) const {
    return RawClient(server->port(), receive_buffer_bytes);
  }
  std::string Url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(server->port()) + target;
  }

  TestHandler handler;
  std::unique_ptr<Server> server;
};

inline IoBackend AnyBackend() { return GENERATE(IoBackend::kEpoll, IoBackend::kIoUring); }

inline std::string Get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n";
}
inline std::string Post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace neurallog::http
