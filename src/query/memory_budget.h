// What one query may hold in memory. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "neurallog/status.h"

namespace neurallog::query {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Replaces a charge of `*charged` bytes by one of `bytes`. ResourceExhausted when that is too
  // much; the charge is made all the same.
  Status Charge(size_t* charged, size_t bytes) {
    used_ = used_ - *charged + bytes;
    *charged = bytes;
    peak_ = std::max(peak_, used_);
    if (used_ <= bytes_max_) return {};
    return ResourceExhausted("query needs more than " + std::to_string(bytes_max_) +
                             " bytes of memory (memory_bytes_max); narrow its time range, add a "
                             "limit or group by fewer values");
  }
  void Release(size_t* charged) {
    used_ -= *charged;
    *charged = 0;
  }

  size_t used() const { return used_; }
  size_t peak() const { return peak_; }

 private:
  const size_t bytes_max_;
  size_t used_ = 0;
  size_t peak_ = 0;
};

}  // namespace neurallog::query
