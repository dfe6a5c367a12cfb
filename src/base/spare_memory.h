// Memory that pools may take, and that a cache holds while they do not.
//
//   SpareMemory spare(bytes_of_all_pools);
//   spare.set_on_taken([&] { cache.Shrink(); });
//   spare.Take(n);                             // a pool grows, and later gives back
//   const size_t bound = own + spare.bytes();  // of the cache
//
// Thread-safe. The cache is told of every 4 MiB that are taken, on the thread that takes them, so that it
// and the pools together pass their bounds by 4 MiB at most.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>

namespace neurallog::base {

class SpareMemory {
 public:
  explicit SpareMemory(size_t bytes_max) : bytes_max_(bytes_max) {}
  SpareMemory(const SpareMemory&) = delete;

  // Before pools take anything.
  void set_on_taken(std::function<void()> on_taken) { on_taken_ = std::move(on_taken); }

  void Take(size_t bytes) {
    const size_t before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (before / kStep != (before + bytes) / kStep && on_taken_) on_taken_();
  }
  void GiveBack(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t bytes() const {
    return bytes_max_ - std::min(taken_.load(std::memory_order_relaxed), bytes_max_);
  }

 private:
  static constexpr size_t kStep = size_t{4} << 20;

  const size_t bytes_max_;
  std::atomic<size_t> taken_{0};
  std::function<void()> on_taken_;
};

}  // namespace neurallog::base
