#include "base/worker_pool.h"

#include "base/thread.h"

namespace neurallog::base {

WorkerPool::WorkerPool(const char* thread_name, int threads, size_t tasks_max)
    : tasks_max_(tasks_max) {
  for (int i = 0; i < threads; ++i) threads_.push_back(StartThread(thread_name, [this] { Run(); }));
}

bool WorkerPool::TrySubmit(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (stop_ || tasks_.size() >= tasks_max_) return false;
  tasks_.push_back(std::move(task));
  work_.NotifyOne();
  return true;
}

void WorkerPool::Resubmit(std::function<void()> task, Lane lane) {
  MutexLock lock(mutex_);
  if (stop_) return;
  (lane == Lane::kLong ? long_tasks_ : tasks_).push_back(std::move(task));
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

std::function<void()> WorkerPool::TakeLocked() {
  constexpr uint32_t kTurns = 4;
  const bool is_turn_of_long = tasks_.empty() || ++turn_ % kTurns == 0;
  auto& from = is_turn_of_long && !long_tasks_.empty() ? long_tasks_ : tasks_;
  std::function<void()> task = std::move(from.front());
  from.pop_front();
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
