// ints  := mode:u8 min:i64 divisor:varint [start:u64 when delta] frame*
// frame := low:varint width:u8 packed
//
// A value is min + divisor * scaled. Frames hold scaled values less their minimum, or the
// differences between neighbours less the least of them. The start of deltas is chosen so that the
// first difference equals the second and never widens its frame.
#include "block/ints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <tuple>
#include <utility>

#include "block/bitpack.h"
#include "block/block_format.h"

namespace neurallog::block {
namespace {

// Divides exact multiples with one multiplication; tells whether a value is one.
class ExactDivider {
 public:
  explicit ExactDivider(uint64_t divisor)
      : shift_(std::countr_zero(divisor)), odd_(divisor >> shift_) {
    inverse_ = odd_;  // correct to 3 bits; each round doubles them
    for (int i = 0; i < 5; ++i) inverse_ *= 2 - odd_ * inverse_;
    limit_ = UINT64_MAX / odd_;
    mask_ = (uint64_t{1} << shift_) - 1;
  }
  bool Divide(uint64_t value, uint64_t* quotient) const {
    *quotient = (value >> shift_) * inverse_;
    return (value & mask_) == 0 && *quotient <= limit_;
  }

 private:
  int shift_;
  uint64_t odd_;
  uint64_t inverse_;
  uint64_t limit_;
  uint64_t mask_;
};

uint64_t Distance(int64_t from, int64_t to) {
  return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

// The greatest common divisor of all distances from `min`; 1 when they are all zero.
uint64_t CommonDivisor(std::span<const int64_t> values, int64_t min) {
  uint64_t divisor = 0;
  size_t i = 0;
  for (; i < values.size() && divisor == 0; ++i) divisor = Distance(min, values[i]);
  if (divisor == 0) return 1;
  ExactDivider divider(divisor);
  for (; i < values.size() && divisor > 1; ++i) {
    uint64_t quotient;
    const uint64_t distance = Distance(min, values[i]);
    if (divider.Divide(distance, &quotient)) continue;
    divisor = std::gcd(divisor, distance);
    divider = ExactDivider(divisor);
  }
  return divisor;
}

template <typename T>
std::pair<T, T> Range(std::span<const T> values) {
  T least = values.front();
  T greatest = least;
  for (const T value : values) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  return {least, greatest};
}

size_t FrameBytes(uint64_t low_varint, size_t count, int width) {
  return static_cast<size_t>(BitWidth(low_varint | 1) + 6) / 7 + 1 + PackedBytes(count, width);
}

}  // namespace

bool ParseCanonicalInt(std::string_view text, int64_t* value) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > kIntDigitsMax) return false;
  if (digits[0] == '0' && (digits.size() > 1 || negative)) return false;
  int64_t sum = 0;
  for (const char digit : digits) {
    const auto each = static_cast<unsigned>(static_cast<unsigned char>(digit)) - '0';
    if (each > 9) return false;
    sum = sum * 10 + static_cast<int64_t>(each);
  }
  *value = negative ? -sum : sum;
  return true;
}

void IntsEncoder::Plan(std::span<const int64_t> values) {
  std::tie(min_, max_) = values.empty() ? std::pair<int64_t, int64_t>() : Range(values);
  divisor_ = CommonDivisor(values, min_);
  const ExactDivider divider(divisor_);
  scaled_.resize(values.size());
  if (divisor_ == 1) {
    for (size_t i = 0; i < values.size(); ++i) scaled_[i] = Distance(min_, values[i]);
  } else {
    for (size_t i = 0; i < values.size(); ++i)
      divider.Divide(Distance(min_, values[i]), &scaled_[i]);
  }
  PlanFrames();
  PlanDeltas();
  use_delta_ = values.size() > 2 && delta_.bytes + sizeof(uint64_t) < frame_.bytes;
}

void IntsEncoder::PlanFrames() {
  frame_ = {};
  for (size_t start = 0; start < scaled_.size(); start += kFrameValues) {
    const size_t count = std::min(kFrameValues, scaled_.size() - start);
    const auto [low, high] = Range(std::span<const uint64_t>(scaled_).subspan(start, count));
    frame_.frames.push_back({low, BitWidth(high - low)});
    frame_.bytes += FrameBytes(low, count, frame_.frames.back().width);
  }
}

void IntsEncoder::PlanDeltas() {
  delta_ = {};
  for (size_t start = 0; start < scaled_.size(); start += kFrameValues) {
    const size_t count = std::min(kFrameValues, scaled_.size() - start);
    auto low = INT64_MAX;
    auto high = INT64_MIN;
    for (size_t i = std::max<size_t>(start, 1); i < start + count; ++i) {
      const auto delta = static_cast<int64_t>(scaled_[i] - scaled_[i - 1]);
      low = std::min(low, delta);
      high = std::max(high, delta);
    }
    if (low > high) low = high = 0;
    delta_.frames.push_back({static_cast<uint64_t>(low),
                             BitWidth(static_cast<uint64_t>(high) - static_cast<uint64_t>(low))});
    delta_.bytes += FrameBytes(base::ZigZag(low), count, delta_.frames.back().width);
  }
}

void IntsEncoder::Append(std::string* to) {
  to->push_back(static_cast<char>(use_delta_ ? IntsMode::kDelta : IntsMode::kFrame));
  base::AppendLe(to, min_);
  base::AppendVarint(to, divisor_);
  if (use_delta_) {
    AppendDeltas(to);
  } else {
    AppendFrames(to);
  }
}

void IntsEncoder::AppendFrames(std::string* to) {
  packed_.resize(std::min(kFrameValues, scaled_.size()));
  for (size_t f = 0; f < frame_.frames.size(); ++f) {
    const auto [low, width] = frame_.frames[f];
    const size_t start = f * kFrameValues;
    const size_t count = std::min(kFrameValues, scaled_.size() - start);
    for (size_t i = 0; i < count; ++i) packed_[i] = scaled_[start + i] - low;
    base::AppendVarint(to, low);
    to->push_back(static_cast<char>(width));
    PackBits(std::span<const uint64_t>(packed_.data(), count), width, to);
  }
}

void IntsEncoder::AppendDeltas(std::string* to) {
  packed_.resize(std::min(kFrameValues, scaled_.size()));
  uint64_t previous = scaled_[0] - (scaled_[1] - scaled_[0]);
  base::AppendLe(to, previous);
  for (size_t f = 0; f < delta_.frames.size(); ++f) {
    const auto [low, width] = delta_.frames[f];
    const size_t start = f * kFrameValues;
    const size_t count = std::min(kFrameValues, scaled_.size() - start);
    for (size_t i = 0; i < count; ++i) {
      packed_[i] = scaled_[start + i] - previous - low;
      previous = scaled_[start + i];
    }
    base::AppendVarint(to, base::ZigZag(static_cast<int64_t>(low)));
    to->push_back(static_cast<char>(width));
    PackBits(std::span<const uint64_t>(packed_.data(), count), width, to);
  }
}

Status DecodeInts(base::ByteReader* reader, std::span<int64_t> out) {
  const auto mode = reader->ReadLe<uint8_t>();
  const auto min = reader->ReadLe<uint64_t>();
  const uint64_t divisor = reader->ReadVarint();
  if (mode > static_cast<uint8_t>(IntsMode::kDelta))
    return Corruption("unknown integer packing " + std::to_string(mode));
  const bool is_delta = mode == static_cast<uint8_t>(IntsMode::kDelta);
  uint64_t previous = is_delta ? reader->ReadLe<uint64_t>() : 0;

  std::array<uint64_t, kFrameValues> packed;
  for (size_t start = 0; start < out.size(); start += kFrameValues) {
    const std::span<int64_t> frame = out.subspan(start, std::min(kFrameValues, out.size() - start));
    const uint64_t stored_low = reader->ReadVarint();
    const int width = reader->ReadLe<uint8_t>();
    if (width > 64) return Corruption("integer width " + std::to_string(width));
    const std::string_view bytes = reader->ReadBytes(PackedBytes(frame.size(), width));
    if (!reader->ok()) return Corruption("integers end early");
    UnpackBits(bytes, width, std::span<uint64_t>(packed.data(), frame.size()));
    if (!is_delta) {
      for (size_t i = 0; i < frame.size(); ++i)
        frame[i] = static_cast<int64_t>(min + divisor * (stored_low + packed[i]));
      continue;
    }
    const auto low = static_cast<uint64_t>(base::UnZigZag(stored_low));
    for (size_t i = 0; i < frame.size(); ++i) {
      previous += low + packed[i];
      frame[i] = static_cast<int64_t>(min + divisor * previous);
    }
  }
  if (!reader->ok()) return Corruption("integers end early");
  return Status::Ok();
}

}  // namespace neurallog::block
