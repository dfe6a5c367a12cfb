// CSV (RFC 4180). A field that appears only after the columns were chosen has none; such values are
// counted.
#include <fmt/format.h>

#include <algorithm>

#include "base/csv_text.h"
#include "cli/column_printer.h"
#include "cli/terminal.h"

namespace neurallog::cli {
namespace {

class CsvPrinter : public ColumnPrinter {
 public:
  explicit CsvPrinter(std::FILE* out) : ColumnPrinter(out) {}

 protected:
  bool ShowHead(const std::vector<Row>&) override {
    std::string line;
    for (const std::string& name : columns_) {
      if (&name != &columns_.front()) line.push_back(',');
      base::AppendCsvCell(&line, name);
    }
    return Write(line.append("\r\n"));
  }

  bool ShowRow(const Row& row) override {
    std::string line;
    size_t found = 0;
    for (const std::string& name : columns_) {
      if (&name != &columns_.front()) line.push_back(',');
      const Field* const field = FindField(row, name);
      if (field == nullptr) continue;
      ++found;
      base::AppendCsvCell(&line, field->text);
    }
    values_lost_ += row.size() - std::min(found, row.size());
    return Write(line.append("\r\n"));
  }

  bool ShowRest() override {
    const bool shown = ColumnPrinter::ShowRest();
    if (values_lost_ > 0)
      Note(fmt::format(
          "{} values have no column, because their fields appeared after {} rows; name the columns "
          "with `| fields ...`, or use export",
          values_lost_, kRowsHeldMax));
    return shown;
  }

 private:
  size_t values_lost_ = 0;
};

}  // namespace

std::unique_ptr<RowPrinter> MakeCsvPrinter(std::FILE* out) {
  return std::make_unique<CsvPrinter>(out);
}

}  // namespace neurallog::cli
