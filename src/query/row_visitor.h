// Rows as values, for answers that are not lines: set as ExecuteOptions::visitor.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "neurallog/log_record.h"

namespace neurallog::query {

class MemoryBudget;
class RowWriter;

// Called by the execution, one call after the other.
class RowVisitor {
 public:
  struct Value {
    std::string_view text;  // valid during the call
    ValueType type = ValueType::kString;
    bool is_there =
        false;  // else the row has no such field; queries see no difference to an empty text
  };

  virtual ~RowVisitor() = default;
  // Before the first row, and when the execution begins anew: no row has been seen.
  virtual void Clear() = 0;
  // The columns of the rows that follow, named as the query names them.
  virtual void OnColumns(std::span<const std::string_view> names) = 0;
  // Parallel to the columns. Times are RFC 3339.
  virtual void OnRow(std::span<const Value> values) = 0;
  // What it keeps, to be charged to the query's memory.
  virtual size_t memory_bytes() const { return 0; }
};

// Charges what the visitor keeps to `budget`, until it goes.
std::unique_ptr<RowWriter> MakeVisitingWriter(RowVisitor* visitor, MemoryBudget* budget);

}  // namespace neurallog::query
