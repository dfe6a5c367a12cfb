// A row of a record batch as a filter sees it: what rules and live tails match before rows become
// blocks.
//
//   RowView view;
//   for (...) { view.Reset(batch, row); if (program.MatchRecord(view)) ... }
//
// Field names are looked up one by one; a row has few. Not thread-safe; borrows the batch.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "filter/program.h"
#include "model/record_batch.h"

namespace neurallog::filter {

class RowView : public RecordView {
 public:
  // `row` points at row_bytes. Reuses its memory from row to row.
  void Reset(const model::RecordBatch& batch, const char* row) {
    model::RowReader reader(row);
    timestamp_ns_ = reader.timestamp_ns();
    fields_.clear();
    for (model::Field field; reader.Next(&field);)
      fields_.push_back({batch.names()[field.name_id], field.value});
  }

  int64_t timestamp_ns() const override { return timestamp_ns_; }
  // A field that the row holds twice has its last value.
  std::string_view Get(std::string_view name) const override {
    for (auto field = fields_.rbegin(); field != fields_.rend(); ++field)
      if (field->name == name) return field->value;
    return {};
  }

 private:
  struct NamedValue {
    std::string_view name;
    std::string_view value;
  };
  int64_t timestamp_ns_ = 0;
  std::vector<NamedValue> fields_;
};

}  // namespace neurallog::filter
