#include "filter/columns.h"

#include <algorithm>
#include <cstdlib>

#include "base/hash.h"
#include "base/json_text.h"
#include "block/template_texts.h"
#include "filter/filter.h"
#include "neurallog/log_record.h"

namespace neurallog::filter {
namespace {

// A column of `rows` rows with one value made of each value of `from` (or of an absent one),
// dictionaries kept as such.
template <typename F>
block::Column Transform(const block::Column* from, uint32_t rows, F transform) {
  ColumnBuilder builder;
  std::string text;
  if (from == nullptr || from->encoding != block::Encoding::kDict || !from->present.empty()) {
    char scratch[24];
    std::string last;
    for (uint32_t row = 0; row < rows; ++row) {
      const std::string_view value =
          from != nullptr ? from->TextAt(row, scratch) : std::string_view();
      if (row == 0 || value != last) {
        last.assign(value);
        text.clear();
        transform(value, &text);
      }
      builder.Add(text);
    }
    return builder.Finish();
  }
  for (const std::string_view entry : from->entries) {
    text.clear();
    transform(entry, &text);
    builder.Add(text);
  }
  block::Column column = builder.Finish();
  for (size_t i = 0; i < from->entries.size(); ++i)
    column.entries.emplace_back(column.bytes.data() + column.offsets[i],
                                column.offsets[i + 1] - column.offsets[i]);
  column.encoding = block::Encoding::kDict;
  column.offsets.clear();
  column.codes = from->codes;
  column.rows = rows;
  return column;
}

block::Column MixStreams(const block::Column& own, const block::Column* source, uint32_t rows) {
  ColumnBuilder builder;
  char scratch[24];
  for (uint32_t row = 0; row < rows; ++row) {
    std::string text(own.TextAt(row, scratch));
    if (text.empty())
      AppendStreamText(&text,
                       source == nullptr ? std::string_view() : source->TextAt(row, scratch));
    builder.Add(text);
  }
  return builder.Finish();
}

}  // namespace

void AppendStreamText(std::string* to, std::string_view source) {
  to->append("{");
  if (!source.empty()) {
    to->append("source=");
    base::AppendJsonString(to, source);
  }
  to->append("}");
}

void AppendStreamId(std::string* to, std::string_view stream) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const base::Hash128Value hash = base::Hash128(stream);
  to->append(16, '0');
  for (const uint64_t half : {hash.high, hash.low})
    for (int shift = 60; shift >= 0; shift -= 4) to->push_back(kHex[half >> shift & 15]);
}

Result<const block::Column*> Columns::Get(std::string_view name) {
  if (has_stream_fields_ && name == kFieldStream) return GetStream();
  if (has_stream_fields_ && name == kFieldStreamId) return GetStreamId();
  return GetStored(name);
}

Result<const block::Column*> Columns::GetStored(std::string_view name) {
  const int index = view_.header().FindColumn(name);
  if (index < 0) return static_cast<const block::Column*>(nullptr);
  return GetAt(static_cast<size_t>(index));
}

Result<const block::Column*> Columns::GetAt(size_t index) {
  NL_TRY(const block::Column* column, view_.GetColumn(index));
  if (seen_.size() <= index) seen_.resize(view_.header().columns.size());
  if (!seen_[index]) {
    seen_[index] = true;
    memory_bytes_ += column->memory_bytes();
  }
  return column;
}

int Columns::FindStored(std::string_view name) const {
  const bool is_synthesized =
      has_stream_fields_ && (name == kFieldStream || name == kFieldStreamId);
  return is_synthesized ? -1 : view_.header().FindColumn(name);
}

const block::ColumnMeta* Columns::Meta(std::string_view name) const {
  const int index = FindStored(name);
  return index < 0 ? nullptr : &view_.header().columns[static_cast<size_t>(index)];
}

Result<const block::TemplateTexts*> Columns::Templates(std::string_view name) {
  const int index = FindStored(name);
  if (index < 0) return static_cast<const block::TemplateTexts*>(nullptr);
  NL_TRY(const block::TemplateTexts* texts, view_.GetTemplates(static_cast<size_t>(index)));
  if (texts != nullptr && seen_templates_.insert(texts).second)
    memory_bytes_ += texts->memory_bytes();
  return texts;
}

const EntryNumbers* Columns::EntryNumbersOf(std::string_view name) const {
  const int index = FindStored(name);
  return index < 0 ? nullptr : view_.GetEntryNumbers(static_cast<size_t>(index));
}

const block::CodeIndex* Columns::CodeIndexOf(std::string_view name) const {
  const int index = FindStored(name);
  return index < 0 ? nullptr : view_.GetCodeIndex(static_cast<size_t>(index));
}

Result<std::span<const int64_t>> Columns::Times() {
  const auto& metas = view_.header().columns;
  if (metas.empty() || metas[0].name != kFieldTime) return std::span<const int64_t>();
  NL_TRY(const block::Column* column, GetAt(0));
  if (column->encoding != block::Encoding::kInts) return std::span<const int64_t>();
  return std::span<const int64_t>(column->ints);
}

Result<const block::Column*> Columns::GetStream() {
  if (stream_ != nullptr) return static_cast<const block::Column*>(stream_.get());
  NL_TRY(const block::Column* own, GetStored(kFieldStream));
  NL_TRY(const block::Column* source, GetStored(kFieldSource));
  if (own == nullptr) {
    stream_ = std::make_unique<block::Column>(Transform(
        source, rows(),
        [](std::string_view value, std::string* text) { AppendStreamText(text, value); }));
  } else {
    stream_ = std::make_unique<block::Column>(MixStreams(*own, source, rows()));
  }
  memory_bytes_ += stream_->memory_bytes();
  return static_cast<const block::Column*>(stream_.get());
}

Result<const block::Column*> Columns::GetStreamId() {
  if (stream_id_ == nullptr) {
    NL_TRY(const block::Column* stream, Get(kFieldStream));
    stream_id_ = std::make_unique<block::Column>(
        Transform(stream, rows(),
                  [](std::string_view value, std::string* text) { AppendStreamId(text, value); }));
    memory_bytes_ += stream_id_->memory_bytes();
  }
  return static_cast<const block::Column*>(stream_id_.get());
}

// What division gives is the double nearest to the decimal, as parsing does, while both operands are
// exact. Whole numbers and those that look like it are left to the parser.
bool ReadNumber(const block::Column& column, uint32_t row, Number* number) {
  constexpr int64_t kExactMax = int64_t{1} << 53;
  constexpr double kUnits[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
  constexpr int64_t kTens = 10;
  const int64_t digits = column.places > 0 ? column.ints[row] : 0;
  if (digits % kTens == 0 || digits > kExactMax || digits < -kExactMax)
    return ParseNumber(column.TextAt(row, nullptr), number);
  *number = {false, 0, static_cast<double>(digits) / kUnits[column.places]};
  return true;
}

void ColumnBuilder::Reserve(uint32_t rows, size_t bytes) {
  column_.offsets.reserve(rows + 1);
  column_.types.reserve(rows);
  column_.bytes.Reserve(bytes);
}

void ColumnBuilder::Add(std::string_view value, ValueType type) {
  if (column_.offsets.empty()) column_.offsets.push_back(0);
  column_.bytes.Append(value);
  column_.offsets.push_back(static_cast<uint32_t>(column_.bytes.size()));
  column_.types.push_back(static_cast<uint8_t>(type));
  const uint32_t row = column_.rows++;
  if (column_.present.size() <= row / 64) column_.present.push_back(0);
  column_.present[row / 64] |= uint64_t{1} << (row % 64);
}

void ColumnBuilder::AddAbsent() {
  Add({});
  const uint32_t row = column_.rows - 1;
  column_.present[row / 64] &= ~(uint64_t{1} << (row % 64));
  any_absent_ = true;
}

size_t ColumnBuilder::memory_bytes() const {
  return column_.bytes.capacity() + column_.offsets.capacity() * 4 + column_.types.capacity() +
         column_.present.capacity() * 8;
}

block::Column ColumnBuilder::Finish() {
  column_.encoding = block::Encoding::kStrings;
  if (column_.offsets.empty()) column_.offsets.push_back(0);
  if (!any_absent_) column_.present.clear();
  return std::move(column_);
}

}  // namespace neurallog::filter
