// A few threads that work off a bounded queue of tasks. Thread-safe.
#pragma once

#include <array>
#include <atomic>
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
  // Work that has taken long already stands back: while all kinds wait, of 16 turns 12 are for the short,
  // three for the medium and one for the long.
  enum class Lane : uint8_t { kShort, kMedium, kLong };
  // Like TrySubmit for work that was admitted before and goes on: never refused, so its number must be bounded by the caller.
  void Resubmit(std::function<void()> task, Lane lane = Lane::kShort);
  // Runs what is queued, then ends the threads. What is submitted afterwards is dropped.
  void Stop();
  size_t queued() const;
  // Short work waits for a thread: long work may want to make room. May be a moment old.
  bool HasShortWaiting() const { return short_waiting_.load(std::memory_order_relaxed) > 0; }

 private:
  void Run();
  std::function<void()> TakeLocked() NL_REQUIRES(mutex_);
  static constexpr size_t kLanes = 3;
  std::deque<std::function<void()>>& LaneLocked(Lane lane) NL_REQUIRES(mutex_) {
    return tasks_[static_cast<size_t>(lane)];
  }
  void PushLocked(std::function<void()> task, Lane lane) NL_REQUIRES(mutex_);
  size_t QueuedLocked() const NL_REQUIRES(mutex_);

  const size_t tasks_max_;
  mutable Mutex mutex_;
  CondVar work_;
  std::array<std::deque<std::function<void()>>, kLanes> tasks_ NL_GUARDED_BY(mutex_);
  std::atomic<size_t> short_waiting_{0};
  uint32_t turn_ NL_GUARDED_BY(mutex_) = 0;
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace neurallog::base
