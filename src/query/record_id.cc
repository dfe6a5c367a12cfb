#include "query/record_id.h"

#include <charconv>

#include "base/bytes.h"
#include "base/hash.h"
#include "filter/filter.h"

namespace neurallog::query {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr size_t kDigits = 16;

void AppendHex(std::string* to, uint64_t number) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) to->push_back(kHex[number >> shift & 15]);
}

std::optional<uint64_t> ParseHex(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void AppendRecordId(std::string* to, const RecordId& id) {
  AppendHex(to, static_cast<uint64_t>(id.time_ns) ^ kSignBit);
  AppendHex(to, id.hash);
}

std::optional<RecordId> ParseRecordId(std::string_view text) {
  if (text.size() != 2 * kDigits) return std::nullopt;
  const auto time = ParseHex(text.substr(0, kDigits));
  const auto hash = ParseHex(text.substr(kDigits));
  if (!time || !hash) return std::nullopt;
  return RecordId{static_cast<int64_t>(*time ^ kSignBit), *hash};
}

Status RecordIds::Prepare(Rows& rows) {
  filter::Columns& columns = rows.columns();
  fields_.clear();
  NL_TRY(times_, columns.Times());
  for (size_t i = 0; i < columns.header().columns.size(); ++i) {
    const std::string& name = columns.header().columns[i].name;
    if (name == filter::kFieldTime) continue;
    Field& field = fields_.emplace_back();
    base::AppendLengthPrefixed(&field.prefix, name);
    NL_TRY(field.column, columns.GetAt(i));
    field.hashes.resize(field.column->entries.size());
  }
  return rows.Charge();
}

RecordId RecordIds::Of(uint32_t row) {
  RecordId id;
  id.time_ns = times_.empty() ? 0 : times_[row];
  for (Field& field : fields_)
    if (field.column->Has(row)) id.hash += HashOf(&field, row);
  return id;
}

uint64_t RecordIds::HashOf(Field* field, uint32_t row) {
  const block::Column& column = *field->column;
  uint64_t* known = nullptr;
  if (!field->hashes.empty()) {
    known = &field->hashes[column.encoding == block::Encoding::kDict ? column.codes[row] : 0];
    if (*known != 0) return *known;
  }
  char scratch[24];
  buffer_ = field->prefix;
  buffer_.push_back(static_cast<char>(column.TypeAt(row)));
  buffer_ += column.TextAt(row, scratch);
  const uint64_t hash = base::Hash64(buffer_);
  if (known != nullptr) *known = hash;
  return hash;
}

}  // namespace neurallog::query
