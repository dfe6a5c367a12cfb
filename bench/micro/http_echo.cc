// A server that answers every request at once: what the http room costs without anything behind it.
//
//   http_echo PORT [epoll|io_uring [threads [async]]]
//   wrk -t1 -c64 -d5 http://127.0.0.1:PORT/
//
// With `async`, a second thread gives the answers, as the journal does. CPU per request is (utime +
// stime) of the process by requests; both are printed when standard input ends.
#include <sys/resource.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "http/reactor.h"
#include "http/status_map.h"

namespace {

namespace http = neurallog::http;

http::Response Accepted() {
  http::Response response;
  response.content_type = "application/json";
  response.body = "{\"accepted\":1}\n";
  return response;
}

class EchoHandler final : public http::Handler {
 public:
  explicit EchoHandler(bool async) : async_(async) {
    if (async) std::thread([this] { Answer(); }).detach();
  }

  std::optional<http::Response> CheckHead(const http::Request&, size_t*) override {
    return std::nullopt;
  }
  void Handle(http::Request, http::ResponderPtr responder) override {
    if (!async_) return responder->Send(Accepted());
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) changed_.notify_one();
    waiting_.push_back(std::move(responder));
  }
  http::Response ErrorResponse(int status, std::string_view detail) override {
    return http::ProblemResponse(status, detail);
  }

 private:
  void Answer() {
    std::vector<http::ResponderPtr> batch;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !waiting_.empty(); });
        batch.swap(waiting_);
      }
      for (const http::ResponderPtr& responder : batch) responder->Send(Accepted());
      batch.clear();
    }
  }

  const bool async_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<http::ResponderPtr> waiting_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  http::ServerOptions options;
  options.listen = std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "8080");
  options.io_backend = argc > 2 && std::strcmp(argv[2], "io_uring") == 0 ? http::IoBackend::kIoUring
                                                                         : http::IoBackend::kEpoll;
  options.threads = argc > 3 ? std::atoi(argv[3]) : 1;
  EchoHandler handler(argc > 4 && std::strcmp(argv[4], "async") == 0);
  auto server = http::Server::Start(options, &handler);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  while (std::getchar() != EOF) {
  }
  const http::ServerStats stats = (*server)->stats();
  std::printf("%s: %llu requests, %.3f us CPU each\n",
              std::string(http::IoBackendName((*server)->backend())).c_str(),
              static_cast<unsigned long long>(stats.requests),
              CpuSeconds() * 1e6 / static_cast<double>(stats.requests));
  std::fflush(stdout);
  std::_Exit(0);
}
