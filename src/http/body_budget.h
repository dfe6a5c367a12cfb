// The bound on request bodies in memory over all connections of a server.
//
// A connection reserves what it is about to allocate. What does not fit waits in the order of
// asking, and its connection reads nothing meanwhile. Two rules keep the waiting finite:
//   - a body that is larger than the whole bound is let in when nothing else is held;
//   - of the connections that already hold a part of their body, one at a time may go beyond the
//     bound until its body is done. Otherwise they could wait for each other for ever.
// So at most bytes_max plus one body is held. The common case, room for all, costs one atomic
// addition. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"

namespace neurallog::http {

class BodyBudget {
 public:
  class Waiter {
   public:
    virtual ~Waiter() = default;
    // `bytes` that were asked for are now held. Called from the thread that released, without
    // locks.
    virtual void OnGranted(size_t bytes) = 0;
  };

  explicit BodyBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // True: granted at once. False: OnGranted will be called, unless Cancel comes first. `held_bytes`
  // is what the waiter has already; a waiter asks again only after it got what it asked for.
  bool Reserve(const std::shared_ptr<Waiter>& waiter, size_t bytes, size_t held_bytes);
  // Gives back all that this waiter holds.
  void Release(const Waiter* waiter, size_t bytes);
  // Takes the waiter out of the queue.
  void Cancel(const Waiter* waiter);

  size_t held_bytes() const { return held_.load(std::memory_order_relaxed); }
  bool has_waiters() const { return waiting_.load() > 0; }

 private:
  struct Request {
    std::shared_ptr<Waiter> waiter;
    size_t bytes;
  };

  bool TryTake(size_t bytes);
  std::vector<Request> GrantLocked() NL_REQUIRES(mutex_);
  void GrantWaiting();

  const size_t bytes_max_;

  // seq_cst, so that a Release that sees no waiter and a Reserve that sees no room cannot both miss
  // each other.
  std::atomic<size_t> held_{0};
  std::atomic<size_t> waiting_{0};
  std::atomic<const Waiter*> overdrawn_{nullptr};

  base::Mutex mutex_;
  std::deque<Request> growing_ NL_GUARDED_BY(mutex_);  // hold a part already; served first
  std::deque<Request> entering_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::http
