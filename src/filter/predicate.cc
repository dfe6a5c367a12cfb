#include "filter/predicate.h"

#include <algorithm>
#include <array>

#include "block/code_index.h"
#include "block/template_texts.h"

namespace neurallog::filter {
namespace {

constexpr std::array<bool, 256> MakeWordTable() {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < 256; ++c)
    table[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '_' || c >= 0x80;
  return table;
}
constexpr std::array<bool, 256> kWordBytes = MakeWordTable();

// Combines the verdict on rows that have a value with the one on those that have none.
Verdict Combine(Verdict present, bool absent_matches, uint32_t present_rows, uint32_t rows) {
  if (present_rows == rows) return present;
  if (present_rows == 0) return absent_matches ? Verdict::kAll : Verdict::kNone;
  const Verdict absent = absent_matches ? Verdict::kAll : Verdict::kNone;
  return present == absent ? present : Verdict::kSome;
}

// Touches the rows that are left, or those of the entries to be kept, or those of the others, whichever
// are fewest: the former lie apart, the others side by side.
void KeepEntries(const block::Column& column, const block::CodeIndex& index,
                 const std::vector<uint8_t>& keep, uint32_t left, Bitmap* rows) {
  uint32_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) kept += keep[i] != 0 ? index.CountOf(i) : 0;
  constexpr uint32_t kApartCost = 4;
  if (left * kApartCost < std::min(kept, index.rows() - kept))
    return KeepIf(rows, [&](uint32_t row) { return keep[column.codes[row]] != 0; });
  if (kept > index.rows() / 2) {
    for (size_t i = 0; i < keep.size(); ++i)
      if (keep[i] == 0)
        for (const uint16_t row : index.RowsOf(i)) rows->Clear(row);
    return;
  }
  Bitmap hits(rows->rows());
  for (size_t i = 0; i < keep.size(); ++i)
    if (keep[i] != 0)
      for (const uint16_t row : index.RowsOf(i)) hits.Set(row);
  rows->And(hits);
}

}  // namespace

bool IsWordByte(char c) { return kWordBytes[static_cast<unsigned char>(c)]; }

bool IsWordStart(std::string_view text, size_t at) {
  return at == 0 || !IsWordByte(text[at]) || !IsWordByte(text[at - 1]);
}

bool IsWordEnd(std::string_view text, size_t at, size_t length) {
  const size_t end = at + length;
  return end == text.size() || !IsWordByte(text[end - 1]) || !IsWordByte(text[end]);
}

std::string_view TextOfField(const RecordView& record, const std::string& field, std::string* own) {
  if (field != kFieldStream && field != kFieldStreamId) return record.Get(field);
  std::string stream(record.Get(kFieldStream));
  if (stream.empty()) AppendStreamText(&stream, record.Get(kFieldSource));
  own->clear();
  if (field == kFieldStream) {
    *own = std::move(stream);
  } else {
    AppendStreamId(own, stream);
  }
  return *own;
}

bool FieldPredicate::MatchRecord(const RecordView& record) const {
  std::string own;
  return MatchText(TextOfField(record, field_, &own));
}

Verdict FieldPredicate::JudgeMeta(const block::ColumnMeta&) const { return Verdict::kSome; }

Verdict FieldPredicate::Judge(Columns& columns) const {
  if (field_ == kFieldStream || field_ == kFieldStreamId) return Verdict::kSome;
  const block::ColumnMeta* meta = columns.Meta(field_);
  const bool absent_matches = MatchText({});
  if (meta == nullptr) return absent_matches ? Verdict::kAll : Verdict::kNone;
  const bool knows_only_name = meta->chunk_bytes == 0;
  if (knows_only_name) return Verdict::kSome;
  return Combine(JudgePresent(columns, *meta), absent_matches, meta->present_rows, columns.rows());
}

Verdict FieldPredicate::JudgePresent(Columns& columns, const block::ColumnMeta& meta) const {
  if (const Verdict verdict = JudgeMeta(meta); verdict != Verdict::kSome) return verdict;
  const bool has_entries =
      meta.encoding == block::Encoding::kConst || meta.encoding == block::Encoding::kDict;
  if (!has_entries || meta.inline_chunk.empty()) return Verdict::kSome;
  const auto column = columns.Get(field_);
  if (!column.ok() || *column == nullptr) return Verdict::kSome;  // Refine reports the error
  size_t matches = 0;
  for (const std::string_view entry : (*column)->entries) matches += MatchText(entry) ? 1 : 0;
  if (matches == 0) return Verdict::kNone;
  return matches == (*column)->entries.size() ? Verdict::kAll : Verdict::kSome;
}

Status FieldPredicate::Refine(Columns& columns, Bitmap* rows) const {
  if (const block::ColumnMeta* meta = columns.Meta(field_);
      meta != nullptr && meta->chunk_bytes != 0) {
    const Verdict verdict =
        Combine(JudgeMeta(*meta), MatchText({}), meta->present_rows, columns.rows());
    if (verdict == Verdict::kNone) rows->ClearAll();
    if (verdict != Verdict::kSome) return {};
  }
  if (judges_templates()) {
    NL_TRY(const block::TemplateTexts* texts, columns.Templates(field_));
    if (texts != nullptr) return RefineTemplates(*texts, rows);
  }
  NL_TRY(const block::Column* column, columns.Get(field_));
  const block::CodeIndex* index = column == nullptr ? nullptr : columns.CodeIndexOf(field_);
  const EntryNumbers* numbers =
      index != nullptr && matches_numbers() ? columns.EntryNumbersOf(field_) : nullptr;
  if (numbers != nullptr) {
    if (!column->present.empty())
      for (size_t i = 0; i < rows->words().size(); ++i) rows->words()[i] &= column->present[i];
    RefineNumbers(*column, *index, *numbers, rows);
    return {};
  }
  if (column != nullptr && column->present.empty()) {
    RefinePresent(*column, index, rows);
    return {};
  }
  const bool absent_matches = MatchText({});
  if (column == nullptr) {
    if (!absent_matches) rows->ClearAll();
    return {};
  }
  Bitmap present = *rows;
  for (size_t i = 0; i < present.words().size(); ++i) present.words()[i] &= column->present[i];
  if (absent_matches) {
    rows->AndNot(present);
    RefinePresent(*column, index, &present);
    rows->Or(present);
  } else {
    RefinePresent(*column, index, &present);
    *rows = std::move(present);
  }
  return {};
}

Status FieldPredicate::JudgeTemplates(const block::TemplateTexts& texts,
                                      std::vector<Verdict>* verdicts) const {
  verdicts->assign(texts.templates().rows, Verdict::kSome);
  return {};
}

Status FieldPredicate::RefineTemplates(const block::TemplateTexts& texts, Bitmap* rows) const {
  std::vector<Verdict> verdicts;
  NL_RETURN_IF_ERROR(JudgeTemplates(texts, &verdicts));
  Bitmap hits(rows->rows());
  Bitmap unsure(rows->rows());
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] == Verdict::kNone) continue;
    Bitmap& of_verdict = verdicts[i] == Verdict::kAll ? hits : unsure;
    for (const uint16_t row : texts.index().RowsOf(i)) of_verdict.Set(row);
  }
  unsure.And(*rows);
  std::vector<uint32_t> to_read;
  unsure.ForEach([&to_read](uint32_t row) { to_read.push_back(row); });
  if (!to_read.empty()) {
    NL_TRY(const block::Column column, texts.Take(to_read));
    AddMatches(column, to_read, &hits);
  }
  AddMatches(texts.others(), texts.other_rows(), &hits);
  if (MatchText({}))
    for (uint32_t row = 0; row < texts.rows(); ++row)
      if (texts.ids()[row] == block::TemplateTexts::kAbsent) hits.Set(row);
  rows->And(hits);
  return {};
}

void FieldPredicate::AddMatches(const block::Column& column, std::span<const uint32_t> rows,
                                Bitmap* hits) const {
  if (rows.empty()) return;
  Bitmap matched(column.rows, true);
  RefineStrings(column, &matched);
  matched.ForEach([&](uint32_t i) { hits->Set(rows[i]); });
}

void FieldPredicate::RefinePresent(const block::Column& column, const block::CodeIndex* index,
                                   Bitmap* rows) const {
  switch (column.encoding) {
    case block::Encoding::kConst: return RefineConst(column, rows);
    case block::Encoding::kDict: return RefineDict(column, index, rows);
    case block::Encoding::kInts: return RefineInts(column, rows);
    case block::Encoding::kStrings:
    case block::Encoding::kTemplates:
    case block::Encoding::kHex:
    case block::Encoding::kIpv4:
    case block::Encoding::kDecimal: return RefineStrings(column, rows);
  }
}

void FieldPredicate::RefineNumbers(const block::Column& column, const block::CodeIndex& index,
                                   const EntryNumbers& numbers, Bitmap* rows) const {
  const NumberBounds bounds = number_bounds();
  const auto matches = [&](size_t entry) {
    const double number = numbers.doubles[entry];
    if (number > bounds.low && number < bounds.high) return true;
    if (number < bounds.low || number > bounds.high) return false;
    return numbers.is_number[entry] != 0 && MatchNumber(numbers.numbers[entry]);
  };
  const uint32_t left = rows->Count();
  if (left < column.entries.size())
    return KeepIf(rows, [&](uint32_t row) { return matches(column.codes[row]); });
  std::vector<uint8_t> keep(column.entries.size());
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = matches(i) ? 1 : 0;
  KeepEntries(column, index, keep, left, rows);
}

void FieldPredicate::RefineConst(const block::Column& column, Bitmap* rows) const {
  if (!MatchText(column.entries[0])) rows->ClearAll();
}

// Of few rows: looks only at the entries that these have.
template <typename F>
void FieldPredicate::RefineEntriesOf(const block::Column& column, F matches, Bitmap* rows) {
  enum : uint8_t { kUnknown, kDrop, kKeep };
  std::vector<uint8_t> known(column.entries.size(), kUnknown);
  KeepIf(rows, [&](uint32_t row) {
    uint8_t& entry = known[column.codes[row]];
    if (entry == kUnknown) entry = matches(column.codes[row]) ? kKeep : kDrop;
    return entry == kKeep;
  });
}

void FieldPredicate::RefineDict(const block::Column& column, const block::CodeIndex* index,
                                Bitmap* rows) const {
  const uint32_t left = rows->Count();
  if (left < column.entries.size())
    return RefineEntriesOf(
        column, [&](uint16_t code) { return MatchText(column.entries[code]); }, rows);
  std::vector<uint8_t> keep(column.entries.size());
  size_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    keep[i] = MatchText(column.entries[i]) ? 1 : 0;
    kept += keep[i];
  }
  if (kept == keep.size()) return;
  if (kept == 0) return rows->ClearAll();
  if (index != nullptr) return KeepEntries(column, *index, keep, left, rows);
  const uint16_t* codes = column.codes.data();
  for (size_t i = 0; i < rows->words().size(); ++i) {
    uint64_t& word = rows->words()[i];
    if (word == 0) continue;
    uint64_t matches = 0;
    const size_t count = std::min<size_t>(64, rows->rows() - i * 64);
    for (size_t bit = 0; bit < count; ++bit) matches |= uint64_t{keep[codes[i * 64 + bit]]} << bit;
    word &= matches;
  }
}

void FieldPredicate::RefineInts(const block::Column& column, Bitmap* rows) const {
  char scratch[24];
  KeepIf(rows, [&](uint32_t row) { return MatchText(column.TextAt(row, scratch)); });
}

void FieldPredicate::RefineStrings(const block::Column& column, Bitmap* rows) const {
  KeepIf(rows, [&](uint32_t row) { return MatchText(TextOfString(column, row)); });
}

}  // namespace neurallog::filter
