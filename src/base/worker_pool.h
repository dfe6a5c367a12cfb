// A few threads that work off a bounded queue of tasks. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace neurallog::base {

class WorkerPool {
 public:
  // `tasks_max` tasks may wait; TrySubmit says no beyond.
  WorkerPool(const char* thread_name, int threads, size_t tasks_max);
  ~WorkerPool() { Stop(); }

  bool TrySubmit(std::function<void()> task);
  // Long work stands back: while both kinds wait, it gets one turn in four.
  enum class Lane : uint8_t { kShort, kLong };
  // Like TrySubmit for work that was admitted before and goes on: never refused, so its number must be bounded by the caller.
  void Resubmit(std::function<void()> task, Lane lane = Lane::kShort);
  // Runs what is queued, then ends the threads. What is submitted afterwards is dropped.
  void Stop();
  size_t queued() const;

 private:
  void Run();
  std::function<void()> TakeLocked() NL_REQUIRES(mutex_);
  size_t QueuedLocked() const NL_REQUIRES(mutex_) { return tasks_.size() + long_tasks_.size(); }

  const size_t tasks_max_;
  mutable Mutex mutex_;
  CondVar work_;
  std::deque<std::function<void()>> tasks_ NL_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> long_tasks_ NL_GUARDED_BY(mutex_);
  uint32_t turn_ NL_GUARDED_BY(mutex_) = 0;
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace neurallog::base
