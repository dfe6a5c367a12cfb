// Turns rows into columns: for each field name, the cells of the rows that have it, in row order.
//
// A field costs one array look-up: each batch gets an array from its name ids to columns. Rows lie
// scattered over the batches, so whoever reads the values more than once has them copied, column by
// column, while a row is at hand.
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
  base::Buffer storage;
  std::span<const Cell> cells;  // in storage
  base::Buffer bytes;           // of all values one after the other, when they were copied
  uint64_t value_bytes = 0;
  uint32_t length_min = UINT32_MAX;
  uint32_t length_max = 0;
  bool one_type = true;  // all cells have the type of the first
};

// Appends a text to a buffer that has room for them and kCopySlop more. Copies short
// ones without a call: whole words, past the end of the text, which lies in a buffer with padding.
inline constexpr size_t kCopySlop = 64;
static_assert(kCopySlop <= base::Buffer::kPadding);

inline void CopyText(const char* from, size_t size, char* to) {
  std::memcpy(to, from, kCopySlop);
  for (size_t at = kCopySlop; at < size; at += kCopySlop)
    std::memcpy(to + at, from + at, kCopySlop);
}
inline void AppendText(std::string_view text, base::Buffer* to) {
  CopyText(text.data(), text.size(), to->data() + to->size());
  to->Commit(text.size());
}
inline void AppendCell(const Cell& cell, base::Buffer* to) { AppendText(cell.text(), to); }

// Values lie scattered over the rows: says that the cell some steps after `i` will be read.
inline void PrefetchCell(std::span<const Cell> cells, size_t i) {
  constexpr size_t kAhead = 16;
  if (i + kAhead < cells.size()) __builtin_prefetch(cells[i + kAhead].data);
}

// Fills the lengths and one_type from the cells, of which there is one at least.
void Measure(GatheredColumn* column);

// Sorts by time, stably; costs one pass when the rows are sorted.
void SortRows(std::span<RowRef> rows);

// Columns in the order of first appearance. A field that a row holds twice keeps its last value. At
// most kBlockRowsMax rows. Cells point into the batches, or with `copy` into the column's bytes.
std::vector<GatheredColumn> GatherColumns(std::span<const RowRef> rows, bool copy);

// Keeps the memory of columns for the thread's next call of GatherColumns with `copy`: at most
// 16 MiB in 128 pieces. Memory that is new to a process costs more than filling it.
void Recycle(std::vector<GatheredColumn> columns);

// The range of the lengths of the decimal digits.
void MeasureDecimalLengths(std::span<const int64_t> sorted, ColumnMeta* meta);

// Counts each value of a level column; rows that have none count as kNone.
std::array<uint32_t, kLevels> CountLevels(std::span<const GatheredColumn> columns, size_t rows);
// The same of the cells of the level column, and of a block without one.
std::array<uint32_t, kLevels> CountLevels(std::span<const Cell> cells, size_t rows);
std::array<uint32_t, kLevels> NoLevels(size_t rows);

}  // namespace neurallog::block
