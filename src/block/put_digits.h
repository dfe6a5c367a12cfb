// Numbers as digits, two at a time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "block/slot_format.h"

namespace neurallog::block {

inline constexpr std::array<std::array<char, 2>, 100> kPairs = [] {
  std::array<std::array<char, 2>, 100> pairs{};
  for (size_t i = 0; i < 100; ++i)
    pairs[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
  return pairs;
}();

// Exactly `digits` digits, with zeros before them.
inline char* PutPadded(char* to, uint64_t number, size_t digits) {
  size_t at = digits;
  for (; at >= 2; number /= 100) std::memcpy(to + (at -= 2), kPairs[number % 100].data(), 2);
  if (at == 1) *to = static_cast<char>('0' + number % 10);
  return to + digits;
}

inline size_t DigitsOf(uint64_t number) {
  const auto about = static_cast<size_t>(std::bit_width(number | 1)) * 1233 >> 12;
  return about + (number >= kPowersOfTen[about] || about == 0 ? 1 : 0);
}

inline char* PutNumber(char* to, uint64_t number) {
  if (number < 10) return *to = static_cast<char>('0' + number), to + 1;
  return PutPadded(to, number, DigitsOf(number));
}

}  // namespace neurallog::block
