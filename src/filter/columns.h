// The columns of a block by stored field name, with those that exist only in queries: "_stream" and
// "_stream_id".
//
// Wraps a BlockView for the time of a query step. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "block/block_view.h"
#include "filter/number.h"
#include "neurallog/status.h"

namespace neurallog::filter {

class Columns {
 public:
  enum class Kind : uint8_t {
    kBlock,  // log records, sorted by time
    kTable,  // rows made by a pipe, in any order, without synthesized columns
  };

  // `view` must outlive this.
  explicit Columns(block::BlockView& view, Kind kind = Kind::kBlock)
      : view_(view),
        sorted_by_time_(kind == Kind::kBlock),
        has_stream_fields_(kind == Kind::kBlock) {}

  const block::BlockHeader& header() const { return view_.header(); }
  uint32_t rows() const { return view_.header().rows; }
  bool sorted_by_time() const { return sorted_by_time_; }

  // The column, decoded on first use, or null when no row of the block has the field. Lives as long
  // as this.
  Result<const block::Column*> Get(std::string_view name);
  Result<const block::Column*> GetAt(size_t index);
  // These rows of it, which ascend, when that costs less than the column.
  Result<std::optional<block::Column>> Take(size_t index, std::span<const uint32_t> rows) {
    return view_.TakeRows(index, rows);
  }
  // Of a column that is stored as templates: these; else null.
  Result<const block::TemplateTexts*> Templates(std::string_view name);
  // Of a dictionary column that Get gave, where it is known already; else null.
  const block::CodeIndex* CodeIndexOf(std::string_view name) const;
  const EntryNumbers* EntryNumbersOf(std::string_view name) const;
  // What the header knows of it; null when there is no such column or the header does not know more
  // than its name.
  const block::ColumnMeta* Meta(std::string_view name) const;
  // The rows' times. Empty when the rows have none (tables without _time).
  Result<std::span<const int64_t>> Times();

  // Of the columns that were decoded through this.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  int FindStored(std::string_view name) const;
  Result<const block::Column*> GetStored(std::string_view name);
  Result<const block::Column*> GetStream();
  Result<const block::Column*> GetStreamId();

  block::BlockView& view_;
  const bool sorted_by_time_;
  const bool has_stream_fields_;
  size_t memory_bytes_ = 0;
  std::vector<bool> seen_;  // columns counted in memory_bytes_
  std::set<const block::TemplateTexts*> seen_templates_;  // likewise
  std::unique_ptr<block::Column> stream_;
  std::unique_ptr<block::Column> stream_id_;
};

// The number in a row of a kStrings column that has a value; false when it is none.
bool ReadNumber(const block::Column& column, uint32_t row, Number* number);

// Makes columns from values, one kept encoding for tables and synthesized columns.
class ColumnBuilder {
 public:
  void Reserve(uint32_t rows, size_t bytes);
  void Add(std::string_view value, ValueType type = ValueType::kString);
  void AddAbsent();
  size_t memory_bytes() const;
  block::Column Finish();

 private:
  block::Column column_;
  bool any_absent_ = false;
};

// The text of _stream of a record without one of its own: {source="x"}, or {} when it has no
// source.
void AppendStreamText(std::string* to, std::string_view source);
// The _stream_id of a _stream text: 48 hexadecimal digits, as VictoriaLogs prints them.
void AppendStreamId(std::string* to, std::string_view stream);

}  // namespace neurallog::filter
