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

void WorkerPool::Resubmit(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (stop_) return;
  tasks_.push_back(std::move(task));
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
  return tasks_.size();
}

void WorkerPool::Run() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !stop_) work_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace neurallog::base
