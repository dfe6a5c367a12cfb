// Latencies with three significant digits at any size: every power of two is cut into 1,024
// buckets, so that a bucket is at most 0.1 % wide and recording is one increment. Nanoseconds up to
// about 73 minutes; longer ones count as that. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace neurallog::bench {

class HdrHistogram {
 public:
  static constexpr int64_t kMaxNs = (int64_t{1} << 42) - 1;

  HdrHistogram() : buckets_(BucketOf(kMaxNs) + 1) {}

  void Record(int64_t ns) {
    ns = std::clamp<int64_t>(ns, 0, kMaxNs);
    ++buckets_[BucketOf(static_cast<uint64_t>(ns))];
    ++count_;
    max_ns_ = std::max(max_ns_, ns);
  }

  uint64_t count() const { return count_; }
  int64_t max_ns() const { return max_ns_; }

  // The largest value of the bucket that holds the quantile (0..1), at most max_ns(); 0 when
  // nothing was recorded.
  int64_t Quantile(double q) const {
    const auto rank =
        std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(max_ns_, UpperBound(i));
    }
    return max_ns_;
  }

 private:
  static constexpr int kBits = 10;

  // Values below 2,048 have a bucket each. Above, the leading eleven bits and the shift name the
  // bucket.
  static size_t BucketOf(uint64_t value) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kBits - 1);
    return (static_cast<size_t>(shift) << kBits) + static_cast<size_t>(value >> shift);
  }
  static int64_t UpperBound(size_t bucket) {
    const size_t shift = bucket < (size_t{2} << kBits) ? 0 : (bucket >> kBits) - 1;
    const size_t leading = bucket - (shift << kBits);
    return static_cast<int64_t>(((leading + 1) << shift) - 1);
  }

  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace neurallog::bench
