#include <utility>

#include "base/check.h"
#include "block/bitmap.h"
#include "block/block.h"
#include "block/block_format.h"
#include "block/gather.h"

namespace neurallog::block {
namespace {

ColumnMeta Describe(const GatheredColumn& column) {
  ColumnMeta meta;
  meta.name = column.name;
  meta.encoding = Encoding::kStrings;
  meta.present_rows = static_cast<uint32_t>(column.cells.size());
  meta.length_min = column.length_min;
  meta.length_max = column.length_max;
  meta.value_bytes = column.value_bytes;
  return meta;
}

ColumnMeta DescribeTimes(std::span<const int64_t> times) {
  ColumnMeta meta;
  meta.name = kTimeColumn;
  meta.encoding = Encoding::kInts;
  meta.present_rows = static_cast<uint32_t>(times.size());
  if (times.empty()) return meta;
  meta.has_int_range = true;
  meta.int_min = times.front();
  meta.int_max = times.back();
  MeasureDecimalLengths(times, &meta);
  return meta;
}

void CopyTexts(const GatheredColumn& from, Column* to) {
  to->offsets.resize(to->rows + 1);
  to->bytes.Reserve(from.value_bytes + kCopySlop);
  uint32_t next = 0;
  for (const Cell& cell : from.cells) {
    for (; next <= cell.row; ++next) to->offsets[next] = static_cast<uint32_t>(to->bytes.size());
    AppendCell(cell, &to->bytes);
  }
  for (; next <= to->rows; ++next) to->offsets[next] = static_cast<uint32_t>(to->bytes.size());
}

void CopyTypes(const GatheredColumn& from, Column* to) {
  to->uniform_type = from.cells.front().type;
  if (from.one_type) return;
  to->types.resize(to->rows);
  for (const Cell& cell : from.cells) to->types[cell.row] = static_cast<uint8_t>(cell.type);
}

}  // namespace

MemoryBlock::MemoryBlock(std::vector<std::shared_ptr<const model::RecordBatch>> batches,
                         std::vector<RowRef> rows)
    : batches_(std::move(batches)) {
  SortRows(rows);
  times_.reserve(rows.size());
  for (const RowRef& row : rows) times_.push_back(row.timestamp_ns);
  columns_ = GatherColumns(rows, /*copy=*/false);

  header_.rows = static_cast<uint32_t>(rows.size());
  header_.min_ns = rows.empty() ? 0 : times_.front();
  header_.max_ns = rows.empty() ? 0 : times_.back();
  header_.level_counts = CountLevels(columns_, rows.size());
  header_.columns.reserve(columns_.size() + 1);
  header_.columns.push_back(DescribeTimes(times_));
  for (const GatheredColumn& column : columns_) header_.columns.push_back(Describe(column));
  header_.IndexNames();
}

MemoryBlock::~MemoryBlock() = default;
MemoryBlock::MemoryBlock(MemoryBlock&&) noexcept = default;
MemoryBlock& MemoryBlock::operator=(MemoryBlock&&) noexcept = default;

Column MemoryBlock::GetColumn(size_t index) const {
  NL_CHECK(index < header_.columns.size());
  Column column;
  column.rows = header_.rows;
  if (index == 0) {
    column.encoding = Encoding::kInts;
    column.uniform_type = ValueType::kNumber;
    column.ints = times_;
    return column;
  }
  const GatheredColumn& from = columns_[index - 1];
  column.encoding = Encoding::kStrings;
  if (from.cells.size() < column.rows) {
    column.present.resize(BitmapWords(column.rows));
    for (const Cell& cell : from.cells) SetBit(column.present, cell.row);
  }
  CopyTexts(from, &column);
  CopyTypes(from, &column);
  return column;
}

}  // namespace neurallog::block
