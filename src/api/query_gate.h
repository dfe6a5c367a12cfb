// Lets a bounded number of queries run at once, and a bounded number wait for their turn in order.
#pragma once

#include <deque>
#include <functional>

#include "base/mutex.h"

namespace neurallog::api {

// Thread-safe.
class QueryGate {
 public:
  // Calls `start` now or when a running query leaves; false when `running_max` run and `waiting_max` wait. Each started query must Leave.
  bool Enter(int running_max, size_t waiting_max, std::function<void()> start);
  void Leave();

  int running() const;
  size_t waiting() const;

 private:
  mutable base::Mutex mutex_;
  int running_ NL_GUARDED_BY(mutex_) = 0;
  std::deque<std::function<void()>> waiting_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::api
