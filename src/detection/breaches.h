// In which of the last periods of time something was found, for alerts that need N of M of them.
//
//   breaches.Add(time_ns / period_ns);
//   if (breaches.Count(breaches.newest(), 5) >= 3) ...      // three of the last five
//
// Plain value; not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace neurallog::detection {

class Breaches {
 public:
  static constexpr int64_t kPeriodsKept = 64;

  // True if that was not known. A period that is kPeriodsKept before the newest one or more is forgotten.
  bool Add(int64_t period) {
    const int64_t ahead = bits_ == 0 ? kPeriodsKept : period - newest_;
    if (ahead > 0) {
      bits_ = ahead < kPeriodsKept ? bits_ << ahead : 0;
      newest_ = period;
    }
    const int64_t age = newest_ - period;
    if (age >= kPeriodsKept || (bits_ >> age & 1) != 0) return false;
    bits_ |= uint64_t{1} << age;
    return true;
  }
  // How many there are among the `count` periods up to `last`, which is not before the newest.
  uint32_t Count(int64_t last, uint32_t count) const {
    const int64_t ages = count - (last - newest_);
    if (ages <= 0) return 0;
    const uint64_t mask = ages < kPeriodsKept ? (uint64_t{1} << ages) - 1 : ~uint64_t{0};
    return static_cast<uint32_t>(std::popcount(bits_ & mask));
  }
  int64_t newest() const { return newest_; }
  void ForgetBefore(int64_t period) {
    const int64_t ages = newest_ - period + 1;
    if (ages < kPeriodsKept) bits_ &= ages <= 0 ? 0 : (uint64_t{1} << ages) - 1;
  }

  void Encode(std::string* to) const {
    base::AppendLe(to, newest_);
    base::AppendLe(to, bits_);
  }
  void Decode(base::ByteReader* from) {
    newest_ = from->ReadLe<int64_t>();
    bits_ = from->ReadLe<uint64_t>();
  }

 private:
  int64_t newest_ = 0;
  uint64_t bits_ = 0;  // bit i: period newest_ - i
};

}  // namespace neurallog::detection
