#include "cli/record_reader.h"

#include <algorithm>
#include <utility>

namespace neurallog::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

Result<InputFormat> RecordReader::GuessFormat() {
  size_t first;
  while ((first = rest_.find_first_not_of(" \t\r\n\xef\xbb\xbf")) == std::string::npos && !ended_)
    NL_RETURN_IF_ERROR(Fill().status());
  return first != std::string::npos && rest_[first] == '{' ? InputFormat::kNdjson
                                                           : InputFormat::kText;
}

Result<bool> RecordReader::Fill() {
  if (rest_.size() - begin_ > kRecordBytesMax)
    return TooLarge("line " + std::to_string(lines_ + 1) + " has more than " +
                    std::to_string(kRecordBytesMax) + " bytes");
  rest_.erase(0, std::exchange(begin_, 0));
  NL_TRY(const bool more, file_->Read(&rest_));
  ended_ = !more;
  return more;
}

size_t RecordReader::FindEnd() {
  for (; begin_ + searched_ < rest_.size(); ++searched_) {
    const char c = rest_[begin_ + searched_];
    if (c == '"' && is_csv_) quoted_ = !quoted_;
    if (c == '\n' && !quoted_) return searched_ + 1;
  }
  return ended_ ? searched_ : 0;
}

Result<bool> RecordReader::Next(std::string* record) {
  size_t bytes;
  while ((bytes = FindEnd()) == 0 && !ended_) NL_RETURN_IF_ERROR(Fill().status());
  if (bytes == 0) return false;
  record->assign(rest_, begin_, bytes);
  begin_ += bytes;
  searched_ = 0;
  quoted_ = false;
  if (offset_ == 0 && record->starts_with(kByteOrderMark)) record->erase(0, kByteOrderMark.size());
  offset_ += bytes;
  line_ = lines_ + 1;
  const bool has_end = record->ends_with('\n');
  lines_ += static_cast<uint64_t>(std::count(record->begin(), record->end(), '\n')) + !has_end;
  while (record->ends_with('\n') || record->ends_with('\r')) record->pop_back();
  return true;
}

}  // namespace neurallog::cli
