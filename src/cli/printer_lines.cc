#include <algorithm>

#include "cli/row.h"
#include "cli/row_printer.h"

namespace neurallog::cli {
namespace {

constexpr std::string_view kFirst[] = {"timestamp", "level", "source", "message"};
constexpr size_t kLevelWidth = 5;

class LinePrinter : public RowPrinter {
 public:
  LinePrinter(std::FILE* out, bool color)
      : RowPrinter(out), paint_(color), table_(MakeTablePrinter(out, color)) {}

 protected:
  bool TakeLine(std::string_view line) override {
    const Row row = ReadRow(line);
    if (FindField(row, "message") != nullptr && FindField(row, "timestamp") != nullptr)
      return Write(ToLine(row));
    return table_->Take(std::string(line).append("\n"));
  }
  bool ShowRest() override { return table_->Finish(); }
  void StopHolding() override { table_->DoNotWait(); }

 private:
  std::string ToLine(const Row& row) const {
    const auto text_of = [&](std::string_view name) {
      const Field* const field = FindField(row, name);
      return field == nullptr ? std::string() : Harmless(field->text);
    };
    std::string line = paint_(kDim, text_of("timestamp")).append(" ");
    if (const std::string level = text_of("level"); !level.empty()) {
      line.append(paint_(ColorOfLevel(level), level));
      line.append(1 + kLevelWidth - std::min(level.size(), kLevelWidth), ' ');
    }
    if (const std::string source = text_of("source"); !source.empty())
      line.append(paint_(kCyan, source)).append(" ");
    line.append(text_of("message"));
    for (const Field& field : row) AppendFurther(field, &line);
    return line.append("\n");
  }

  void AppendFurther(const Field& field, std::string* line) const {
    if (std::find(std::begin(kFirst), std::end(kFirst), field.name) != std::end(kFirst)) return;
    line->append(" ").append(paint_(kDim, Harmless(field.name).append("=")));
    line->append(Harmless(field.text));
  }

  const Paint paint_;
  const std::unique_ptr<RowPrinter> table_;
};

}  // namespace

std::unique_ptr<RowPrinter> MakeLinePrinter(std::FILE* out, bool color) {
  return std::make_unique<LinePrinter>(out, color);
}

}  // namespace neurallog::cli
