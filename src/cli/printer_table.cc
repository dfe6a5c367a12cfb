// Aligned columns; numbers to the right.
#include <algorithm>

#include "cli/column_printer.h"

namespace neurallog::cli {
namespace {

constexpr size_t kWidthMax = 60;  // of a column; longer cells push their line to the right

class TablePrinter : public ColumnPrinter {
 public:
  TablePrinter(std::FILE* out, bool color) : ColumnPrinter(out), paint_(color) {}

 protected:
  bool ShowHead(const std::vector<Row>& first_rows) override {
    for (const std::string& name : columns_) columns_shown_.push_back(Measure(name, first_rows));
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) AppendCell(i, Harmless(columns_[i]), kBold, &line);
    return Write(line.append("\n"));
  }

  bool ShowRow(const Row& row) override {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Field* const field = FindField(row, columns_[i]);
      const std::string text = field == nullptr ? "" : Harmless(field->text);
      AppendCell(i, text, columns_[i] == "level" ? ColorOfLevel(text) : "", &line);
    }
    return Write(line.append("\n"));
  }

 private:
  struct Column {
    size_t width;
    bool is_number = true;
  };

  static Column Measure(const std::string& name, const std::vector<Row>& rows) {
    Column column{WidthOf(Harmless(name))};
    for (const Row& row : rows) {
      const Field* const field = FindField(row, name);
      if (field == nullptr) continue;
      column.width = std::max(column.width, std::min(WidthOf(Harmless(field->text)), kWidthMax));
      column.is_number = column.is_number && !field->is_string;
    }
    return column;
  }

  void AppendCell(size_t i, const std::string& text, std::string_view color,
                  std::string* line) const {
    const Column& column = columns_shown_[i];
    const size_t space = column.width - std::min(WidthOf(text), column.width);
    if (i > 0) line->append("  ");
    if (column.is_number) line->append(space, ' ');
    line->append(paint_(color, text));
    if (!column.is_number && i + 1 < columns_.size()) line->append(space, ' ');
  }

  const Paint paint_;
  std::vector<Column> columns_shown_;
};

}  // namespace

std::unique_ptr<RowPrinter> MakeTablePrinter(std::FILE* out, bool color) {
  return std::make_unique<TablePrinter>(out, color);
}

}  // namespace neurallog::cli
