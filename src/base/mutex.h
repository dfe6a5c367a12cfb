// A mutex that clang's -Wthread-safety understands (it does not see through std::mutex of libstdc++).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define NL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define NL_THREAD_ATTRIBUTE(x)
#endif
#define NL_GUARDED_BY(mutex) NL_THREAD_ATTRIBUTE(guarded_by(mutex))
#define NL_REQUIRES(mutex) NL_THREAD_ATTRIBUTE(requires_capability(mutex))

namespace neurallog::base {

class NL_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() NL_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() NL_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class NL_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) NL_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() NL_THREAD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits with a held Mutex; the usual spurious wake-ups apply, so always wait in a loop over the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) NL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // Returns false when the time passed without a notification.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) NL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = condition_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace neurallog::base
