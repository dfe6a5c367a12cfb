// How the rows of an answer are shown.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>

#include "cli/lines.h"
#include "neurallog/status.h"

namespace neurallog::cli {

enum class OutputForm : uint8_t { kAuto, kJson, kCsv, kTable };
enum class ColorChoice : uint8_t { kAuto, kAlways, kNever };

struct OutputOptions {
  OutputForm form = OutputForm::kAuto;  // kAuto: lines and columns on a terminal, else NDJSON
  ColorChoice color = ColorChoice::kAuto;
};

// Takes NDJSON as it comes and prints its rows.
//
//   const auto printer = RowPrinter::Make(options, stdout);
//   while (printer->Take(piece)) ...
//   printer->Finish();
//   return printer->status();
//
// Not thread-safe.
class RowPrinter {
 public:
  static std::unique_ptr<RowPrinter> Make(const OutputOptions& options, std::FILE* out);
  virtual ~RowPrinter() = default;

  // False when nothing more can be written.
  bool Take(std::string_view bytes);
  // Shows what is held back. False when it cannot be written.
  bool Finish();
  // From now on each row is shown as soon as it comes.
  void DoNotWait();
  // IoError when writing failed; Ok also when the reader of the output has gone.
  Status status() const;

 protected:
  explicit RowPrinter(std::FILE* out) : out_(out) {}
  virtual bool TakeLine(std::string_view line) = 0;
  virtual bool ShowRest() { return true; }
  virtual void StopHolding() {}
  bool Write(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), out_) == text.size();
  }

 private:
  bool Checked(bool is_written);

  std::FILE* const out_;
  LineBuffer lines_;
  bool waits_ = true;
  int error_ = 0;
};

// The forms.
std::unique_ptr<RowPrinter> MakeJsonPrinter(std::FILE* out);
std::unique_ptr<RowPrinter> MakeCsvPrinter(std::FILE* out);
std::unique_ptr<RowPrinter> MakeTablePrinter(std::FILE* out, bool color);
// Log records as lines: time, level, source, message, and the rest as name=value. Other rows as a
// table.
std::unique_ptr<RowPrinter> MakeLinePrinter(std::FILE* out, bool color);

}  // namespace neurallog::cli
