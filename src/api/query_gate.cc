#include "api/query_gate.h"

namespace neurallog::api {

bool QueryGate::Enter(int running_max, size_t waiting_max, std::function<void()> start) {
  {
    base::MutexLock lock(mutex_);
    if (running_ >= running_max) {
      if (waiting_.size() >= waiting_max) return false;
      waiting_.push_back(std::move(start));
      return true;
    }
    ++running_;
  }
  start();
  return true;
}

// The next one takes over the place of the one that leaves.
void QueryGate::Leave() {
  std::function<void()> next;
  {
    base::MutexLock lock(mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  next();
}

int QueryGate::running() const {
  base::MutexLock lock(mutex_);
  return running_;
}

size_t QueryGate::waiting() const {
  base::MutexLock lock(mutex_);
  return waiting_.size();
}

}  // namespace neurallog::api
