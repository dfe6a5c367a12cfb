// Small tables that pipes make of what they counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filter/columns.h"
#include "query/batch.h"

namespace neurallog::query {

class TableBuilder {
 public:
  explicit TableBuilder(std::vector<std::string> names)
      : names_(std::move(names)), columns_(names_.size()) {}

  // Adds the next cell; rows are filled from the first column on.
  void Add(std::string_view value, ValueType type = ValueType::kString) {
    columns_[next_].Add(value, type);
    next_ = (next_ + 1) % columns_.size();
    if (next_ == 0) ++rows_;
  }
  void Add(uint64_t number) { Add(std::to_string(number), ValueType::kNumber); }

  // All rows as a batch.
  Batch Finish(MemoryBudget* budget) {
    auto table = std::make_unique<Table>();
    for (size_t i = 0; i < names_.size(); ++i) table->AddColumn(names_[i], columns_[i].Finish());
    Batch batch;
    batch.count = rows_;
    batch.matched.Reset(rows_, true);
    batch.rows = std::make_shared<Rows>(std::move(table), filter::Columns::Kind::kTable, budget);
    return batch;
  }

 private:
  const std::vector<std::string> names_;
  std::vector<filter::ColumnBuilder> columns_;
  size_t next_ = 0;
  uint32_t rows_ = 0;
};

}  // namespace neurallog::query
