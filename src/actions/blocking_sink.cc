#include "actions/blocking_sink.h"

#include "base/clock.h"
#include "base/worker_pool.h"

namespace neurallog::actions {

// An attempt with its own copies of the texts.
struct BlockingSink::Task {
  Task(const Attempt& from, int64_t deadline, std::function<void(Outcome)> when_done)
      : id(from.delivery_id),
        key(from.dedup_key),
        notice(from.notice),
        attempt{id, key, from.number, from.wall_ns, notice},
        deadline_ns(deadline),
        done(std::move(when_done)) {}

  const std::string id, key, notice;
  const Attempt attempt;
  const int64_t deadline_ns;
  const std::function<void(Outcome)> done;
};

void BlockingSink::Deliver(const Attempt& attempt, std::function<void(Outcome)> done) {
  const int64_t deadline_ns = base::Clock::System().MonotonicNs() + timeout_ns_;
  auto task = std::make_shared<Task>(attempt, deadline_ns, std::move(done));
  {
    base::MutexLock lock(mutex_);
    if (workers_ == kAtOnce && waiting_.size() < kWaitingMax)
      return waiting_.push_back(std::move(task));
    if (workers_ < kAtOnce) {
      ++workers_;
      return host_->blocking->Resubmit([this, task] { Work(task); });
    }
  }
  task->done(RetryBecause("too many attempts wait for this receiver"));
}

// The sink may be gone as soon as no attempt is left, so nothing of it is touched after the last
// one of this thread is done.
void BlockingSink::Work(TaskPtr task) {
  while (task != nullptr) {
    const bool in_time = base::Clock::System().MonotonicNs() < task->deadline_ns;
    Outcome outcome = host_->stopping->load() ? RetryBecause("the server stops")
                      : in_time               ? Run(task->attempt, task->deadline_ns)
                                              : RetryBecause("no thread became free in time");
    TaskPtr next = Next();
    task->done(std::move(outcome));
    task = std::move(next);
  }
}

// Null: nothing waits, and this thread goes.
BlockingSink::TaskPtr BlockingSink::Next() {
  base::MutexLock lock(mutex_);
  if (waiting_.empty()) {
    --workers_;
    return nullptr;
  }
  TaskPtr task = std::move(waiting_.front());
  waiting_.pop_front();
  return task;
}

Status CheckBlocking(const SinkHost& host) {
  const bool lent = host.blocking != nullptr && host.stopping != nullptr && host.guard != nullptr;
  return lent ? Status::Ok() : Unavailable("this server has no threads for sinks");
}

Outcome RetryBecause(std::string error) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kRetry;
  outcome.error = std::move(error);
  return outcome;
}

}  // namespace neurallog::actions
