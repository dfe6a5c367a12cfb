#include "query/row_subset.h"

#include <algorithm>
#include <unordered_map>

#include "query/derived_rows.h"

namespace neurallog::query {
namespace {

// Otherwise taking all rows is as cheap.
constexpr uint64_t kShareMin = 8;

std::vector<uint32_t> RowsOf(std::span<Batch* const> batches) {
  std::vector<uint32_t> all;
  for (Batch* batch : batches) all.insert(all.end(), batch->List().begin(), batch->List().end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

block::Column ToStrings(const block::Column& from) {
  filter::ColumnBuilder builder;
  for (uint32_t row = 0; row < from.rows; ++row) {
    if (from.Has(row)) {
      builder.Add(from.TextAt(row, nullptr), from.TypeAt(row));
    } else {
      builder.AddAbsent();
    }
  }
  return builder.Finish();
}

}  // namespace

RowSubset::RowSubset(std::shared_ptr<Rows> from, std::vector<uint32_t> rows)
    : from_(std::move(from)), rows_(std::move(rows)) {
  const block::BlockHeader& header = from_->columns().header();
  header_.rows = static_cast<uint32_t>(rows_.size());
  header_.min_ns = header.min_ns;
  header_.max_ns = header.max_ns;
  header_.columns.resize(header.columns.size());
  for (size_t i = 0; i < header.columns.size(); ++i)
    header_.columns[i].name = header.columns[i].name;
  header_.IndexNames();
  columns_.resize(header.columns.size());
}

Result<const block::Column*> RowSubset::GetColumn(size_t index) {
  if (columns_[index] == nullptr) {
    NL_TRY(std::optional<block::Column> some, from_->columns().Take(index, rows_));
    if (!some) {
      NL_TRY(const block::Column* column, from_->columns().GetAt(index));
      some = Gather(*column, rows_);
    }
    // Writers prepare for each entry.
    if (some->entries.size() > rows_.size()) some = ToStrings(*some);
    columns_[index] = std::make_unique<const block::Column>(std::move(*some));
  }
  return columns_[index].get();
}

namespace {

// They lie on one block.
void Narrow(std::span<Batch* const> batches) {
  const std::shared_ptr<Rows> from = batches.front()->rows;
  if (from->is_table() || from->derived() != nullptr) return;
  uint64_t count = 0;
  for (const Batch* batch : batches) count += batch->count;
  if (count * kShareMin > from->columns().rows()) return;
  const std::vector<uint32_t> rows = RowsOf(batches);
  const auto subset = std::make_shared<Rows>(std::make_unique<RowSubset>(from, rows),
                                             filter::Columns::Kind::kBlock, from->budget());
  for (Batch* batch : batches) {
    batch->rows = subset;
    for (uint32_t& row : batch->list)
      row = static_cast<uint32_t>(std::lower_bound(rows.begin(), rows.end(), row) - rows.begin());
  }
}

}  // namespace

void NarrowToRows(std::deque<Batch>* batches) {
  std::unordered_map<const Rows*, std::vector<Batch*>> by_block;
  for (Batch& batch : *batches) by_block[batch.rows.get()].push_back(&batch);
  for (const auto& [rows, same] : by_block) Narrow(same);
}

void NarrowToRows(Batch* batch) {
  Batch* const alone[] = {batch};
  Narrow(alone);
}

}  // namespace neurallog::query
