#include "block/block_header.h"

#include <fmt/format.h>

#include <bit>
#include <numeric>

#include "base/bytes.h"
#include "base/hash.h"
#include "block/block_format.h"
#include "block/text_hash.h"

namespace neurallog::block {
namespace {

constexpr size_t kLinearColumnsMax = 8;
constexpr size_t kColumnBytesMin = 7;  // what the shortest column entry takes

Status Damaged(std::string_view what) { return Corruption(fmt::format("block header: {}", what)); }

void AppendTemplates(const ColumnMeta& column, std::string* to) {
  base::AppendVarint(to, column.templates);
  base::AppendVarint(to, column.top_templates.size());
  for (const TemplateCount& each : column.top_templates) {
    base::AppendLe(to, each.hash);
    base::AppendVarint(to, each.rows);
  }
}

void AppendColumn(const ColumnMeta& column, std::string* to) {
  const uint8_t flags = (column.inline_chunk.empty() ? 0 : kColumnInline) |
                        (column.has_int_range ? kColumnIntRange : 0) |
                        (column.indexed ? kColumnIndexed : 0);
  base::AppendLengthPrefixed(to, column.name);
  to->push_back(static_cast<char>(column.encoding));
  to->push_back(static_cast<char>(flags));
  base::AppendVarint(to, column.present_rows);
  base::AppendVarint(to, column.length_min);
  base::AppendVarint(to, column.length_max - column.length_min);
  base::AppendVarint(to, column.value_bytes);
  to->push_back(static_cast<char>(column.char_classes));
  if (column.has_int_range) {
    base::AppendVarint(to, base::ZigZag(column.int_min));
    base::AppendVarint(
        to, static_cast<uint64_t>(column.int_max) - static_cast<uint64_t>(column.int_min));
  }
  if (column.encoding == Encoding::kTemplates) AppendTemplates(column, to);
  base::AppendVarint(to, column.chunk_bytes);
  to->append(column.inline_chunk);
}

Status ReadIntRange(base::ByteReader* reader, ColumnMeta* column) {
  column->int_min = base::UnZigZag(reader->ReadVarint());
  column->int_max =
      static_cast<int64_t>(static_cast<uint64_t>(column->int_min) + reader->ReadVarint());
  if (column->int_max < column->int_min) return Damaged("an integer range is empty");
  return Status::Ok();
}

Status ReadTemplates(base::ByteReader* reader, ColumnMeta* column) {
  const uint64_t templates = reader->ReadVarint();
  const uint64_t top = reader->ReadVarint();
  if (templates > kTemplatesMax || top > kTopTemplatesMax || top > templates)
    return Damaged(fmt::format("{} of {} templates", top, templates));
  column->templates = static_cast<uint32_t>(templates);
  uint64_t left = column->present_rows;
  uint64_t most = left;
  for (uint64_t i = 0; i < top; ++i) {
    const auto hash = reader->ReadLe<uint64_t>();
    const uint64_t rows = reader->ReadVarint();
    if (rows == 0 || rows > most || rows > left)
      return Damaged(fmt::format("a template counts {} of {} rows", rows, left));
    column->top_templates.push_back({hash, static_cast<uint32_t>(rows)});
    most = rows;
    left -= rows;
  }
  return Status::Ok();
}

Status ReadColumn(base::ByteReader* reader, uint8_t version, uint32_t rows, ColumnMeta* column) {
  column->name = reader->ReadLengthPrefixed();
  const auto encoding = reader->ReadLe<uint8_t>();
  const auto flags = reader->ReadLe<uint8_t>();
  const uint64_t present = reader->ReadVarint();
  const uint64_t length_min = reader->ReadVarint();
  const uint64_t length_more = reader->ReadVarint();
  const uint64_t value_bytes = version > 2 ? reader->ReadVarint() : 0;
  if (version > 1) column->char_classes = reader->ReadLe<uint8_t>();
  const Encoding last = version > 1 ? Encoding::kDecimal : Encoding::kStrings;
  const uint8_t known_flags = version > 1 ? kColumnFlagsMask : kColumnInline | kColumnIntRange;
  if (encoding > static_cast<uint8_t>(last))
    return Damaged(fmt::format("unknown encoding {}", encoding));
  if ((flags & ~known_flags) != 0) return Damaged(fmt::format("unknown column flags {}", flags));
  if (present == 0 || present > rows)
    return Damaged(fmt::format("a column has {} of {} rows", present, rows));
  if (length_min > kColumnBytesMax || length_more > kColumnBytesMax - length_min)
    return Damaged("value lengths out of range");
  if (version > 2 &&
      (value_bytes < present * length_min || value_bytes > present * (length_min + length_more)))
    return Damaged(fmt::format("{} bytes of {} values", value_bytes, present));
  column->encoding = static_cast<Encoding>(encoding);
  column->present_rows = static_cast<uint32_t>(present);
  column->length_min = static_cast<uint32_t>(length_min);
  column->length_max = static_cast<uint32_t>(length_min + length_more);
  column->value_bytes = value_bytes;
  column->indexed = (flags & kColumnIndexed) != 0;
  column->has_int_range = (flags & kColumnIntRange) != 0;
  if (column->has_int_range != (column->encoding == Encoding::kInts))
    return Damaged("an integer range without integers");
  if (column->has_int_range) NL_RETURN_IF_ERROR(ReadIntRange(reader, column));
  if (column->encoding == Encoding::kTemplates) NL_RETURN_IF_ERROR(ReadTemplates(reader, column));
  const uint64_t chunk_bytes = reader->ReadVarint();
  if (chunk_bytes > UINT32_MAX) return Damaged(fmt::format("a chunk of {} bytes", chunk_bytes));
  column->chunk_bytes = static_cast<uint32_t>(chunk_bytes);
  if ((flags & kColumnInline) != 0) column->inline_chunk = reader->ReadBytes(chunk_bytes);
  if (!reader->ok()) return Damaged("a column ends early");
  if ((flags & kColumnInline) != 0 && chunk_bytes == 0) return Damaged("an inline chunk is empty");
  return Status::Ok();
}

Status ReadRows(base::ByteReader* reader, BlockHeader* header) {
  const uint64_t rows = reader->ReadVarint();
  if (rows == 0 || rows > kBlockRowsMax) return Damaged(fmt::format("{} rows", rows));
  header->rows = static_cast<uint32_t>(rows);
  header->min_ns = reader->ReadLe<int64_t>();
  header->max_ns = reader->ReadLe<int64_t>();
  if (header->min_ns > header->max_ns) return Damaged("the time range is empty");
  header->lsn_min = reader->ReadVarint();
  header->lsn_max = reader->ReadVarint();
  uint64_t counted = 0;
  for (uint32_t& count : header->level_counts) {
    const uint64_t stored = reader->ReadVarint();
    if (stored > rows) return Damaged(fmt::format("a level counts {} of {} rows", stored, rows));
    count = static_cast<uint32_t>(stored);
    counted += stored;
  }
  if (!reader->ok()) return Damaged("ends early");
  if (counted != rows) return Damaged(fmt::format("levels count {} of {} rows", counted, rows));
  return Status::Ok();
}

Status ReadColumns(base::ByteReader* reader, uint8_t version, BlockHeader* header) {
  const uint64_t count = reader->ReadVarint();
  if (count == 0 || count > reader->remaining() / kColumnBytesMin)
    return Damaged(fmt::format("{} columns", count));
  header->columns.resize(count);
  for (ColumnMeta& column : header->columns)
    NL_RETURN_IF_ERROR(ReadColumn(reader, version, header->rows, &column));
  if (!reader->empty()) return Damaged(fmt::format("{} bytes too many", reader->remaining()));
  const ColumnMeta& time = header->columns.front();
  if (time.name != kTimeColumn || time.encoding != Encoding::kInts ||
      time.present_rows != header->rows || time.int_min != header->min_ns ||
      time.int_max != header->max_ns)
    return Damaged("the first column is not the timestamp");
  return Status::Ok();
}

}  // namespace

std::string EncodeHeader(const BlockHeader& header) {
  std::string bytes;
  base::AppendLe(&bytes, kHeaderMagic);
  bytes.push_back(static_cast<char>(kHeaderVersion));
  base::AppendVarint(&bytes, header.rows);
  base::AppendLe(&bytes, header.min_ns);
  base::AppendLe(&bytes, header.max_ns);
  base::AppendVarint(&bytes, header.lsn_min);
  base::AppendVarint(&bytes, header.lsn_max);
  for (const uint32_t count : header.level_counts) base::AppendVarint(&bytes, count);
  base::AppendVarint(&bytes, header.columns.size());
  for (const ColumnMeta& column : header.columns) AppendColumn(column, &bytes);
  base::AppendLe(&bytes, base::Crc32c(0, bytes.data(), bytes.size()));
  return bytes;
}

Result<std::shared_ptr<const BlockHeader>> BlockHeader::Decode(std::string_view bytes) {
  if (bytes.size() < sizeof(kHeaderMagic) + 1 + kCrcBytes)
    return Damaged(fmt::format("{} bytes", bytes.size()));
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcBytes);
  if (base::Crc32c(0, body.data(), body.size()) !=
      base::LoadLe<uint32_t>(body.data() + body.size()))
    return Damaged("checksum mismatch");
  base::ByteReader reader(body);
  const auto magic = reader.ReadLe<uint32_t>();
  const auto version = reader.ReadLe<uint8_t>();
  if (magic != kHeaderMagic) return Damaged(fmt::format("magic {:#x}", magic));
  if (version < kHeaderVersionMin || version > kHeaderVersion)
    return Damaged(fmt::format("unknown version {}", version));
  auto header = std::make_shared<BlockHeader>();
  NL_RETURN_IF_ERROR(ReadRows(&reader, header.get()));
  NL_RETURN_IF_ERROR(ReadColumns(&reader, version, header.get()));
  header->IndexNames();
  return std::shared_ptr<const BlockHeader>(std::move(header));
}

void BlockHeader::IndexNames() {
  name_slots_.clear();
  if (columns.size() <= kLinearColumnsMax) return;
  name_slots_.resize(std::bit_ceil(columns.size() * 2));
  const uint64_t seed = TextHashSeed();
  const size_t mask = name_slots_.size() - 1;
  for (uint32_t i = 0; i < columns.size(); ++i) {
    size_t slot = HashText(columns[i].name, seed) & mask;
    while (name_slots_[slot] != 0) slot = (slot + 1) & mask;
    name_slots_[slot] = i + 1;
  }
}

int BlockHeader::FindColumn(std::string_view name) const {
  if (name_slots_.empty()) {
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) return static_cast<int>(i);
    return -1;
  }
  const size_t mask = name_slots_.size() - 1;
  for (size_t slot = HashText(name, TextHashSeed()) & mask; name_slots_[slot] != 0;
       slot = (slot + 1) & mask) {
    const uint32_t index = name_slots_[slot] - 1;
    if (columns[index].name == name) return static_cast<int>(index);
  }
  return -1;
}

int BlockHeader::FindColumn(std::string_view name, int guess) const {
  const int count = static_cast<int>(columns.size());
  for (int distance = 0; distance <= 2; ++distance)
    for (const int at : {guess - distance, guess + distance})
      if (at >= 0 && at < count && columns[static_cast<size_t>(at)].name == name) return at;
  return FindColumn(name);
}

size_t BlockHeader::memory_bytes() const {
  size_t bytes = sizeof(*this) + columns.capacity() * sizeof(ColumnMeta) +
                 name_slots_.capacity() * sizeof(uint32_t);
  for (const ColumnMeta& column : columns)
    bytes += column.name.capacity() + column.inline_chunk.capacity() +
             column.top_templates.capacity() * sizeof(TemplateCount);
  return bytes;
}

}  // namespace neurallog::block
