// Watches the memory of the whole process, for what the single pools do not count: what the allocator keeps, buffers of the moment.
//
// Beyond the limit the allocator is told to give back what it keeps, and `short_of_memory` is true until the process has come back below
// 97 % of it: meanwhile no batches are admitted, and rows in memory are sealed.
// Check from one thread; the rest is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace neurallog::engine {

class MemoryGuard {
 public:
  // 0: no limit.
  explicit MemoryGuard(uint64_t limit) : limit_(limit) {}

  void Check();
  bool short_of_memory() const { return short_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }
  uint64_t resident_bytes() const { return resident_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<bool> short_{false};
  std::atomic<uint64_t> resident_{0};
};

}  // namespace neurallog::engine
