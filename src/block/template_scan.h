// Which bytes of a text are of which kind, as bit masks.
//
// A function per instruction set, chosen once by ScanText(); the scalar twin is what a test compares
// the other with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace neurallog::block {

inline constexpr size_t kTemplateTextMax = 4096;  // longer texts are not split

// Bit i of the mask's word 1 + n is byte 64 * n + i. The word before the first and the one behind
// the last are 0, as are the bits behind the text.
struct TextMasks {
  using Mask = std::array<uint64_t, kTemplateTextMax / 64 + 2>;
  Mask word;   // A-Z a-z 0-9 _ DEL and from 0x80 on
  Mask digit;  // 0-9
  Mask hex;    // 0-9 a-f
  Mask dot;
  Mask dash;
  Mask colon;
  uint64_t joint;  // not 0: there are dots, dashes or colons
  uint64_t marks;  // not 0: there are bytes 0 or 1, which template texts use themselves
};

// `size` is at most kTemplateTextMax. Reads up to 63 bytes past the text.
using ScanTextFunction = void (*)(const char* text, size_t size, TextMasks* masks);

void ScanTextScalar(const char* text, size_t size, TextMasks* masks);
void ScanTextAvx2(const char* text, size_t size,
                  TextMasks* masks);  // Scalar where the CPU lacks it

// The fastest that this CPU has.
ScanTextFunction ScanText();

}  // namespace neurallog::block
