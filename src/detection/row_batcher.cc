#include "detection/row_batcher.h"

#include "base/time_format.h"
#include "filter/filter.h"

namespace neurallog::detection {

RowBatcher::RowBatcher(OnBatch on_batch)
    : on_batch_(std::move(on_batch)),
      builder_(std::make_unique<model::RecordBatchBuilder>(kBytesMax)) {}

void RowBatcher::OnColumns(std::span<const std::string_view> names) {
  current_.clear();
  for (const std::string_view name : names) {
    auto found = columns_.find(name);
    if (found == columns_.end()) {
      const bool is_time = name == filter::kFieldTime;
      found = columns_.emplace(name, Column{is_time ? "" : std::string(filter::StoredName(name))})
                  .first;
    }
    current_.push_back(&found->second);
  }
}

void RowBatcher::OnRow(std::span<const Value> values) {
  if (names_ + values.size() > model::RecordBatchBuilder::kNamesMax) EndBatch();
  int64_t time_ns = 0;
  builder_->BeginRow();
  for (size_t i = 0; i < values.size(); ++i) {
    Column& column = *current_[i];
    if (!values[i].is_there) continue;
    if (column.name.empty()) {
      time_ns = base::ParseTimestamp(values[i].text).value_or(0);
      continue;
    }
    builder_->AddField(IdOf(&column), values[i].type, values[i].text);
  }
  batch_bytes_ += builder_->row_bytes();
  builder_->EndRow(time_ns);
  if (builder_->rows() == kRowsMax || batch_bytes_ >= kBytesMax) EndBatch();
}

void RowBatcher::Finish() {
  if (builder_->rows() > 0) EndBatch();
}

uint32_t RowBatcher::IdOf(Column* column) {
  if (column->batch == batch_) return column->id;
  column->batch = batch_;
  column->id = builder_->NameId(column->name);
  ++names_;
  return column->id;
}

void RowBatcher::EndBatch() {
  const auto batch = builder_->Finish();
  builder_ = std::make_unique<model::RecordBatchBuilder>(kBytesMax);
  batch_bytes_ = names_ = 0;
  ++batch_;
  on_batch_(*batch);
}

}  // namespace neurallog::detection
