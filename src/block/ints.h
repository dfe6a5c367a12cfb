// Columns of integers: what counts as one, and how they are packed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "neurallog/status.h"

namespace neurallog::block {

inline constexpr size_t kIntDigitsMax = 18;

// True when `text` is a decimal that printing its value gives back: at most 18 digits, no leading
// zeros, no "-0", no "+".
bool ParseCanonicalInt(std::string_view text, int64_t* value);

// Appends `values` and describes them by what the reader needs. The smaller of frame-of-reference
// and delta packing, after dividing by the greatest common divisor. Reuses its buffers. Not
// thread-safe.
class IntsEncoder {
 public:
  // Looks at the values and chooses; `values` must stay until Append.
  void Plan(std::span<const int64_t> values);
  // Bytes that Append will add, about.
  size_t planned_bytes() const { return use_delta_ ? delta_.bytes : frame_.bytes; }
  int64_t min() const { return min_; }
  int64_t max() const { return max_; }
  void Append(std::string* to);

 private:
  struct Frame {
    uint64_t low;
    int width;
  };
  struct Layout {
    std::vector<Frame> frames;
    size_t bytes = 0;
  };
  void PlanFrames();
  void PlanDeltas();
  void AppendFrames(std::string* to);
  void AppendDeltas(std::string* to);

  std::vector<uint64_t> scaled_;  // (value - min) / divisor
  std::vector<uint64_t> packed_;
  Layout frame_;
  Layout delta_;
  bool use_delta_ = false;
  int64_t min_ = 0;
  int64_t max_ = 0;
  uint64_t divisor_ = 1;
};

// Reads `out.size()` values. Corruption when the bytes do not hold them.
Status DecodeInts(base::ByteReader* reader, std::span<int64_t> out);

}  // namespace neurallog::block
