// Where a literal may stand in a text: anywhere, or only where it cuts no word.
#pragma once

#include <cstdint>
#include <string_view>

#include "filter/predicate.h"

namespace neurallog::filter {

// The edges at which a hit must not cut a word.
enum class Edges : uint8_t { kNone, kStart, kBoth };

inline bool Accepts(std::string_view text, size_t at, size_t length, Edges edges) {
  if (edges == Edges::kNone) return true;
  return IsWordStart(text, at) && (edges == Edges::kStart || IsWordEnd(text, at, length));
}

}  // namespace neurallog::filter
