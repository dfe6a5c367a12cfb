#include "block/column_encoder.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "block/bitpack.h"
#include "block/blob.h"
#include "block/char_class.h"
#include "block/text_hash.h"
#include "index/token_set.h"

namespace neurallog::block {
namespace {

constexpr size_t kIntTextMax = kIntDigitsMax + 1;
constexpr size_t kIntDictionaryEntriesMax =
    64;  // integers with more distinct values pack well as they are

// For cells of one length and type.
bool AllSame(std::span<const Cell> cells) {
  const Cell& first = cells.front();
  return std::all_of(cells.begin(), cells.end(), [&first](const Cell& cell) {
    return SameText(cell.data, first.data, cell.length);
  });
}

// The gaps between the rows of `cells`.
void CollectPresentGaps(std::span<const Cell> cells, std::vector<int64_t>* gaps) {
  gaps->clear();
  uint32_t next = 0;  // the first row that may follow
  for (const Cell& cell : cells) {
    gaps->push_back(cell.row - next);
    next = cell.row + 1u;
  }
}

// The gaps between the rows that are not among `cells`.
void CollectAbsentGaps(std::span<const Cell> cells, uint32_t rows, std::vector<int64_t>* gaps) {
  gaps->clear();
  uint32_t next = 0;
  uint32_t row = 0;
  const auto skip_to = [&](uint32_t present) {
    for (; row < present; next = ++row) gaps->push_back(row - next);
    ++row;
  };
  for (const Cell& cell : cells) skip_to(cell.row);
  skip_to(rows);
}

}  // namespace

std::string ColumnEncoder::EncodeTimes(std::span<const int64_t> times, ColumnMeta* meta) {
  meta->encoding = Encoding::kInts;
  meta->present_rows = rows_;
  MeasureDecimalLengths(times, meta);
  BeginChunk(Encoding::kInts, Presence::kAll, TypeLayout::kUniform);
  ints_encoder_.Plan(times);
  ints_encoder_.Append(&chunk_);
  chunk_.push_back(static_cast<char>(ValueType::kNumber));
  meta->has_int_range = true;
  meta->int_min = ints_encoder_.min();
  meta->int_max = ints_encoder_.max();
  meta->char_classes = kClassDigit | (meta->int_min < 0 ? kClassPrintable : 0);
  return EndChunk(meta);
}

std::string ColumnEncoder::EncodeCells(const GatheredColumn& column, ColumnMeta* meta) {
  const std::span<const Cell> cells = column.cells;
  meta->present_rows = static_cast<uint32_t>(cells.size());
  meta->length_min = column.length_min;
  meta->length_max = column.length_max;
  meta->value_bytes = column.value_bytes;
  meta->encoding = Choose(column);

  std::span<const Cell> typed = cells;
  if (meta->encoding == Encoding::kConst) typed = cells.first(1);
  if (meta->encoding == Encoding::kDict) typed = dictionary_.entries();
  const TypeLayout layout = column.one_type ? TypeLayout::kUniform : TypeLayout::kEach;
  const Presence presence = ChoosePresence(cells);
  BeginChunk(meta->encoding, presence, layout);
  AppendPresence(presence, cells);
  switch (meta->encoding) {
    case Encoding::kConst: AppendBlob(cells.front().text(), zstd_level_, &chunk_); break;
    case Encoding::kDict: AppendDictionary(); break;
    case Encoding::kInts:
      ints_encoder_.Append(&chunk_);
      meta->has_int_range = true;
      meta->int_min = ints_encoder_.min();
      meta->int_max = ints_encoder_.max();
      break;
    case Encoding::kTemplates:
      templates_.Append(zstd_level_, &chunk_, tokens_);
      templates_.Describe(meta);
      break;
    case Encoding::kStrings: AppendTexts(cells, &column.bytes); break;
    case Encoding::kHex:
    case Encoding::kIpv4:
    case Encoding::kDecimal: typed_texts_.Append(&chunk_); break;
  }
  AppendTypes(layout, typed);
  meta->char_classes = ClassesOfColumn(column, typed, *meta);
  if (tokens_ != nullptr && meta->encoding != Encoding::kInts) AddTokens(typed, meta);
  return EndChunk(meta);
}

std::array<uint32_t, kLevels> ColumnEncoder::CountLevels(const GatheredColumn& column,
                                                         const ColumnMeta& meta) const {
  if (meta.encoding != Encoding::kDict) return block::CountLevels(column.cells, rows_);
  std::vector<uint32_t> rows_of_code(dictionary_.entries().size());
  for (const uint16_t code : dictionary_.codes()) ++rows_of_code[code];
  std::array<uint32_t, kLevels> counts = NoLevels(rows_ - column.cells.size());
  for (size_t code = 0; code < rows_of_code.size(); ++code)
    counts[static_cast<size_t>(ParseLevel(dictionary_.entries()[code].text()))] +=
        rows_of_code[code];
  return counts;
}

// Codes that come in runs shrink to what the runs take.
void ColumnEncoder::AppendDictionary() {
  const std::span<const Cell> entries = dictionary_.entries();
  const std::span<const uint16_t> codes = dictionary_.codes();
  const int width = BitWidth(entries.size() - 1);
  size_t changes = 0;
  for (size_t i = 1; i < codes.size(); ++i) changes += codes[i] != codes[i - 1];
  constexpr size_t kBitsPerChange = 32;
  const bool has_runs = changes * kBitsPerChange < codes.size() * static_cast<size_t>(width);
  if (has_runs) chunk_.push_back(kDictWithRuns);
  base::AppendVarint(&chunk_, entries.size());
  AppendTexts(entries, nullptr);
  if (!has_runs) return PackBits(codes, width, &chunk_);
  AppendBlob({reinterpret_cast<const char*>(codes.data()), codes.size_bytes()}, zstd_level_,
             &chunk_);
}

// What the encoding tells needs no look at the values.
uint8_t ColumnEncoder::ClassesOfColumn(const GatheredColumn& column, std::span<const Cell> typed,
                                       const ColumnMeta& meta) const {
  switch (meta.encoding) {
    case Encoding::kInts: return kClassDigit | (meta.int_min < 0 ? kClassPrintable : 0);
    case Encoding::kHex: return kClassDigit | kClassLowerHex | kClassPrintable;
    case Encoding::kIpv4:
    case Encoding::kDecimal: return kClassDigit | kClassPrintable;
    case Encoding::kConst:
    case Encoding::kDict: break;
    case Encoding::kStrings:
    case Encoding::kTemplates:
      if (!column.bytes.empty()) return ClassesOf(column.bytes.view());
      break;
  }
  uint8_t classes = 0;
  for (const Cell& cell : typed) classes |= ClassesOf(cell.text());
  return classes;
}

void ColumnEncoder::AddTokens(std::span<const Cell> cells, ColumnMeta* meta) {
  meta->indexed = true;
  if (meta->encoding == Encoding::kTemplates) return;  // the template encoder has added them
  for (size_t i = 0; i < cells.size(); ++i) {
    PrefetchCell(cells, i);
    tokens_->Add(cells[i].text());
  }
}

Encoding ColumnEncoder::Choose(const GatheredColumn& column) {
  if (column.one_type && column.length_min == column.length_max && AllSame(column.cells))
    return Encoding::kConst;
  const bool is_ints = CollectInts(column);
  if (is_ints) ints_encoder_.Plan(ints_);
  if (DictionaryPays(column, is_ints)) return Encoding::kDict;
  if (is_ints) return Encoding::kInts;
  Encoding typed;
  if (typed_texts_.Plan(column, &typed)) return typed;
  return TemplatesPay(column) ? Encoding::kTemplates : Encoding::kStrings;
}

bool ColumnEncoder::TemplatesPay(const GatheredColumn& column) {
  if (!templates_.Plan(column.cells)) return false;
  if (!templates_.IsDoubtful()) return true;
  chunk_.clear();
  templates_.Append(zstd_level_, &chunk_, nullptr);
  const size_t bytes = chunk_.size();
  chunk_.clear();
  AppendTexts(column.cells, &column.bytes);
  return bytes < chunk_.size();
}

bool ColumnEncoder::CollectInts(const GatheredColumn& column) {
  const std::span<const Cell> cells = column.cells;
  if (column.length_min == 0 || column.length_max > kIntTextMax) return false;
  ints_.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    PrefetchCell(cells, i);
    if (!ParseCanonicalInt(cells[i].text(), &ints_[i])) return false;
  }
  return true;
}

bool ColumnEncoder::DictionaryPays(const GatheredColumn& column, bool is_ints) {
  const std::span<const Cell> cells = column.cells;
  const size_t entries_max =
      std::min<size_t>(cells.size() / 2, is_ints ? kIntDictionaryEntriesMax : kDictEntriesMax);
  if (!dictionary_.Build(cells, column.length_max, entries_max)) return false;
  if (!is_ints) return true;
  const size_t entries = dictionary_.entries().size();
  const size_t bytes =
      dictionary_.entry_bytes() + 2 * entries + PackedBytes(cells.size(), BitWidth(entries - 1));
  return bytes < ints_encoder_.planned_bytes();
}

void ColumnEncoder::BeginChunk(Encoding encoding, Presence presence, TypeLayout types) {
  chunk_.clear();
  chunk_.push_back(static_cast<char>(encoding));
  chunk_.push_back(static_cast<char>(presence));
  chunk_.push_back(static_cast<char>(types));
}

Presence ColumnEncoder::ChoosePresence(std::span<const Cell> cells) {
  if (cells.size() == rows_) return Presence::kAll;
  const bool mostly_absent = cells.size() < rows_ / 2;
  const size_t fewer = mostly_absent ? cells.size() : rows_ - cells.size();
  const size_t bitmap_bytes = (rows_ + 7) / 8;
  if (fewer > rows_ / 4) return Presence::kBitmap;
  if (mostly_absent) {
    CollectPresentGaps(cells, &gaps_);
  } else {
    CollectAbsentGaps(cells, rows_, &gaps_);
  }
  presence_encoder_.Plan(gaps_);
  if (presence_encoder_.planned_bytes() + 2 * sizeof(uint64_t) >= bitmap_bytes)
    return Presence::kBitmap;
  return mostly_absent ? Presence::kPresentRows : Presence::kAbsentRows;
}

void ColumnEncoder::AppendPresence(Presence presence, std::span<const Cell> cells) {
  if (presence == Presence::kAll) return;
  if (presence == Presence::kBitmap) {
    const size_t start = chunk_.size();
    chunk_.resize(start + (rows_ + 7) / 8);
    for (const Cell& cell : cells) {
      char& byte = chunk_[start + cell.row / 8];
      byte = static_cast<char>(byte | 1 << cell.row % 8);
    }
    return;
  }
  presence_encoder_.Append(&chunk_);
}

void ColumnEncoder::AppendTypes(TypeLayout layout, std::span<const Cell> cells) {
  if (layout == TypeLayout::kUniform) {
    chunk_.push_back(static_cast<char>(cells.front().type));
    return;
  }
  std::string types(cells.size(), '\0');
  for (size_t i = 0; i < cells.size(); ++i) types[i] = static_cast<char>(cells[i].type);
  AppendBlob(types, zstd_level_, &chunk_);
}

void ColumnEncoder::AppendLengths(std::span<const Cell> cells) {
  lengths_.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) lengths_[i] = cells[i].length;
  length_encoder_.Plan(lengths_);
  length_encoder_.Append(&chunk_);
}

void ColumnEncoder::AppendTexts(std::span<const Cell> cells, const base::Buffer* bytes) {
  AppendLengths(cells);
  if (bytes != nullptr && !bytes->empty()) return AppendBlob(bytes->view(), zstd_level_, &chunk_);
  size_t total = 0;
  for (const Cell& cell : cells) total += cell.length;
  bytes_.Clear();
  bytes_.Reserve(total + kCopySlop);
  for (size_t i = 0; i < cells.size(); ++i) {
    PrefetchCell(cells, i);
    AppendCell(cells[i], &bytes_);
  }
  AppendBlob(bytes_.view(), zstd_level_, &chunk_);
}

std::string ColumnEncoder::EndChunk(ColumnMeta* meta) {
  base::AppendLe(&chunk_, base::Crc32c(0, chunk_.data(), chunk_.size()));
  meta->chunk_bytes = static_cast<uint32_t>(chunk_.size());
  return chunk_;
}

}  // namespace neurallog::block
