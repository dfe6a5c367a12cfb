#include "detection/sample_watch.h"

#include <utility>

namespace neurallog::detection {

std::shared_ptr<const rules::RowSample> SampleWatch::EndBatch(uint64_t evaluated) {
  const bool has_changed = HasChanged(evaluated);
  if (!sample_) {
    if (has_changed) Begin(kChangedRows);
    return nullptr;
  }
  if (sample_->rows_seen() < wanted_) return nullptr;
  if (wanted_ != rules::RowSample::kRowsMax) return std::exchange(sample_, nullptr);
  wanted_ = kWindowRows;
  return std::make_shared<const rules::RowSample>(*sample_);
}

bool SampleWatch::HasChanged(uint64_t evaluated) {
  if (rows_ < kWindowRows) return false;
  const double per_row = static_cast<double>(evaluated - evaluated_) / static_cast<double>(rows_);
  rows_ = 0;
  evaluated_ = evaluated;
  if (!per_row_) per_row_ = per_row;
  return per_row > 2 * *per_row_ + 1;
}

}  // namespace neurallog::detection
