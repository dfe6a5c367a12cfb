// Rows that a pipe makes of the rows of a batch: columns taken over, renamed, replaced or added, and
// perhaps other rows in another order.
//
//   NL_RETURN_IF_ERROR(Compact(&batch));                // so that columns are as long as the rows
//   FieldSet fields(batch);
//   fields.Set("len", std::move(column));               // one value per row of the block
//   batch = Derive(batch, std::move(fields));
//
// Columns that are taken over are shared with the batch they come from, and decoded only when asked
// for. Not thread-safe; owned by one execution.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/batch.h"

namespace neurallog::query {

struct DerivedField : FieldRef {
  std::string origin;  // its name in the batch it comes from, when the column was not made here
  std::shared_ptr<const block::Column> column;
};

// A field that no row has.
std::shared_ptr<const block::Column> AbsentColumn(uint32_t rows);

// The fields that derived rows have, in order.
class FieldSet {
 public:
  // Those that the batch shows.
  explicit FieldSet(const Batch& batch);

  const std::vector<DerivedField>& fields() const { return fields_; }
  // Null when there is none.
  const DerivedField* Find(std::string_view name) const;
  // Replaces the field or adds it. The first column holds _time: texts that are times become times.
  void Set(std::string_view name, block::Column column);
  void Set(std::string_view name, DerivedField field);
  void Remove(std::string_view name);

 private:
  std::vector<DerivedField> fields_;
};

class DerivedView : public block::BlockView {
 public:
  // Row i is row rows[i] of `from`; all of its rows in their order when `rows` is empty.
  DerivedView(std::shared_ptr<Rows> from, FieldSet fields, std::vector<uint32_t> rows,
              bool is_table);

  const block::BlockHeader& header() const override { return header_; }
  Result<const block::Column*> GetColumn(size_t index) override;
  // What the row itself holds of an implied field.
  Result<const block::Column*> GetOwn(size_t index);

  const FieldRef& field(size_t index) const { return fields_[index]; }
  bool is_table() const { return is_table_; }
  Status ChargeOrigin() { return from_->Charge(); }
  // Of the columns that exist only here.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  const std::shared_ptr<Rows> from_;
  std::vector<DerivedField> fields_;
  const std::vector<uint32_t> rows_;
  const bool is_table_;
  block::BlockHeader header_;
  std::vector<std::shared_ptr<const block::Column>> own_;
  size_t memory_bytes_;
};

// The batch's rows with these fields.
Batch Derive(const Batch& batch, FieldSet fields);
Batch Derive(const Batch& batch, FieldSet fields, bool is_table);
// The given rows of the batch's block, in this order, some perhaps more than once.
Batch DeriveRows(const Batch& batch, FieldSet fields, std::vector<uint32_t> rows);

// When the batch holds few rows of its block, makes it hold all rows of a smaller one.
void Compact(Batch* batch);

// The given rows of a column, in this order. Entries stay views into `from`.
block::Column Gather(const block::Column& from, const std::vector<uint32_t>& rows);

// Texts that are all times, as times; nothing otherwise.
std::optional<block::Column> ToTimes(const block::Column& from);

// Reads a field of a batch as text, times as RFC 3339.
class FieldReader {
 public:
  FieldReader() = default;
  static Result<FieldReader> Open(Batch& batch, std::string_view name);
  // The field as `fields` has it, which are made of the batch's.
  static Result<FieldReader> Open(Batch& batch, const FieldSet& fields, std::string_view name);
  // As the reader of a column that is not in a batch yet; null: no row has the field.
  explicit FieldReader(const block::Column* column, bool is_time = false)
      : column_(column), is_time_(is_time) {}

  // Empty when the row has none. Valid until the next call and as long as the batch.
  std::string_view Text(uint32_t row) {
    if (column_ == nullptr || !column_->Has(row)) return {};
    return is_time_ ? TimeText(row) : column_->TextAt(row, scratch_);
  }
  ValueType Type(uint32_t row) const {
    if (column_ == nullptr || !column_->Has(row) || is_time_) return ValueType::kString;
    return column_->TypeAt(row);
  }
  // Null when no row has the field.
  const block::Column* column() const { return column_; }
  bool is_time() const { return is_time_; }
  // Of a dictionary, where they are known already; else null.
  const filter::EntryNumbers* entry_numbers() const { return numbers_; }

 private:
  std::string_view TimeText(uint32_t row);

  const block::Column* column_ = nullptr;
  const filter::EntryNumbers* numbers_ = nullptr;
  bool is_time_ = false;
  char scratch_[24] = {};
  std::string time_text_;
};

}  // namespace neurallog::query
