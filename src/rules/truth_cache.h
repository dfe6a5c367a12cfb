// Answers of tests that follow from something that comes again, such as the form of a text: by its number and the test's.
//
//   if (const auto known = truths.Find(owner, test)) ...
//   else truths.Add(owner, test, passes);
//
// Each pair has one place, where a later one may push it out. Owners are not 0, tests below 2^31. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace neurallog::rules {

class TruthCache {
 public:
  explicit TruthCache(size_t tests)
      : slots_(std::clamp(std::bit_ceil(tests * 4), size_t{1} << 8, size_t{1} << 15)),
        shift_(64 - std::countr_zero(slots_.size())) {}

  std::optional<bool> Find(uint32_t owner, uint32_t test) const {
    const uint64_t key = KeyOf(owner, test), found = slots_[PlaceOf(key)];
    return (found & ~uint64_t{1}) == key ? std::optional((found & 1) != 0) : std::nullopt;
  }
  void Add(uint32_t owner, uint32_t test, bool passes) {
    const uint64_t key = KeyOf(owner, test);
    slots_[PlaceOf(key)] = key | static_cast<uint64_t>(passes);
  }
  void Clear() { std::fill(slots_.begin(), slots_.end(), 0); }

 private:
  static uint64_t KeyOf(uint32_t owner, uint32_t test) {
    return uint64_t{owner} << 32 | uint64_t{test} << 1;
  }
  size_t PlaceOf(uint64_t key) const { return (key ^ key >> 29) * 0x9e3779b97f4a7c15u >> shift_; }

  std::vector<uint64_t> slots_;
  int shift_;
};

}  // namespace neurallog::rules
