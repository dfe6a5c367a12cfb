// Turns rows into columns: for each field name, the cells of the rows that have it, in row order.
//
// Cells point into the batches. A field costs one array look-up: each batch gets an array from its
// name ids to columns.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "block/block.h"

namespace neurallog::block {

struct Cell {
  const char* data;
  uint32_t length;
  uint16_t row;
  ValueType type;

  std::string_view text() const { return {data, length}; }
};
static_assert(sizeof(Cell) == 16);

struct GatheredColumn {
  std::string_view name;  // in a batch
  std::unique_ptr<Cell[]> storage;
  std::span<const Cell> cells;  // in storage
  uint64_t value_bytes = 0;
  uint32_t length_min = UINT32_MAX;
  uint32_t length_max = 0;
  bool one_type = true;  // all cells have the type of the first
};

// Appends the bytes of a cell to a buffer that has room for them and kCopySlop more. Copies short
// ones without a call: whole words, past the end of the value, which lies in a buffer with padding.
inline constexpr size_t kCopySlop = 64;
static_assert(kCopySlop <= base::Buffer::kPadding);

inline void AppendCell(const Cell& cell, base::Buffer* to) {
  char* const at = to->data() + to->size();
  if (cell.length <= kCopySlop) {
    std::memcpy(at, cell.data, kCopySlop);
  } else {
    std::memcpy(at, cell.data, cell.length);
  }
  to->Commit(cell.length);
}

// Values lie scattered over the rows: says that the cell some steps after `i` will be read.
inline void PrefetchCell(std::span<const Cell> cells, size_t i) {
  constexpr size_t kAhead = 16;
  if (i + kAhead < cells.size()) __builtin_prefetch(cells[i + kAhead].data);
}

// Sorts by time, stably; costs one pass when the rows are sorted.
void SortRows(std::span<RowRef> rows);

// Columns in the order of first appearance. A field that a row holds twice keeps its last value. At
// most kBlockRowsMax rows.
std::vector<GatheredColumn> GatherColumns(std::span<const RowRef> rows);

// The range of the lengths of the decimal digits.
void MeasureDecimalLengths(std::span<const int64_t> sorted, ColumnMeta* meta);

// Counts each value of a level column; rows that have none count as kNone.
std::array<uint32_t, kLevels> CountLevels(std::span<const GatheredColumn> columns, size_t rows);

}  // namespace neurallog::block
