// Folding of case, so that texts which differ only by case become equal: Unicode's simple case
// folding of UTF-8, one code point by one. The few code points whose folded form takes more bytes
// stay as they are; bytes that are not UTF-8 too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace neurallog::rules {

// Writes the folded text to `to`, which has room for text.size() bytes, and returns its length:
// never more than the text's. Uses SSE2.
size_t FoldInto(std::string_view text, char* to);
// The plain version, for the test that compares both.
size_t FoldIntoScalar(std::string_view text, char* to);

std::string Fold(std::string_view text);

// Eight bytes of ASCII at once.
constexpr uint64_t FoldWord(uint64_t word) {
  // Bit 7 of `upper` is set for each byte from A to Z.
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t from_a = word + kOnes * (0x80 - 'A'), past_z = word + kOnes * (0x7f - 'Z');
  const uint64_t upper = (from_a ^ past_z) & kOnes * 0x80;
  return word | upper >> 2;
}

}  // namespace neurallog::rules
