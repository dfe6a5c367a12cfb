// Rows that wait in a stage, and how they go on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "query/derived_rows.h"
#include "query/pipe.h"

namespace neurallog::query {

// Where a row lies that waits. The batch's rows are shared by all of its places.
struct RowPlace {
  std::shared_ptr<Rows> rows;
  std::shared_ptr<const Projection> projection;
  uint32_t row;
};

// Pushes rows in order, neighbours of one block as one batch; with the rank of each as a field when it
// has a name.
class RunPusher {
 public:
  explicit RunPusher(Stage* next, const FieldPattern* rank_name = nullptr)
      : next_(next), rank_name_(rank_name) {}

  // The row is taken also when those before it could not be pushed.
  Status Add(RowPlace place, uint64_t rank = 0) {
    Status flushed;
    if (rows_ != place.rows || projection_ != place.projection) flushed = Flush();
    rows_ = std::move(place.rows);
    projection_ = std::move(place.projection);
    list_.push_back(place.row);
    if (rank_name_ != nullptr) ranks_.Add(std::to_string(rank), ValueType::kNumber);
    return flushed;
  }
  Status Flush() {
    if (list_.empty()) return {};
    Batch batch;
    batch.rows = std::move(rows_);
    batch.projection = std::move(projection_);
    batch.SetList(std::move(list_));
    list_.clear();
    if (rank_name_ != nullptr) AddRanks(&batch);
    return next_->Push(std::move(batch));
  }

 private:
  void AddRanks(Batch* batch) {
    *batch = DeriveRows(*batch, FieldSet(*batch), batch->List());
    FieldSet fields(*batch);
    fields.Set(rank_name_->name, std::exchange(ranks_, {}).Finish());
    *batch = Derive(*batch, std::move(fields));
  }

  Stage* const next_;
  const FieldPattern* const rank_name_;  // null: no ranks
  filter::ColumnBuilder ranks_;
  std::shared_ptr<Rows> rows_;
  std::shared_ptr<const Projection> projection_;
  std::vector<uint32_t> list_;
};

}  // namespace neurallog::query
