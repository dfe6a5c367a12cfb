// Classes of bytes, one bit each, and which of them occur in a text.
#pragma once

#include <cstdint>
#include <string_view>

namespace neurallog::block {

inline constexpr uint8_t kClassDigit = 1;
inline constexpr uint8_t kClassLowerHex = 2;    // a-f
inline constexpr uint8_t kClassLower = 4;       // g-z
inline constexpr uint8_t kClassUpperHex = 8;    // A-F
inline constexpr uint8_t kClassUpper = 16;      // G-Z and _
inline constexpr uint8_t kClassPrintable = 32;  // space and the rest of ASCII that prints
inline constexpr uint8_t kClassControl = 64;
inline constexpr uint8_t kClassBeyondAscii = 128;
inline constexpr uint8_t kClassLetters =
    kClassLowerHex | kClassLower | kClassUpperHex | kClassUpper;

// The classes of the bytes of `text`. Chooses the fastest way that this CPU has.
uint8_t ClassesOf(std::string_view text);
// Its twins, for the test that compares them.
uint8_t ClassesOfScalar(std::string_view text);
uint8_t ClassesOfAvx2(std::string_view text);  // as Scalar where the CPU lacks it

}  // namespace neurallog::block
