// Prints the values of a column as members of JSON objects, each with a comma behind it:
//
//   MemberPrinter member("level", &column, {.form = MemberPrinter::Form::kTyped});
//   member.Print(row, &line);      // appends "level":"info", or nothing
//
// What rows have in common is made once: the name, the entries of a dictionary, the second of times.
// Not thread-safe; the column outlives it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/time_printer.h"
#include "block/block.h"
#include "block/gather.h"

namespace neurallog::query {

class MemberPrinter {
 public:
  enum class Form : uint8_t {
    kTyped,      // numbers, booleans, null, arrays and objects as such
    kTextsOnly,  // every value as a string, and empty ones left out
  };
  struct Options {
    Form form = Form::kTyped;
    bool is_time = false;  // integers to be printed as RFC 3339
    // A bit for each row that is printed, all of which have a value; null: those that have one.
    const std::vector<uint64_t>* rows = nullptr;
  };
  MemberPrinter(std::string_view name, const block::Column* column, const Options& options);

  void Print(uint32_t row, base::Buffer* to) {
    if (!rows_.empty() && (rows_[row >> 6] >> (row & 63) & 1) == 0) return;
    kind_ == Kind::kEntries ? PrintEntry(row, to) : PrintOther(row, to);
  }

 private:
  enum class Kind : uint8_t { kEntries, kTimes, kInts, kTexts, kEach };
  struct Entry {
    static constexpr size_t kNotPrinted = SIZE_MAX;
    size_t begin = kNotPrinted;  // in entry_members_
    size_t size = 0;
  };

  Kind ChooseKind(const Options& options) const;
  bool IsQuoted(ValueType type) const {
    return form_ == Form::kTextsOnly || type == ValueType::kString;
  }
  void PrintEntry(uint32_t row, base::Buffer* to) {
    const size_t index = column_->encoding == block::Encoding::kDict ? column_->codes[row] : 0;
    if (entries_[index].begin == Entry::kNotPrinted) [[unlikely]]
      MakeEntry(index);
    const Entry entry = entries_[index];
    block::CopyText(entry_members_.data() + entry.begin, entry.size,
                    to->Prepare(entry.size + block::kCopySlop));
    to->Commit(entry.size);
  }
  void MakeEntry(size_t index);
  void PrintOther(uint32_t row, base::Buffer* to);
  void PrintTime(uint32_t row, base::Buffer* to);
  void PrintInt(uint32_t row, base::Buffer* to) const;
  void PrintText(uint32_t row, base::Buffer* to);
  // Any value, of any type.
  void PrintAny(std::string_view text, ValueType type, base::Buffer* to);
  char* PutKey(char* to) const;
  char* PutEnd(char* to) const;

  const block::Column* const column_;
  const Form form_;
  const std::vector<uint64_t>& rows_;  // empty: all
  const Kind kind_;
  const bool is_quoted_;  // the values of kTimes, kInts and kTexts
  std::string name_;      // as a JSON string with a colon
  base::Buffer key_;      // that and the opening quote, if there is one
  base::Rfc3339Printer times_;
  std::vector<Entry> entries_;
  base::Buffer entry_members_;
  std::string scratch_;
};

}  // namespace neurallog::query
