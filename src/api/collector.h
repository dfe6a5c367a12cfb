// The rows of an answer that is made when all of them are there. Not thread-safe.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "query/row_visitor.h"

namespace neurallog::api {

class Collector : public query::RowVisitor {
 public:
  struct Cell {
    std::string text;  // empty: no value
    ValueType type = ValueType::kString;
  };
  using Row = std::vector<Cell>;

  void Clear() override {
    names_.clear();
    rows_.clear();
    bytes_ = 0;
  }
  // Rows of several blocks may have different columns; the names of all are kept, and rows are as long as there were names at their time.
  void OnColumns(std::span<const std::string_view> names) override {
    places_.clear();
    for (const std::string_view name : names) places_.push_back(PlaceOf(name));
  }
  void OnRow(std::span<const Value> values) override {
    Row& row = rows_.emplace_back(names_.size());
    for (size_t i = 0; i < values.size(); ++i)
      row[places_[i]] = {std::string(values[i].text), values[i].type};
    bytes_ += sizeof(Row);
    for (const Cell& cell : row)
      bytes_ += sizeof(Cell) + (cell.text.size() > 15 ? cell.text.size() : 0);
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<Row>& rows() const { return rows_; }
  size_t memory_bytes() const override { return bytes_; }
  // The value of a column, or an empty text.
  static const std::string& TextOf(const Row& row, size_t column) {
    static const std::string kNone;
    return column < row.size() ? row[column].text : kNone;
  }

 private:
  size_t PlaceOf(std::string_view name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<size_t>(found - names_.begin());
    names_.emplace_back(name);
    return names_.size() - 1;
  }

  std::vector<std::string> names_;
  std::vector<size_t> places_;  // of the columns of the current rows, in names_
  std::vector<Row> rows_;
  size_t bytes_ = 0;
};

}  // namespace neurallog::api
