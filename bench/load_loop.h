// One thread, one epoll, N keep-alive connections with at most one request each: the client side of
// every operation of the load tool. It shares the machine with the server, so requests are prepared
// by the workload and sent with one sendmsg.
//
// Closed loop: a connection sends its next request when it has the answer. Open loop (logs_per_s >
// 0): requests have a time from the schedule, take the first free connection, and latency counts
// from the scheduled time, so that waiting for a slow server is part of it.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "answer_parser.h"
#include "neurallog/status.h"

namespace neurallog::bench {

// Where to send: http://HOST:PORT/path?query with a numeric HOST or localhost.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
  std::string authority;  // for the Host header
  std::string target;
};
Result<Endpoint> ParseUrl(std::string_view url);

struct Request {
  iovec parts[3];  // sent one after the other; valid until the answer
  int parts_count = 0;
  uint64_t body_bytes = 0;
  uint64_t logs = 0;
  uint64_t first_seq = 0;
};

// What is sent and what becomes of it. Called on the loop's thread.
class Workload {
 public:
  virtual ~Workload() = default;
  // The next request of a connection; false when there are no more.
  virtual bool Next(int connection, Request* request) = 0;
  virtual void OnAnswer(const Request& request, const AnswerParser& answer, int64_t latency_ns) = 0;
  // The connection ended without an answer: nobody knows whether the request was served.
  virtual void OnLost(const Request& request) = 0;
};

struct LoopOptions {
  int connections = 4;
  double logs_per_s = 0;  // 0: closed loop
  double seconds = 0;     // 0: until the workload ends
};

struct LoopResult {
  int64_t started_ns = 0;   // monotonic
  int64_t finished_ns = 0;  // at the last answer
  uint64_t reconnects = 0;
  double logs_behind = 0;  // scheduled in the time, but not sent
  std::string error;       // why the run ended early; empty: it did not
};

int64_t MonotonicNs();

// An error only when the first connections cannot be made; what goes wrong later is in the result.
Result<LoopResult> RunLoop(const Endpoint& endpoint, const LoopOptions& options,
                           Workload* workload);

}  // namespace neurallog::bench
