// Short texts are copied whole words at a time, past their ends: all that is copied lies in buffers with padding, and
// the line has room for kCopySlop more.
#include "query/member_printer.h"

#include <charconv>

#include "base/json_plain.h"
#include "base/json_text.h"

namespace neurallog::query {
namespace {

using block::CopyText;
using block::kCopySlop;

constexpr size_t kEndBytes = 2;  // quote and comma
constexpr size_t kIntBytesMax = 20;

}  // namespace

MemberPrinter::MemberPrinter(std::string_view name, const block::Column* column,
                             const Options& options)
    : column_(column),
      form_(options.form),
      rows_(options.rows == nullptr ? column->present : *options.rows),
      kind_(ChooseKind(options)),
      is_quoted_(kind_ == Kind::kTimes || IsQuoted(column->uniform_type)) {
  base::AppendJsonString(&name_, name);
  name_.push_back(':');
  key_.Append(name_);
  if (is_quoted_) key_.Append("\"");
  if (kind_ == Kind::kEntries) entries_.resize(column->entries.size());
}

MemberPrinter::Kind MemberPrinter::ChooseKind(const Options& options) const {
  if (options.is_time) return Kind::kTimes;
  if (!column_->entries.empty()) return Kind::kEntries;
  const bool has_one_form = form_ == Form::kTextsOnly ||
                            (column_->types.empty() && column_->uniform_type != ValueType::kNull);
  if (!has_one_form) return Kind::kEach;
  return column_->encoding == block::Encoding::kInts ? Kind::kInts : Kind::kTexts;
}

void MemberPrinter::PrintOther(uint32_t row, base::Buffer* to) {
  switch (kind_) {
    case Kind::kTimes: return PrintTime(row, to);
    case Kind::kInts: return PrintInt(row, to);
    case Kind::kTexts: return PrintText(row, to);
    case Kind::kEntries:
    case Kind::kEach: break;
  }
  char digits[24];
  PrintAny(column_->TextAt(row, digits), column_->TypeAt(row), to);
}

void MemberPrinter::MakeEntry(size_t index) {
  const size_t begin = entry_members_.size();
  const auto type = column_->types.empty() ? column_->uniform_type
                                           : static_cast<ValueType>(column_->types[index]);
  PrintAny(column_->entries[index], type, &entry_members_);
  entry_members_.Reserve(1);  // padding behind nothing
  entries_[index] = {begin, entry_members_.size() - begin};
}

char* MemberPrinter::PutKey(char* to) const {
  CopyText(key_.data(), key_.size(), to);
  return to + key_.size();
}

char* MemberPrinter::PutEnd(char* to) const {
  if (is_quoted_) *to++ = '"';
  *to++ = ',';
  return to;
}

void MemberPrinter::PrintTime(uint32_t row, base::Buffer* to) {
  char* const begin =
      to->Prepare(key_.size() + base::Rfc3339Printer::kBytesMax + kEndBytes + kCopySlop);
  to->Commit(static_cast<size_t>(PutEnd(times_.Put(PutKey(begin), column_->ints[row])) - begin));
}

void MemberPrinter::PrintInt(uint32_t row, base::Buffer* to) const {
  char* const begin = to->Prepare(key_.size() + kIntBytesMax + kEndBytes + kCopySlop);
  char* const digits = PutKey(begin);
  char* const end = std::to_chars(digits, digits + kIntBytesMax, column_->ints[row]).ptr;
  to->Commit(static_cast<size_t>(PutEnd(end) - begin));
}

void MemberPrinter::PrintText(uint32_t row, base::Buffer* to) {
  const uint32_t offset = column_->offsets[row];
  const size_t size = column_->offsets[row + 1] - offset;
  const std::string_view text(column_->bytes.data() + offset, size);
  const bool is_plain = size > 0 && (!is_quoted_ || base::CountPlainJson(text) == size);
  if (!is_plain) return PrintAny(text, column_->uniform_type, to);
  char* const begin = to->Prepare(key_.size() + size + kEndBytes + kCopySlop);
  char* const value = PutKey(begin);
  CopyText(text.data(), size, value);
  to->Commit(static_cast<size_t>(PutEnd(value + size) - begin));
}

void MemberPrinter::PrintAny(std::string_view text, ValueType type, base::Buffer* to) {
  if (form_ == Form::kTextsOnly && text.empty()) return;
  to->Append(name_);
  if (IsQuoted(type)) {
    scratch_.clear();
    base::AppendJsonString(&scratch_, text);
    to->Append(scratch_);
  } else {
    to->Append(type == ValueType::kNull ? std::string_view("null") : text);
  }
  to->Append(",");
}

}  // namespace neurallog::query
