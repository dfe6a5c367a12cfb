// Running a search over a string column as one buffer, shared by the filters that look for a
// literal.
#pragma once

#include <cstdint>

#include "block/block.h"
#include "filter/bitmap.h"
#include "filter/predicate.h"
#include "filter/substring.h"

namespace neurallog::filter {

// Keeps the rows of a kStrings column that hold an occurrence of the needle for which accept(row
// text, position) is true.
template <typename Accept>
void KeepHits(const block::Column& column, const Finder& finder, Bitmap* rows, Accept accept) {
  const char* const bytes = column.bytes.data();
  const uint32_t* const offsets = column.offsets.data();
  const auto row_matches = [&](std::string_view text) {
    const char* const end = text.data() + text.size();
    for (const char* at = finder.Find(text.data(), end); at != end; at = finder.Find(at + 1, end))
      if (accept(text, static_cast<size_t>(at - text.data()))) return true;
    return false;
  };
  const bool few_candidates = rows->Count() < rows->rows() / 4;
  if (few_candidates)
    return KeepIf(rows, [&](uint32_t row) { return row_matches(TextOfString(column, row)); });

  Bitmap hits(rows->rows());
  const char* const end = bytes + offsets[column.rows];
  uint32_t row = 0;
  for (const char* at = finder.Find(bytes + offsets[0], end); at != end;) {
    const auto offset = static_cast<uint32_t>(at - bytes);
    row = static_cast<uint32_t>(
              std::upper_bound(offsets + row + 1, offsets + column.rows + 1, offset) - offsets) -
          1;
    const bool is_inside = offset + finder.size() <= offsets[row + 1];
    const bool is_hit = is_inside && accept(TextOfString(column, row), offset - offsets[row]);
    if (is_hit) hits.Set(row);
    const char* const next = is_hit ? bytes + offsets[row + 1] : at + 1;
    at = finder.Find(next, end);
  }
  rows->And(hits);
}

}  // namespace neurallog::filter
