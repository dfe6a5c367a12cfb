// A counter that sits alone on its cache line, so that writers of neighbouring counters do not slow it down.
#pragma once

#include <atomic>
#include <cstdint>

namespace neurallog::ring {

inline constexpr int64_t kInitialSequence = -1;

// The position of a producer or consumer: the last sequence that it has dealt with. Thread-safe.
class alignas(64) Sequence {
 public:
  explicit Sequence(int64_t initial = kInitialSequence) : value_(initial) {}
  int64_t Get() const { return value_.load(std::memory_order_acquire); }
  void Set(int64_t value) { value_.store(value, std::memory_order_release); }
  bool CompareAndSet(int64_t expected, int64_t desired) {
    return value_.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> value_;
};
static_assert(sizeof(Sequence) == 64 && alignof(Sequence) == 64);

}  // namespace neurallog::ring
