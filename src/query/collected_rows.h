// The rows of a nested query, kept by columns for a pipe that reads them (join, union).
//
//   NL_TRY(std::shared_ptr<CollectedRows> rows, ParseCollectedRows(parse, "'union'"));
//   // when the query around it runs:
//   rows->TextOf(row, column); rows->MakeBatch(part, budget);
//
// Filled before the query around it runs, and charged to its memory; read-only then.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/columns.h"
#include "query/nested_query.h"
#include "query/pipe.h"

namespace neurallog::query {

class CollectedRows : public NestedQuery, private RowVisitor {
 public:
  static constexpr uint32_t kRowsPerPart = 16'384;

  explicit CollectedRows(Query query)
      : NestedQuery(std::move(query)),
        text_(query::ToText(this->query())),
        is_table_(this->query().aggregates()) {}

  RowVisitor* visitor() override { return this; }
  size_t memory_bytes() const override;
  Status Finish() override;

  // Of the query.
  const std::string& text() const { return text_; }
  // Stored names.
  const std::vector<std::string>& names() const { return names_; }
  uint32_t rows() const { return rows_; }
  size_t parts() const { return parts_.size(); }
  // Empty: the row has no such value.
  std::string_view TextOf(uint32_t row, size_t column) const;
  ValueType TypeOf(uint32_t row, size_t column) const;
  // The rows [part * kRowsPerPart, ...) as rows of a query.
  Batch MakeBatch(size_t part, MemoryBudget* budget) const;

 private:
  struct Part {
    uint32_t rows = 0;
    // Parallel to the first of names(); null: no row has the field.
    std::vector<std::shared_ptr<const block::Column>> columns;
  };
  // A column of the part that is being filled.
  struct Growing {
    filter::ColumnBuilder builder;
    uint32_t rows = 0;
  };

  void Clear() override;
  void OnColumns(std::span<const std::string_view> names) override;
  void OnRow(std::span<const Value> values) override;
  void FinishPart();
  const block::Column* ColumnOf(uint32_t row, size_t column) const;

  const std::string text_;
  const bool is_table_;
  std::vector<std::string> names_;
  uint32_t rows_ = 0;
  std::vector<Part> parts_;
  size_t parts_bytes_ = 0;
  std::vector<Growing> growing_;     // parallel to names_
  std::vector<uint32_t> column_of_;  // in names_, of the rows that come
};

// Parses `(query)`. `behind` completes "expected '(' and a query after ...".
Result<std::shared_ptr<CollectedRows>> ParseCollectedRows(const PipeParse& parse,
                                                          std::string_view behind);

}  // namespace neurallog::query
