// The rows that flow from one pipe to the next: some rows of a block, or of a table that a pipe
// made.
//
// A batch shares its block, so that columns nobody asks for are never decoded, and those of rows
// that survive a sort are decoded at the end. Not thread-safe; owned by one execution.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "block/block_view.h"
#include "filter/bitmap.h"
#include "filter/columns.h"
#include "query/memory_budget.h"

namespace neurallog::query {

class DerivedView;

// A block in use, charged to the query's memory for what it has decoded.
class Rows {
 public:
  Rows(std::unique_ptr<block::BlockView> view, filter::Columns::Kind kind, MemoryBudget* budget);
  // Rows that a pipe derived from others (derived_rows.h).
  Rows(std::unique_ptr<DerivedView> view, MemoryBudget* budget);
  ~Rows() { budget_->Release(&charged_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  filter::Columns& columns() { return columns_; }
  std::span<const uint64_t> deleted() const { return view_->deleted(); }
  // True when the rows were made by a pipe; they are not log records then.
  bool is_table() const { return is_table_; }
  // Null when these are the rows of a block or of a table.
  const DerivedView* derived() const { return derived_; }
  MemoryBudget* budget() const { return budget_; }
  // What the row itself holds in this column of the header: not what stands in for _stream in
  // queries. Null: nothing.
  Result<const block::Column*> GetOwn(size_t index);
  // Brings the charge up to date.
  Status Charge();

 private:
  const std::unique_ptr<block::BlockView> view_;
  DerivedView* const derived_;
  filter::Columns columns_;
  const bool is_table_;
  MemoryBudget* const budget_;
  size_t charged_ = 0;
};

// A field in a list of fields: a name, or the beginning of names (`metadata.*`).
struct FieldPattern {
  std::string name;   // stored name, without the star
  std::string shown;  // as the query wrote it
  bool is_prefix = false;

  bool Matches(std::string_view stored_name) const {
    return is_prefix ? stored_name.substr(0, name.size()) == name : stored_name == name;
  }
};

// What is left of the fields after fields and delete pipes.
struct Projection {
  struct Step {
    bool keeps = true;  // else deletes
    std::vector<FieldPattern> fields;
  };
  std::vector<Step> steps;

  bool Shows(std::string_view stored_name) const;
  // The fields to print in this order, when the last `fields` pipe named each of them; else null.
  const std::vector<FieldPattern>* ordered_fields() const;
};

// A field of a batch.
struct FieldRef {
  std::string name;         // stored name
  std::string shown;        // as a fields pipe wrote it; empty: none named it
  bool is_implied = false;  // _stream and _stream_id, which a record has only in queries
};

struct Batch {
  std::shared_ptr<Rows> rows;
  std::shared_ptr<const Projection> projection;  // null: all fields
  filter::Bitmap matched;                        // the rows, when they are not listed
  std::vector<uint32_t> list;                    // the rows in their order, when is_listed
  uint32_t count = 0;
  bool is_listed = false;
  bool newest_first = false;  // the order of `matched`

  // Rows of a block, all of them.
  bool is_whole_block() const {
    return !is_listed && count == rows->columns().rows() && !rows->is_table() &&
           rows->derived() == nullptr;
  }
  // The rows in order; lists them on first use.
  const std::vector<uint32_t>& List();
  void SetList(std::vector<uint32_t> rows_in_order);
  // The column of a field that pipes have not taken away, or null.
  Result<const block::Column*> Get(std::string_view stored_name);
  // The fields that pipes have not taken away and that some row of the block has, in order.
  std::vector<FieldRef> Fields() const;
  // Column 0 as times; empty when the rows have none.
  Result<std::span<const int64_t>> Times();
};

// Rows made by a pipe. Columns may be in any order; "_time" must be made of integers and be the
// first one.
class Table : public block::BlockView {
 public:
  void AddColumn(std::string name, block::Column column);
  // Of a table without columns.
  void SetRows(uint32_t rows) { header_.rows = rows; }
  const block::BlockHeader& header() const override { return header_; }
  Result<const block::Column*> GetColumn(size_t index) override {
    return static_cast<const block::Column*>(&columns_[index]);
  }

 private:
  block::BlockHeader header_;
  std::vector<block::Column> columns_;
};

}  // namespace neurallog::query
