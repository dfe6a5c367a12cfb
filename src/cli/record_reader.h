// Records of a text and their places in it.
#pragma once

#include <cstdint>
#include <string>

#include "cli/input_file.h"
#include "neurallog/status.h"

namespace neurallog::cli {

enum class InputFormat : uint8_t { kNdjson, kCsv, kText };

// A record is a line, or for CSV as many as it takes until its quotes are closed. Not thread-safe.
class RecordReader {
 public:
  static constexpr size_t kRecordBytesMax = 64u << 20;  // a longer one ends the reading: TooLarge

  explicit RecordReader(InputFile* file) : file_(file) {}

  // NDJSON when the text begins with '{', else plain lines. Before the first Next.
  Result<InputFormat> GuessFormat();
  void set_format(InputFormat format) { is_csv_ = format == InputFormat::kCsv; }

  // Without its line end, and without a byte order mark; false at the end. A record may be empty.
  Result<bool> Next(std::string* record);
  // Up to the end of the last record, after decompression.
  uint64_t offset() const { return offset_; }
  uint64_t lines() const { return lines_; }
  // Of its beginning.
  uint64_t line() const { return line_; }

 private:
  // More bytes for rest_; false at the end.
  Result<bool> Fill();
  // Bytes of the record at the front with its line end; 0 when its end is not there yet.
  size_t FindEnd();

  InputFile* const file_;
  bool is_csv_ = false;
  std::string rest_;
  size_t begin_ = 0;     // of the next record in rest_
  size_t searched_ = 0;  // bytes behind begin_ that were looked at
  bool quoted_ = false;  // there
  bool ended_ = false;
  uint64_t offset_ = 0;
  uint64_t lines_ = 0;
  uint64_t line_ = 0;
};

}  // namespace neurallog::cli
