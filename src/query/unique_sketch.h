// HyperLogLog: how many different hashes there are, with a standard error of 0.81 %, in 16 KiB. Sketches
// of parts merge to the sketch of the whole. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/hash.h"

namespace neurallog::query {

class UniqueSketch {
 public:
  static constexpr double kErrorPercent = 0.81;

  UniqueSketch() : ranks_(kRegisters) {}
  void Insert(const base::Hash128Value& hash) {
    const auto rank = static_cast<uint8_t>(std::countl_zero(hash.high | 1) + 1);
    uint8_t& largest = ranks_[hash.low % kRegisters];
    largest = std::max(largest, rank);
  }
  void Merge(const UniqueSketch& other) {
    for (size_t i = 0; i < kRegisters; ++i) ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
  }
  uint64_t Estimate() const {
    double sum = 0;
    for (const uint8_t rank : ranks_) sum += std::ldexp(1.0, -rank);
    const double registers = kRegisters;
    const double alpha = 0.7213 / (1 + 1.079 / registers);
    return static_cast<uint64_t>(std::llround(alpha * registers * registers / sum));
  }
  size_t memory_bytes() const { return sizeof(*this) + ranks_.capacity(); }

 private:
  static constexpr size_t kRegisters = 1 << 14;
  std::vector<uint8_t> ranks_;  // per register the most leading zeros seen, and one
};

}  // namespace neurallog::query
