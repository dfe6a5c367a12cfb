#include "base/worker_pool.h"

#include "base/thread.h"

namespace neurallog::base {

WorkerPool::WorkerPool(const char* thread_name, int threads, size_t tasks_max)
    : tasks_max_(tasks_max) {
  for (int i = 0; i < threads; ++i) threads_.push_back(StartThread(thread_name, [this] { Run(); }));
}

bool WorkerPool::TrySubmit(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (stop_ || LaneLocked(Lane::kShort).size() >= tasks_max_) return false;
  PushLocked(std::move(task), Lane::kShort);
  return true;
}

void WorkerPool::Resubmit(std::function<void()> task, Lane lane) {
  MutexLock lock(mutex_);
  if (!stop_) PushLocked(std::move(task), lane);
}

void WorkerPool::PushLocked(std::function<void()> task, Lane lane) {
  LaneLocked(lane).push_back(std::move(task));
  if (lane == Lane::kShort) short_waiting_.fetch_add(1, std::memory_order_relaxed);
  work_.NotifyOne();
}

void WorkerPool::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  work_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t WorkerPool::queued() const {
  MutexLock lock(mutex_);
  return QueuedLocked();
}

size_t WorkerPool::QueuedLocked() const {
  size_t queued = 0;
  for (const auto& lane : tasks_) queued += lane.size();
  return queued;
}

std::function<void()> WorkerPool::TakeLocked() {
  ++turn_;
  Lane lane = turn_ % 16 == 0 ? Lane::kLong : turn_ % 4 == 0 ? Lane::kMedium : Lane::kShort;
  for (const Lane other : {Lane::kShort, Lane::kMedium, Lane::kLong})
    if (LaneLocked(lane).empty()) lane = other;
  auto& from = LaneLocked(lane);
  std::function<void()> task = std::move(from.front());
  from.pop_front();
  if (lane == Lane::kShort) short_waiting_.fetch_sub(1, std::memory_order_relaxed);
  return task;
}

void WorkerPool::Run() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (QueuedLocked() == 0 && !stop_) work_.Wait(mutex_);
      if (QueuedLocked() == 0) return;
      task = TakeLocked();
    }
    task();
  }
}

}  // namespace neurallog::base
