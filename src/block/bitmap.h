// Presence bitmaps: one bit per row, 64 rows to a word; bits past the last row are zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace neurallog::block {

inline size_t BitmapWords(size_t rows) { return (rows + 63) / 64; }

inline void SetBit(std::span<uint64_t> bitmap, size_t row) {
  bitmap[row >> 6] |= uint64_t{1} << (row & 63);
}

inline size_t CountBits(std::span<const uint64_t> bitmap) {
  size_t bits = 0;
  for (const uint64_t word : bitmap) bits += static_cast<size_t>(std::popcount(word));
  return bits;
}

// Moves the first `dense` values to the rows that `present` names, in order, and clears the others.
// In place, back to front: a value never moves to a lower row.
template <typename T>
void ExpandToRows(std::span<const uint64_t> present, size_t dense, std::span<T> values) {
  size_t next = dense;
  for (size_t row = values.size(); row-- > 0;) {
    const bool has = (present[row >> 6] >> (row & 63) & 1) != 0;
    next -= has ? 1 : 0;
    values[row] = has ? values[next] : T{};
  }
}

}  // namespace neurallog::block
