// What one io thread owns besides its reactor: the connections, the mailbox through which other
// threads answer, the clock that was read last, and counters. The reactor (Asio over epoll or
// io_uring) derives from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "http/body_budget.h"
#include "http/message.h"
#include "http/reactor.h"

namespace neurallog::http {

class Session;

// What all io threads of one server share.
struct ServerContext {
  ServerContext(const ServerOptions& server_options, Handler* server_handler)
      : options(server_options),
        handler(server_handler),
        budget(server_options.body_bytes_total_max) {}

  const ServerOptions options;
  Handler* const handler;
  BodyBudget budget;
  std::atomic<int> connections_open{0};
  std::atomic<bool> stopping{false};
};

// One call on a Responder, on its way to the connection's thread.
namespace command {
struct Send {
  Response response;
};
struct Start {
  Response head;
};
struct Upgrade {
  Response head;
  std::function<void(std::string_view)> on_input;
};
struct Write {
  std::string chunk;
};
struct Finish {
  std::vector<std::pair<std::string, std::string>> trailers;
};
struct Abort {};
struct OnDrained {
  size_t low_bytes;
  std::function<void()> resume;
};
struct Granted {
  size_t bytes;
};
}  // namespace command
using CommandBody = std::variant<command::Finish, command::Abort, command::Granted, command::Write,
                                 command::OnDrained, command::Start, command::Upgrade, command::Send>;

struct Command {
  std::shared_ptr<Session> session;
  uint64_t exchange;
  CommandBody body;
};

// Counted by the io thread only, read by anyone.
struct IoCounters {
  std::atomic<uint64_t> accepted{0}, refused{0}, requests{0}, bytes_received{0}, bytes_sent{0},
      timeouts{0}, malformed{0};
  static void Add(std::atomic<uint64_t>* counter, uint64_t n) {
    counter->store(counter->load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

class IoLoop : public std::enable_shared_from_this<IoLoop> {
 public:
  static constexpr int kTickMs = 250;

  explicit IoLoop(std::shared_ptr<ServerContext> context);
  virtual ~IoLoop() = default;

  // The loop of the calling thread, or null.
  static IoLoop* Current();

  // Takes a command over; false, and the command is left alone, when the loop has ended. Any
  // thread. The loop is woken only when the mailbox was empty.
  bool Post(Command* command);

  ServerContext& context() { return *context_; }
  IoCounters& counters() { return counters_; }

  // The rest belongs to the io thread.

  // Reads the clock.
  int64_t Now();
  // The time of the last reading; at most one tick old.
  int64_t coarse_now() const { return now_ns_; }
  // The Date header's value, at most one tick old.
  const std::string& date() const { return date_; }

  void Add(std::shared_ptr<Session> session);
  void Remove(Session* session);
  size_t session_count() const { return sessions_.size(); }

 protected:
  // Makes the reactor call DrainMailbox() on its thread soon. Any thread.
  virtual void Wake() = 0;

  void EnterThread();
  void DrainMailbox();
  // Every kTickMs: deadlines of all connections.
  void Tick();
  // Closes connections between requests; the others close after their answer.
  void BeginDrain();
  // Closes every connection and drops what still comes in.
  void CloseAll();

 private:
  const std::shared_ptr<ServerContext> context_;
  IoCounters counters_;

  // Owned by the io thread.
  std::vector<std::shared_ptr<Session>> sessions_;
  std::vector<Command> draining_;
  int64_t now_ns_ = 0;
  int64_t date_second_ = -1;
  std::string date_;

  base::Mutex mutex_;
  std::vector<Command> mailbox_ NL_GUARDED_BY(mutex_);
  bool mailbox_closed_ NL_GUARDED_BY(mutex_) = false;
};

}  // namespace neurallog::http
