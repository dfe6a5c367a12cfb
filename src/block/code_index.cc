// A counting sort of the rows by their codes.
#include "block/code_index.h"

#include <algorithm>
#include <utility>

namespace neurallog::block {

CodeIndex::CodeIndex(std::span<const uint16_t> codes, size_t entries) : begin_(entries + 1) {
  std::vector<uint32_t> next(entries + 1);
  for (const uint16_t code : codes) ++next[std::min<size_t>(code, entries)];
  uint32_t begin = 0;
  for (size_t entry = 0; entry < entries; ++entry) {
    begin_[entry] = begin;
    begin += std::exchange(next[entry], begin);
  }
  begin_[entries] = begin;
  rows_.resize(begin);
  for (uint32_t row = 0; row < codes.size(); ++row)
    if (codes[row] < entries) rows_[next[codes[row]]++] = static_cast<uint16_t>(row);
}

CodeIndex CodeIndex::Of(const Column& column) {
  if (column.present.empty()) return CodeIndex(column.codes, column.entries.size());
  std::vector<uint16_t> codes = column.codes;
  for (uint32_t row = 0; row < column.rows; ++row)
    if (!column.Has(row)) codes[row] = UINT16_MAX;
  return CodeIndex(codes, column.entries.size());
}

}  // namespace neurallog::block
