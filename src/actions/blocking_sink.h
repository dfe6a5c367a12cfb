// What sinks have in common that wait for their receiver: a few threads are lent to them.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "actions/sink.h"
#include "base/mutex.h"

namespace neurallog::actions {

class BlockingSink : public Sink {
 public:
  BlockingSink(SinkHost* host, int64_t timeout_ns) : host_(host), timeout_ns_(timeout_ns) {}

  // At most kAtOnce attempts of one sink have a thread; others wait for it, and end as kRetry when
  // their time is over or more than kWaitingMax wait.
  void Deliver(const Attempt& attempt, std::function<void(Outcome)> done) final;

 protected:
  static constexpr int kAtOnce = 2;
  static constexpr size_t kWaitingMax = 1'000;

  // Has ended at `deadline_ns` (monotonic), or soon after host().stopping.
  virtual Outcome Run(const Attempt& attempt, int64_t deadline_ns) = 0;
  SinkHost& host() const { return *host_; }

 private:
  struct Task;
  using TaskPtr = std::shared_ptr<Task>;  // shared, because std::function copies

  // Runs `task`, and then what waits.
  void Work(TaskPtr task);
  TaskPtr Next();

  SinkHost* const host_;
  const int64_t timeout_ns_;
  base::Mutex mutex_;
  std::deque<TaskPtr> waiting_ NL_GUARDED_BY(mutex_);
  int workers_ NL_GUARDED_BY(mutex_) = 0;
};

// Unavailable when the host lends no threads.
Status CheckBlocking(const SinkHost& host);
// The attempt is worth another, later.
Outcome RetryBecause(std::string error);

}  // namespace neurallog::actions
