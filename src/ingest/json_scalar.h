// The grammar of JSON's scalars, and the text of containers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace neurallog::ingest {

// Whether the whole of `text` is a number of RFC 8259.
bool IsJsonNumber(std::string_view text);

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
