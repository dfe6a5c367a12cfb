// Time comes in through a Clock so that tests can set it.
#pragma once

#include <atomic>
#include <cstdint>

namespace neurallog::base {

inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerDay = 86'400 * kNsPerSecond;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since 1970-01-01 UTC.
  virtual int64_t WallNs() const = 0;
  // Nanoseconds since some fixed moment; never goes back.
  virtual int64_t MonotonicNs() const = 0;

  // The clock of the operating system; lives as long as the process.
  static const Clock& System();
};

// Stands still until told to move. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(int64_t start_ns) : now_ns_(start_ns) {}
  int64_t WallNs() const override { return now_ns_.load(std::memory_order_relaxed); }
  int64_t MonotonicNs() const override { return now_ns_.load(std::memory_order_relaxed); }
  void Advance(int64_t ns) { now_ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> now_ns_;
};

}  // namespace neurallog::base
