#include "cli/column_printer.h"

#include <algorithm>
#include <utility>

namespace neurallog::cli {

bool ColumnPrinter::TakeLine(std::string_view line) {
  Row row = ReadRow(line);
  if (has_begun_) return ShowRow(row);
  held_.push_back(std::move(row));
  return held_.size() < rows_held_max_ || Begin();
}

bool ColumnPrinter::Begin() {
  if (std::exchange(has_begun_, true)) return true;
  const std::vector<Row> rows = std::exchange(held_, {});
  for (const Row& row : rows)
    for (const Field& field : row)
      if (std::find(columns_.begin(), columns_.end(), field.name) == columns_.end())
        columns_.push_back(field.name);
  if (columns_.empty()) return true;
  return ShowHead(rows) &&
         std::all_of(rows.begin(), rows.end(), [this](const Row& row) { return ShowRow(row); });
}

}  // namespace neurallog::cli
