// The rows of each entry of a dictionary: who wants few entries touches few rows, and how
// often an entry occurs is known at once. Immutable and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "block/block.h"

namespace neurallog::block {

class CodeIndex {
 public:
  // `codes` has one per row; those of `entries` and above stand for rows without a value. Costs about
  // as much as looking at each row twice.
  CodeIndex(std::span<const uint16_t> codes, size_t entries);
  // Of a kDict column.
  static CodeIndex Of(const Column& column);

  // Ascending. Rows without a value have no entry.
  std::span<const uint16_t> RowsOf(size_t entry) const {
    return {rows_.data() + begin_[entry], CountOf(entry)};
  }
  uint32_t CountOf(size_t entry) const { return begin_[entry + 1] - begin_[entry]; }
  // Of all entries.
  uint32_t rows() const { return static_cast<uint32_t>(rows_.size()); }

  static size_t MemoryBytes(const Column& column) {
    return sizeof(CodeIndex) + column.rows * sizeof(uint16_t) +
           (column.entries.size() + 1) * sizeof(uint32_t);
  }

 private:
  std::vector<uint32_t> begin_;  // of each entry in rows_, and the end
  std::vector<uint16_t> rows_;
};

}  // namespace neurallog::block
