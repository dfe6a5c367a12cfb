// Numbers counted in buckets whose bounds grow by 1 %, so that a quantile of them is wrong by at most
// 0.5 % of its value. Sketches of parts merge to the sketch of the whole, in any order. Not thread-safe.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>

namespace neurallog::base {

class QuantileSketch {
 public:
  static constexpr double kErrorPercent = 0.5;

  void Add(double number) {
    ++count_;
    if (std::fabs(number) < kZeroMax) {
      ++buckets_[0];
    } else {
      const int bucket = BucketOf(std::fabs(number));
      ++buckets_[number < 0 ? -bucket : bucket];
    }
  }
  void Merge(const QuantileSketch& other) {
    count_ += other.count_;
    for (const auto& [bucket, count] : other.buckets_) buckets_[bucket] += count;
  }
  // By nearest rank; of no number 0.
  double Quantile(double share) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
    uint64_t rank = 0;
    for (const auto& [bucket, count] : buckets_) {
      rank += count;
      if (rank >= wanted) return ValueOf(bucket);
    }
    return 0;
  }
  uint64_t count() const { return count_; }
  size_t memory_bytes() const { return sizeof(*this) + buckets_.size() * 48; }

  // How many numbers fell into which bucket, to be stored; stored ones are added again. False for
  // a bucket that no number has.
  const std::map<int, uint64_t>& buckets() const { return buckets_; }
  bool AddBucket(int64_t bucket, uint64_t count) {
    if (bucket < -kBucketMax || bucket > kBucketMax || count > UINT64_MAX / 2 - count_)
      return false;
    buckets_[static_cast<int>(bucket)] += count;
    count_ += count;
    return true;
  }

 private:
  static constexpr double kZeroMax = 1e-300;
  static constexpr double kGrowth = (100 + kErrorPercent) / (100 - kErrorPercent);
  static constexpr int kBucketMax = 160'000;
  static constexpr int kShift = 80'000;  // log(1e-300) / log(kGrowth) lies above -kShift

  static int BucketOf(double number) {
    return static_cast<int>(std::ceil(std::log(number) / std::log(kGrowth))) + kShift;
  }
  static double ValueOf(int bucket) {
    if (bucket == 0) return 0;
    const double upper = std::pow(kGrowth, std::abs(bucket) - kShift);
    const double middle = 2 * upper / (kGrowth + 1);
    return bucket < 0 ? -middle : middle;
  }

  std::map<int, uint64_t> buckets_;  // negative numbers have negative buckets, 0 is zero
  uint64_t count_ = 0;
};

}  // namespace neurallog::base
