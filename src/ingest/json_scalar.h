// The grammar of JSON's scalars, and the text of containers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace neurallog::ingest {

// Whether the whole of `text` is a number of RFC 8259.
bool IsJsonNumber(std::string_view text);

// Whether `text` is an integer of at most eight characters without a sign; most numbers of logs are. Eight bytes must be readable.
inline bool IsShortInteger(const char* text, size_t bytes) {
  if (bytes - 1 >= 8 || (*text == '0' && bytes > 1)) return false;
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t digits = (base::LoadLe<uint64_t>(text) ^ '0' * kEach) << (64 - 8 * bytes);
  return ((digits | (digits + (0x80 - 10) * kEach)) & 0x80 * kEach) == 0;
}

// Whether every escape of a string's inside is one of RFC 8259. Sets *lone_surrogate when one of them is half of a pair.
bool CheckEscapes(std::string_view inside, bool* lone_surrogate);

// Appends a string's inside with its escapes undone; lone surrogates become U+FFFD. False when CheckEscapes would be.
bool AppendUnescaped(std::string* to, std::string_view inside);

// Appends a string's inside as it is, but lone surrogate escapes as U+FFFD. `inside` has passed CheckEscapes.
void AppendWithoutLoneSurrogates(std::string* to, std::string_view inside);

// Where an element of an array, or an object that begins at `begin`, ends; found by counting brackets, so that broken JSON can be
// stepped over. `end`: for kElement the ',' or ']' after it, for kObject the byte after its '}'.
enum class Extent { kElement, kObject };
struct Scan {
  const char* end = nullptr;    // nullptr: not found
  const char* fault = nullptr;  // why not
};
Scan ScanExtent(Extent extent, const char* begin, const char* end);

}  // namespace neurallog::ingest
