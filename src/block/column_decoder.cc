// Every length, count, code and range is checked against the header entry, which bounds the memory
// a chunk can ask for: a column decodes to at most present_rows * length_max bytes and never to
// more than kColumnBytesMax.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/hash.h"
#include "block/bitmap.h"
#include "block/bitpack.h"
#include "block/blob.h"
#include "block/block.h"
#include "block/block_format.h"
#include "block/ints.h"
#include "block/row_decoder.h"
#include "block/template_texts.h"
#include "block/typed_text.h"

namespace neurallog::block {
namespace {

class Decoder {
 public:
  Decoder(const ColumnMeta& meta, uint32_t rows, std::string_view body)
      : meta_(meta), rows_(rows), reader_(body) {}

  Status Decode(Column* column);
  Status DecodeTemplatesOnly(TemplateColumn* to);
  Result<std::shared_ptr<const TemplateTexts>> DecodeTemplateTexts();
  Status DecodeRows(std::span<const uint32_t> wanted, Column* column);

 private:
  Status CheckEnd() const;
  Status ReadFront(TypeLayout* layout, Column* column);
  Status ReadPresence(Presence presence, Column* column);
  Status ReadBitmap(Column* column);
  Status ReadGaps(bool of_present, Column* column);
  Status ReadPayload(Column* column);
  Status ReadConst(Column* column);
  Status ReadDict(Column* column);
  Status ReadEntries(Column* column, bool* has_runs);
  Status ReadAllCodes(size_t entries, bool has_runs, std::span<uint16_t> codes);
  Status CheckInts(std::span<const int64_t> dense) const;
  Status ReadCodes(int width, std::span<uint16_t> codes);
  Status ReadCodeRuns(std::span<uint16_t> codes);
  Status ReadInts(Column* column);
  Status ReadStrings(Column* column);
  Status ReadTemplates(Column* column);
  Status ReadTyped(Column* column);
  Status CheckLengths(uint64_t* total) const;
  Status ReadTypes(TypeLayout layout, Column* column);
  // The same of some values, by their places among those that are present.
  Status ReadSome(std::span<const uint32_t> values, Column* column);
  Status ReadSomeStrings(std::span<const uint32_t> values, Column* column);
  Status ReadSomeTypes(TypeLayout layout, std::span<const uint32_t> values, Column* column);
  // From columns with one row for each value to columns with rows that have none.
  static void SpreadRows(Column* column);
  void PlaceTexts(Column* column);

  // `count` lengths into lengths_, and their sum.
  Status ReadLengths(size_t count, uint64_t* total);
  uint64_t bytes_max(uint64_t values) const {
    return std::min(values * meta_.length_max, kColumnBytesMax);
  }

  const ColumnMeta& meta_;
  const uint32_t rows_;
  base::ByteReader reader_;
  std::vector<int64_t> lengths_;
};

Status Decoder::Decode(Column* column) {
  TypeLayout layout;
  NL_RETURN_IF_ERROR(ReadFront(&layout, column));
  NL_RETURN_IF_ERROR(ReadPayload(column));
  NL_RETURN_IF_ERROR(ReadTypes(layout, column));
  return CheckEnd();
}

Status Decoder::CheckEnd() const {
  if (!reader_.ok()) return Corruption("ends early");
  if (!reader_.empty()) return Corruption(fmt::format("{} bytes too many", reader_.remaining()));
  return Status::Ok();
}

Status Decoder::DecodeTemplatesOnly(TemplateColumn* to) {
  TypeLayout layout;
  Column column;
  NL_RETURN_IF_ERROR(ReadFront(&layout, &column));
  StoredTemplates decoder(meta_.present_rows, meta_.length_max);
  NL_RETURN_IF_ERROR(decoder.ReadTemplates(&reader_));
  for (size_t i = 0; i < decoder.templates(); ++i) to->texts.push_back(decoder.text(i));
  to->ids.assign(rows_, TemplateColumn::kNone);
  uint32_t next = 0;
  for (uint32_t row = 0; row < rows_; ++row) {
    if (!column.Has(row)) continue;
    const uint16_t id = decoder.ids()[next++];
    if (id < decoder.templates()) to->ids[row] = id;
  }
  to->bytes = decoder.ReleaseTexts();
  return Status::Ok();
}

// Reads the values that are wanted as if all rows had one, then makes room for those that have none.
Status Decoder::DecodeRows(std::span<const uint32_t> wanted, Column* column) {
  TypeLayout layout;
  Column front;
  NL_RETURN_IF_ERROR(ReadFront(&layout, &front));
  std::vector<uint32_t> values;
  std::vector<uint64_t> present(front.present.empty() ? 0 : BitmapWords(wanted.size()));
  uint32_t before = 0;  // values in the words that were passed
  size_t word = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= rows_) return Corruption(fmt::format("row {} of {}", wanted[i], rows_));
    if (front.present.empty()) {
      values.push_back(wanted[i]);
    } else if (front.Has(wanted[i])) {
      for (; word < wanted[i] / 64; ++word)
        before += static_cast<uint32_t>(std::popcount(front.present[word]));
      const uint64_t lower = (uint64_t{1} << (wanted[i] % 64)) - 1;
      values.push_back(before + static_cast<uint32_t>(std::popcount(front.present[word] & lower)));
      SetBit(present, i);
    }
  }
  column->encoding = meta_.encoding;
  column->rows = static_cast<uint32_t>(values.size());
  NL_RETURN_IF_ERROR(ReadSome(values, column));
  NL_RETURN_IF_ERROR(ReadSomeTypes(layout, values, column));
  NL_RETURN_IF_ERROR(CheckEnd());
  if (values.size() == wanted.size()) return Status::Ok();
  column->rows = static_cast<uint32_t>(wanted.size());
  column->present = std::move(present);
  SpreadRows(column);
  return Status::Ok();
}

Status Decoder::ReadSome(std::span<const uint32_t> values, Column* column) {
  switch (meta_.encoding) {
    case Encoding::kConst: return ReadConst(column);
    case Encoding::kDict: {
      bool has_runs;
      NL_RETURN_IF_ERROR(ReadEntries(column, &has_runs));
      std::vector<uint16_t> codes(meta_.present_rows);
      NL_RETURN_IF_ERROR(ReadAllCodes(column->entries.size(), has_runs, codes));
      for (const uint32_t value : values) column->codes.push_back(codes[value]);
      return Status::Ok();
    }
    case Encoding::kInts: {
      std::vector<int64_t> dense(meta_.present_rows);
      NL_RETURN_IF_ERROR(DecodeInts(&reader_, dense));
      NL_RETURN_IF_ERROR(CheckInts(dense));
      for (const uint32_t value : values) column->ints.push_back(dense[value]);
      return Status::Ok();
    }
    case Encoding::kStrings:
    case Encoding::kHex:
    case Encoding::kIpv4:
    case Encoding::kDecimal: return ReadSomeStrings(values, column);
    case Encoding::kTemplates: break;
  }
  return Corruption("cannot be read in part");
}

Status Decoder::ReadSomeStrings(std::span<const uint32_t> values, Column* column) {
  Column all;
  uint64_t total;
  if (meta_.encoding == Encoding::kStrings) {
    NL_RETURN_IF_ERROR(ReadLengths(meta_.present_rows, &total));
    NL_RETURN_IF_ERROR(DecodeBlob(&reader_, total, &all.bytes));
  } else {
    NL_RETURN_IF_ERROR(
        DecodeTypedTexts(&reader_, meta_.encoding, meta_.present_rows, &lengths_, &all));
    NL_RETURN_IF_ERROR(CheckLengths(&total));
  }
  if (all.bytes.size() != total)
    return Corruption(fmt::format("{} bytes of values instead of {}", all.bytes.size(), total));
  column->encoding = Encoding::kStrings;
  column->offsets.push_back(0);
  column->bytes.Reserve(1);  // padding behind no bytes
  uint64_t offset = 0;
  uint32_t next = 0;
  for (const uint32_t value : values) {
    for (; next < value; ++next) offset += static_cast<uint64_t>(lengths_[next]);
    column->bytes.Append({all.bytes.data() + offset, static_cast<size_t>(lengths_[value])});
    column->offsets.push_back(static_cast<uint32_t>(column->bytes.size()));
  }
  return Status::Ok();
}

Status Decoder::ReadSomeTypes(TypeLayout layout, std::span<const uint32_t> values, Column* column) {
  const bool per_entry = meta_.encoding == Encoding::kConst || meta_.encoding == Encoding::kDict;
  if (layout == TypeLayout::kUniform || per_entry) return ReadTypes(layout, column);
  base::Buffer types;
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, meta_.present_rows, &types));
  if (types.size() != meta_.present_rows)
    return Corruption(fmt::format("{} types for {} values", types.size(), meta_.present_rows));
  for (const uint32_t value : values) {
    const auto type = static_cast<uint8_t>(types.data()[value]);
    if (type >= kValueTypes) return Corruption(fmt::format("unknown value type {}", type));
    column->types.push_back(type);
  }
  return Status::Ok();
}

void Decoder::SpreadRows(Column* column) {
  const size_t values = CountBits(column->present);
  const auto spread = [&](auto* of_values) {
    if (of_values->size() != values) return;  // none, or one per entry
    of_values->resize(column->rows);
    ExpandToRows(column->present, values, std::span(*of_values));
  };
  if (column->encoding == Encoding::kDict) return spread(&column->codes);
  if (column->encoding == Encoding::kConst) return;
  if (!column->types.empty()) spread(&column->types);
  if (column->encoding == Encoding::kInts) return spread(&column->ints);
  std::vector<uint32_t> offsets{0};
  for (uint32_t row = 0, next = 0; row < column->rows; ++row) {
    next += column->Has(row) ? 1 : 0;
    offsets.push_back(column->offsets[next]);
  }
  column->offsets = std::move(offsets);
}

Result<std::shared_ptr<const TemplateTexts>> Decoder::DecodeTemplateTexts() {
  TypeLayout layout;
  Column front;
  NL_RETURN_IF_ERROR(ReadFront(&layout, &front));
  StoredTemplates stored(meta_.present_rows, meta_.length_max);
  NL_RETURN_IF_ERROR(stored.ReadTemplates(&reader_));
  NL_RETURN_IF_ERROR(stored.ReadStreams(&reader_));
  NL_RETURN_IF_ERROR(ReadTypes(layout, &front));
  NL_RETURN_IF_ERROR(CheckEnd());
  return TemplateTexts::Make(std::move(front), std::move(stored));
}

Status Decoder::ReadFront(TypeLayout* type_layout, Column* column) {
  const auto encoding = reader_.ReadLe<uint8_t>();
  const auto presence = reader_.ReadLe<uint8_t>();
  const auto layout = reader_.ReadLe<uint8_t>();
  if (encoding != static_cast<uint8_t>(meta_.encoding))
    return Corruption(fmt::format("encoding {} where the header says {}", encoding,
                                  static_cast<int>(meta_.encoding)));
  if (presence > static_cast<uint8_t>(Presence::kAbsentRows))
    return Corruption(fmt::format("unknown presence {}", presence));
  if (layout > static_cast<uint8_t>(TypeLayout::kEach))
    return Corruption(fmt::format("unknown type layout {}", layout));
  column->encoding = meta_.encoding;
  column->rows = rows_;
  *type_layout = static_cast<TypeLayout>(layout);
  return ReadPresence(static_cast<Presence>(presence), column);
}

Status Decoder::ReadPresence(Presence presence, Column* column) {
  if (presence == Presence::kAll) {
    if (meta_.present_rows == rows_) return Status::Ok();
    return Corruption(
        fmt::format("all {} rows where the header says {}", rows_, meta_.present_rows));
  }
  column->present.resize(BitmapWords(rows_));
  if (presence == Presence::kBitmap) return ReadBitmap(column);
  return ReadGaps(presence == Presence::kPresentRows, column);
}

Status Decoder::ReadBitmap(Column* column) {
  const std::string_view bytes = reader_.ReadBytes((rows_ + 7) / 8);
  if (!reader_.ok()) return Corruption("the presence bitmap ends early");
  std::memcpy(column->present.data(), bytes.data(), bytes.size());
  if (rows_ % 64 != 0 && column->present.back() >> (rows_ % 64) != 0)
    return Corruption("presence of rows past the last");
  const size_t present = CountBits(column->present);
  if (present != meta_.present_rows)
    return Corruption(
        fmt::format("{} rows present where the header says {}", present, meta_.present_rows));
  return Status::Ok();
}

Status Decoder::ReadGaps(bool of_present, Column* column) {
  const uint32_t count = of_present ? meta_.present_rows : rows_ - meta_.present_rows;
  std::vector<int64_t> gaps(count);
  NL_RETURN_IF_ERROR(DecodeInts(&reader_, gaps));
  uint64_t next = 0;
  for (const int64_t gap : gaps) {
    if (static_cast<uint64_t>(gap) >= rows_ - next)
      return Corruption("presence of rows past the last");
    next += static_cast<uint64_t>(gap);
    SetBit(column->present, next++);
  }
  if (of_present) return Status::Ok();
  for (uint64_t& word : column->present) word = ~word;
  if (rows_ % 64 != 0) column->present.back() &= (uint64_t{1} << (rows_ % 64)) - 1;
  return Status::Ok();
}

Status Decoder::ReadPayload(Column* column) {
  switch (meta_.encoding) {
    case Encoding::kConst: return ReadConst(column);
    case Encoding::kDict: return ReadDict(column);
    case Encoding::kInts: return ReadInts(column);
    case Encoding::kStrings: return ReadStrings(column);
    case Encoding::kTemplates: return ReadTemplates(column);
    case Encoding::kHex:
    case Encoding::kIpv4:
    case Encoding::kDecimal: return ReadTyped(column);
  }
  return Corruption("unknown encoding");
}

Status Decoder::ReadConst(Column* column) {
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, bytes_max(1), &column->bytes));
  if (column->bytes.size() != meta_.length_max || meta_.length_min != meta_.length_max)
    return Corruption(fmt::format("a value of {} bytes where the header says {}",
                                  column->bytes.size(), meta_.length_max));
  column->entries.push_back(column->bytes.view());
  return Status::Ok();
}

Status Decoder::ReadLengths(size_t count, uint64_t* total) {
  lengths_.resize(count);
  NL_RETURN_IF_ERROR(DecodeInts(&reader_, lengths_));
  return CheckLengths(total);
}

Status Decoder::CheckLengths(uint64_t* total) const {
  uint64_t sum = 0;
  bool in_range = true;
  for (const int64_t length : lengths_) {
    in_range &= length >= static_cast<int64_t>(meta_.length_min) &&
                length <= static_cast<int64_t>(meta_.length_max);
    sum += static_cast<uint64_t>(length);
  }
  if (!in_range)
    return Corruption(
        fmt::format("a length outside of {} to {}", meta_.length_min, meta_.length_max));
  if (sum > kColumnBytesMax) return Corruption(fmt::format("{} bytes of values", sum));
  *total = sum;
  return Status::Ok();
}

Status Decoder::ReadEntries(Column* column, bool* has_runs) {
  uint64_t count = reader_.ReadVarint();
  *has_runs = count == kDictWithRuns;
  if (*has_runs) count = reader_.ReadVarint();
  if (count == 0 || count > kDictEntriesMax || count > meta_.present_rows)
    return Corruption(fmt::format("{} dictionary entries for {} rows", count, meta_.present_rows));
  uint64_t total;
  NL_RETURN_IF_ERROR(ReadLengths(count, &total));
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, total, &column->bytes));
  if (column->bytes.size() != total)
    return Corruption(
        fmt::format("{} bytes of entries instead of {}", column->bytes.size(), total));
  column->entries.reserve(count);
  const char* at = column->bytes.data();
  for (const int64_t length : lengths_) {
    column->entries.emplace_back(at, static_cast<size_t>(length));
    at += length;
  }
  return Status::Ok();
}

Status Decoder::ReadAllCodes(size_t entries, bool has_runs, std::span<uint16_t> codes) {
  NL_RETURN_IF_ERROR(has_runs ? ReadCodeRuns(codes) : ReadCodes(BitWidth(entries - 1), codes));
  uint16_t greatest = 0;
  for (const uint16_t code : codes) greatest = std::max(greatest, code);
  if (greatest >= entries)
    return Corruption(fmt::format("dictionary code {} of {}", greatest, entries));
  return Status::Ok();
}

Status Decoder::ReadDict(Column* column) {
  bool has_runs;
  NL_RETURN_IF_ERROR(ReadEntries(column, &has_runs));
  column->codes.resize(rows_);
  const std::span<uint16_t> codes(column->codes.data(), meta_.present_rows);
  NL_RETURN_IF_ERROR(ReadAllCodes(column->entries.size(), has_runs, codes));
  if (!column->present.empty())
    ExpandToRows(column->present, meta_.present_rows, std::span<uint16_t>(column->codes));
  return Status::Ok();
}

Status Decoder::ReadCodes(int width, std::span<uint16_t> codes) {
  const std::string_view packed = reader_.ReadBytes(PackedBytes(codes.size(), width));
  if (!reader_.ok()) return Corruption("dictionary codes end early");
  UnpackBits(packed, width, codes);
  return Status::Ok();
}

Status Decoder::ReadCodeRuns(std::span<uint16_t> codes) {
  base::Buffer bytes;
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, codes.size_bytes(), &bytes));
  if (bytes.size() != codes.size_bytes())
    return Corruption(fmt::format("{} bytes of codes for {} values", bytes.size(), codes.size()));
  std::memcpy(codes.data(), bytes.data(), bytes.size());
  return Status::Ok();
}

Status Decoder::ReadInts(Column* column) {
  column->ints.resize(rows_);
  const std::span<int64_t> dense(column->ints.data(), meta_.present_rows);
  NL_RETURN_IF_ERROR(DecodeInts(&reader_, dense));
  NL_RETURN_IF_ERROR(CheckInts(dense));
  if (!column->present.empty())
    ExpandToRows(column->present, meta_.present_rows, std::span<int64_t>(column->ints));
  return Status::Ok();
}

Status Decoder::CheckInts(std::span<const int64_t> dense) const {
  bool in_range = true;
  for (const int64_t value : dense) in_range &= value >= meta_.int_min && value <= meta_.int_max;
  if (in_range) return Status::Ok();
  return Corruption(fmt::format("an integer outside of {} to {}", meta_.int_min, meta_.int_max));
}

Status Decoder::ReadStrings(Column* column) {
  uint64_t total;
  NL_RETURN_IF_ERROR(ReadLengths(meta_.present_rows, &total));
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, total, &column->bytes));
  if (column->bytes.size() != total)
    return Corruption(fmt::format("{} bytes of values instead of {}", column->bytes.size(), total));
  PlaceTexts(column);
  return Status::Ok();
}

Status Decoder::ReadTemplates(Column* column) {
  StoredTemplates stored(meta_.present_rows, meta_.length_max);
  NL_RETURN_IF_ERROR(stored.ReadTemplates(&reader_));
  NL_RETURN_IF_ERROR(stored.ReadStreams(&reader_));
  TemplateDecoder templates(stored);
  NL_RETURN_IF_ERROR(templates.ReadSlots());
  lengths_.reserve(rows_);
  NL_RETURN_IF_ERROR(templates.AppendTexts(&lengths_, &column->bytes));
  uint64_t total;
  NL_RETURN_IF_ERROR(CheckLengths(&total));
  PlaceTexts(column);
  return Status::Ok();
}

Status Decoder::ReadTyped(Column* column) {
  lengths_.reserve(rows_);
  NL_RETURN_IF_ERROR(
      DecodeTypedTexts(&reader_, meta_.encoding, meta_.present_rows, &lengths_, column));
  if (!column->ints.empty()) {
    column->ints.resize(rows_);
    if (!column->present.empty())
      ExpandToRows(column->present, meta_.present_rows, std::span<int64_t>(column->ints));
  }
  uint64_t total;
  NL_RETURN_IF_ERROR(CheckLengths(&total));
  PlaceTexts(column);
  return Status::Ok();
}

// From the lengths of the values that are there to the offsets of all rows.
void Decoder::PlaceTexts(Column* column) {
  column->encoding = Encoding::kStrings;
  lengths_.resize(rows_);
  if (!column->present.empty())
    ExpandToRows(column->present, meta_.present_rows, std::span<int64_t>(lengths_));
  column->offsets.resize(rows_ + 1);
  uint32_t offset = 0;
  for (uint32_t row = 0; row < rows_; ++row) {
    column->offsets[row] = offset;
    offset += static_cast<uint32_t>(lengths_[row]);
  }
  column->offsets[rows_] = offset;
}

Status Decoder::ReadTypes(TypeLayout layout, Column* column) {
  if (layout == TypeLayout::kUniform) {
    const auto type = reader_.ReadLe<uint8_t>();
    if (type >= kValueTypes) return Corruption(fmt::format("unknown value type {}", type));
    column->uniform_type = static_cast<ValueType>(type);
    return Status::Ok();
  }
  const bool per_entry = meta_.encoding == Encoding::kConst || meta_.encoding == Encoding::kDict;
  const size_t count = per_entry ? column->entries.size() : meta_.present_rows;
  base::Buffer types;
  NL_RETURN_IF_ERROR(DecodeBlob(&reader_, count, &types));
  if (types.size() != count)
    return Corruption(fmt::format("{} types for {} values", types.size(), count));
  column->types.assign(types.view().begin(), types.view().end());
  for (const uint8_t type : column->types)
    if (type >= kValueTypes) return Corruption(fmt::format("unknown value type {}", type));
  if (per_entry) return Status::Ok();
  column->types.resize(rows_);
  if (!column->present.empty())
    ExpandToRows(column->present, count, std::span<uint8_t>(column->types));
  return Status::Ok();
}

// Calls decode(decoder) when the chunk's size and checksum are right.
template <typename F>
Status DecodeChecked(const ColumnMeta& meta, uint32_t rows, std::string_view chunk, F decode) {
  if (rows == 0 || rows > kBlockRowsMax || meta.present_rows == 0 || meta.present_rows > rows)
    return Corruption(fmt::format("{} of {} rows", meta.present_rows, rows));
  if (chunk.size() != meta.chunk_bytes || chunk.size() < kCrcBytes)
    return Corruption(fmt::format("a chunk of {} bytes where the header says {}", chunk.size(),
                                  meta.chunk_bytes));
  const std::string_view body = chunk.substr(0, chunk.size() - kCrcBytes);
  if (base::Crc32c(0, body.data(), body.size()) !=
      base::LoadLe<uint32_t>(body.data() + body.size()))
    return Corruption("checksum mismatch");
  Decoder decoder(meta, rows, body);
  return decode(&decoder);
}

Status Named(const ColumnMeta& meta, const Status& status) {
  return Corruption(fmt::format("block column '{}': {}", meta.name, status.message()));
}

}  // namespace

Result<Column> DecodeColumn(const ColumnMeta& meta, uint32_t rows, std::string_view chunk) {
  Column column;
  const Status status = DecodeChecked(
      meta, rows, chunk, [&column](Decoder* decoder) { return decoder->Decode(&column); });
  if (!status.ok()) return Named(meta, status);
  return column;
}

Result<Column> DecodeRows(const ColumnMeta& meta, uint32_t rows, std::string_view chunk,
                          std::span<const uint32_t> wanted) {
  Column column;
  const Status status = DecodeChecked(
      meta, rows, chunk, [&](Decoder* decoder) { return decoder->DecodeRows(wanted, &column); });
  if (!status.ok()) return Named(meta, status);
  return column;
}

Result<std::shared_ptr<const TemplateTexts>> DecodeTemplateTexts(const ColumnMeta& meta,
                                                                 uint32_t rows,
                                                                 std::string_view chunk) {
  std::shared_ptr<const TemplateTexts> texts;
  if (meta.encoding != Encoding::kTemplates) return Named(meta, Corruption("has no templates"));
  const Status status = DecodeChecked(meta, rows, chunk, [&texts](Decoder* decoder) -> Status {
    NL_TRY(texts, decoder->DecodeTemplateTexts());
    return Status::Ok();
  });
  if (!status.ok()) return Named(meta, status);
  return texts;
}

Result<TemplateColumn> DecodeTemplates(const ColumnMeta& meta, uint32_t rows,
                                       std::string_view chunk) {
  TemplateColumn column;
  if (meta.encoding != Encoding::kTemplates) return Named(meta, Corruption("has no templates"));
  const Status status = DecodeChecked(meta, rows, chunk, [&column](Decoder* decoder) {
    return decoder->DecodeTemplatesOnly(&column);
  });
  if (!status.ok()) return Named(meta, status);
  return column;
}

}  // namespace neurallog::block
