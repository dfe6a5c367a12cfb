// What one query may hold in memory, and all of them together.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/spare_memory.h"
#include "neurallog/status.h"

namespace neurallog::query {

// What all running queries hold. Thread-safe.
struct MemoryPool {
  std::atomic<size_t> bytes_max{SIZE_MAX};
  std::atomic<size_t> used{0};
  std::atomic<size_t> queries{0};
  base::SpareMemory* spare = nullptr;  // from which it is taken; null: none

  // Beyond the bound only queries that hold more than this end: the bound shared out evenly.
  size_t ShareBytes() const { return bytes_max / std::max<size_t>(queries, 1); }
};

// Of one query. Thread-safe.
class MemoryBudget {
 public:
  // `pool` may be null.
  explicit MemoryBudget(size_t bytes_max, MemoryPool* pool = nullptr)
      : bytes_max_(bytes_max), pool_(pool) {
    if (pool_ != nullptr) pool_->queries.fetch_add(1, std::memory_order_relaxed);
  }
  ~MemoryBudget() {
    ChangePool(0 - used_.load());
    if (pool_ != nullptr) pool_->queries.fetch_sub(1, std::memory_order_relaxed);
  }
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Replaces a charge of `*charged` bytes by one of `bytes`. ResourceExhausted when that is too
  // much; the charge is made all the same.
  Status Charge(size_t* charged, size_t bytes) {
    const size_t pooled = ChangePool(bytes - *charged);
    const size_t used = used_.fetch_add(bytes - *charged) + bytes - *charged;
    *charged = bytes;
    size_t peak = peak_;
    while (peak < used && !peak_.compare_exchange_weak(peak, used)) {
    }
    if (pool_ != nullptr && pooled > pool_->bytes_max.load(std::memory_order_relaxed) &&
        used > pool_->ShareBytes())
      return ResourceExhausted("all running queries together need more than the " +
                               std::to_string(pool_->bytes_max.load()) +
                               " bytes of memory that they have (memory_bytes_total_max)");
    if (used <= bytes_max_) return {};
    return ResourceExhausted("query needs more than " + std::to_string(bytes_max_) +
                             " bytes of memory (memory_bytes_max); narrow its time range, add a "
                             "limit or group by fewer values");
  }
  void Release(size_t* charged) {
    ChangePool(0 - *charged);
    used_ -= *charged;
    *charged = 0;
  }

  size_t bytes_max() const { return bytes_max_; }
  size_t used() const { return used_; }
  size_t peak() const { return peak_; }

 private:
  // Adds modulo 2^64; returns what the pool holds then.
  size_t ChangePool(size_t bytes) {
    if (pool_ == nullptr || bytes == 0) return 0;
    const bool is_less = bytes > SIZE_MAX / 2;
    if (pool_->spare != nullptr)
      is_less ? pool_->spare->GiveBack(0 - bytes) : pool_->spare->Take(bytes);
    return pool_->used.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  }

  const size_t bytes_max_;
  MemoryPool* const pool_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> peak_{0};
};

}  // namespace neurallog::query
