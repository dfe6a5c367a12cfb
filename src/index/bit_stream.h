// Bits in a byte string, least significant bit first, and unsigned numbers made of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace neurallog::index {

// Appends to a string, four bytes at a time; Finish() writes the rest. Not thread-safe.
class BitWriter {
 public:
  explicit BitWriter(std::string* to) : to_(to) {}

  // `value` fits `width` bits, width <= 32.
  void Write(uint64_t value, int width) {
    pending_ |= value << used_;
    used_ += width;
    if (used_ < 32) return;
    base::AppendLe(to_, static_cast<uint32_t>(pending_));
    pending_ >>= 32;
    used_ -= 32;
  }
  // `count` zeros and a one.
  void WriteUnary(uint64_t count) {
    for (; count >= 32; count -= 32) Write(0, 32);
    Write(uint64_t{1} << count, static_cast<int>(count) + 1);
  }
  // Rice code: the quotient by 2^k in unary, then k bits.
  void WriteRice(uint64_t value, int k) {
    WriteUnary(value >> k);
    Write(value & ((uint64_t{1} << k) - 1), k);
  }
  void Finish() {
    for (; used_ > 0; used_ -= 8, pending_ >>= 8) to_->push_back(static_cast<char>(pending_));
    pending_ = 0;
    used_ = 0;
  }

 private:
  std::string* to_;
  uint64_t pending_ = 0;
  int used_ = 0;  // below 32 between calls
};

inline constexpr size_t BytesOfBits(size_t bits) { return (bits + 7) / 8; }

// The 64 bits from byte `at` on; zeros past the end.
inline uint64_t LoadWord(std::string_view bytes, size_t at) {
  if (at + 8 <= bytes.size()) return base::LoadLe<uint64_t>(bytes.data() + at);
  uint64_t word = 0;
  if (at < bytes.size()) std::memcpy(&word, bytes.data() + at, bytes.size() - at);
  return word;
}

// At least 57 bits from bit `at` on.
inline uint64_t LoadBits(std::string_view bytes, size_t at) {
  return LoadWord(bytes, at / 8) >> at % 8;
}

// width <= 32
inline uint32_t ReadBits(std::string_view bytes, size_t at, int width) {
  return static_cast<uint32_t>(LoadBits(bytes, at) & ((uint64_t{1} << width) - 1));
}

// The number of ones among the bits [from, to).
inline size_t CountOnes(std::string_view bytes, size_t from, size_t to) {
  size_t ones = 0;
  for (; from + 56 <= to; from += 56) ones += std::popcount(LoadBits(bytes, from) << 8);
  if (from < to)
    ones += std::popcount(LoadBits(bytes, from) & ((uint64_t{1} << (to - from)) - 1));
  return ones;
}

// Reads front to back; past the end it reads zeros and ok() is false. Not thread-safe.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return at_ <= bytes_.size() * 8; }
  uint32_t Read(int width) {
    const uint32_t value = ReadBits(bytes_, at_, width);
    at_ += static_cast<size_t>(width);
    return value;
  }
  uint64_t ReadUnary() {
    uint64_t zeros = 0;
    while (ok()) {
      const uint64_t bits = LoadBits(bytes_, at_);
      if (bits != 0) {
        const int count = std::countr_zero(bits);
        at_ += static_cast<size_t>(count) + 1;
        return zeros + static_cast<uint64_t>(count);
      }
      at_ += 57;
      zeros += 57;
    }
    return zeros;
  }
  uint64_t ReadRice(int k) {
    const uint64_t high = ReadUnary();
    return high << k | Read(k);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace neurallog::index
