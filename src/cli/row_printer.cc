#include "cli/row_printer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace neurallog::cli {
namespace {

class JsonPrinter : public RowPrinter {
 public:
  explicit JsonPrinter(std::FILE* out) : RowPrinter(out) {}

 protected:
  bool TakeLine(std::string_view line) override { return Write(line) && Write("\n"); }
};

bool HasColor(const OutputOptions& options, bool is_terminal) {
  if (options.color != ColorChoice::kAuto) return options.color == ColorChoice::kAlways;
  return is_terminal && std::getenv("NO_COLOR") == nullptr;
}

}  // namespace

std::unique_ptr<RowPrinter> MakeJsonPrinter(std::FILE* out) {
  return std::make_unique<JsonPrinter>(out);
}

std::unique_ptr<RowPrinter> RowPrinter::Make(const OutputOptions& options, std::FILE* out) {
  const bool is_terminal = isatty(fileno(out)) == 1;
  const bool color = HasColor(options, is_terminal);
  switch (options.form) {
    case OutputForm::kJson: return MakeJsonPrinter(out);
    case OutputForm::kCsv: return MakeCsvPrinter(out);
    case OutputForm::kTable: return MakeTablePrinter(out, color);
    case OutputForm::kAuto: break;
  }
  return is_terminal ? MakeLinePrinter(out, color) : MakeJsonPrinter(out);
}

bool RowPrinter::Take(std::string_view bytes) {
  const bool taken = lines_.Add(bytes, [this](std::string_view line) { return TakeLine(line); });
  return Checked(taken && (waits_ || std::fflush(out_) == 0));
}

bool RowPrinter::Finish() { return Checked(error_ == 0 && ShowRest() && std::fflush(out_) == 0); }

void RowPrinter::DoNotWait() {
  waits_ = false;
  StopHolding();
}

bool RowPrinter::Checked(bool is_written) {
  if (!is_written && error_ == 0) error_ = errno;
  return is_written;
}

Status RowPrinter::status() const {
  if (error_ == 0 || error_ == EPIPE) return {};
  return IoError(std::string("write the output: ").append(std::strerror(error_)));
}

}  // namespace neurallog::cli
