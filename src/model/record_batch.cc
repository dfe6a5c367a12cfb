#include "model/record_batch.h"

#include "base/hash.h"

namespace neurallog::model {
namespace {

constexpr size_t kRowHeaderBytes = 12;  // row_bytes, timestamp
constexpr size_t kFieldCountBytes = 3;  // a padded varint: at most 2^21 fields fit a row

// What a small batch usually needs, so that it does not grow: room behind the last field, and names.
constexpr size_t kSlackBytes = 128;
constexpr size_t kNamesBytes = 256;
constexpr size_t kNames = 24;

// The field count is patched in when the row ends, so it always takes three bytes.
void StoreFieldCount(char* to, uint32_t count) {
  to[0] = static_cast<char>(count | 0x80);
  to[1] = static_cast<char>(count >> 7 | 0x80);
  to[2] = static_cast<char>(count >> 14 & 0x7f);
}

Status CheckRow(std::string_view row, size_t names) {
  base::ByteReader reader(row);
  reader.ReadLe<int64_t>();
  const uint64_t fields = reader.ReadVarint();
  for (uint64_t i = 0; i < fields && reader.ok(); ++i) {
    const uint64_t id = reader.ReadVarint();
    const uint64_t tag = reader.ReadVarint();
    reader.ReadBytes(tag >> 3);
    if (id >= names)
      return Corruption("record batch: name id " + std::to_string(id) + " of " +
                        std::to_string(names));
    if ((tag & 7) >= kValueTypes)
      return Corruption("record batch: value type " + std::to_string(tag & 7));
  }
  if (!reader.ok() || !reader.empty())
    return Corruption("record batch: a row's fields do not fill its " + std::to_string(row.size()) +
                      " bytes");
  return {};
}

}  // namespace

Result<std::shared_ptr<const RecordBatch>> RecordBatch::Decode(std::string_view payload) {
  auto batch = std::make_shared<RecordBatch>();
  base::ByteReader reader(payload);
  batch->rows_ = reader.ReadLe<uint32_t>();
  const auto names = reader.ReadLe<uint32_t>();
  batch->min_ns_ = reader.ReadLe<int64_t>();
  batch->max_ns_ = reader.ReadLe<int64_t>();
  const auto names_bytes = reader.ReadLe<uint32_t>();
  batch->names_bytes_.Append(reader.ReadBytes(names_bytes));
  if (!reader.ok() || names > RecordBatchBuilder::kNamesMax)
    return Corruption("record batch: broken header");
  base::ByteReader name_reader(batch->names_bytes_.view());
  for (uint32_t i = 0; i < names; ++i) batch->names_.push_back(name_reader.ReadLengthPrefixed());
  if (!name_reader.ok() || !name_reader.empty()) return Corruption("record batch: broken names");
  batch->rows_bytes_.Append(reader.ReadBytes(reader.remaining()));
  base::ByteReader row_reader(batch->rows_bytes_.view());
  for (uint32_t i = 0; i < batch->rows_; ++i) {
    const std::string_view row = row_reader.ReadBytes(row_reader.ReadLe<uint32_t>());
    NL_RETURN_IF_ERROR(CheckRow(row, names).Annotate("row " + std::to_string(i)));
  }
  if (!row_reader.ok() || !row_reader.empty())
    return Corruption("record batch: rows do not fill the payload");
  return std::shared_ptr<const RecordBatch>(std::move(batch));
}

void RecordBatch::EncodeHeader(char* to) const {
  base::StoreLe<uint32_t>(to, rows_);
  base::StoreLe<uint32_t>(to + 4, static_cast<uint32_t>(names_.size()));
  base::StoreLe<int64_t>(to + 8, min_ns_);
  base::StoreLe<int64_t>(to + 16, max_ns_);
  base::StoreLe<uint32_t>(to + 24, static_cast<uint32_t>(names_bytes_.size()));
}

RecordBatchBuilder::RecordBatchBuilder(size_t rows_bytes_hint)
    : rows_(rows_bytes_hint + kSlackBytes), names_bytes_(kNamesBytes), name_table_(64) {
  name_offsets_.reserve(kNames);
  name_lengths_.reserve(kNames);
}

uint32_t RecordBatchBuilder::NameId(std::string_view name) {
  const uint64_t hash = base::Hash64(name);
  const size_t mask = name_table_.size() - 1;
  size_t slot = hash & mask;
  for (; name_table_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t id = name_table_[slot] - 1;
    if (std::string_view(names_bytes_.data() + name_offsets_[id], name_lengths_[id]) == name)
      return id;
  }
  const auto id = static_cast<uint32_t>(name_offsets_.size());
  if (id == kNamesMax) return kNamesMax;
  char prefix[base::kVarintBytesMax];
  names_bytes_.Append(prefix,
                      static_cast<size_t>(base::EncodeVarint(prefix, name.size()) - prefix));
  name_offsets_.push_back(static_cast<uint32_t>(names_bytes_.size()));
  name_lengths_.push_back(static_cast<uint32_t>(name.size()));
  names_bytes_.Append(name);
  name_table_[slot] = id + 1;
  if (name_offsets_.size() * 2 > name_table_.size()) GrowNameTable();
  return id;
}

void RecordBatchBuilder::GrowNameTable() {
  std::vector<uint32_t> grown(name_table_.size() * 2);
  for (uint32_t id = 0; id < name_offsets_.size(); ++id) {
    size_t slot = base::Hash64({names_bytes_.data() + name_offsets_[id], name_lengths_[id]}) &
                  (grown.size() - 1);
    while (grown[slot] != 0) slot = (slot + 1) & (grown.size() - 1);
    grown[slot] = id + 1;
  }
  name_table_ = std::move(grown);
}

void RecordBatchBuilder::BeginRow() {
  row_start_ = rows_.size();
  row_fields_ = 0;
  rows_.Prepare(kRowHeaderBytes + kFieldCountBytes);
  rows_.Commit(kRowHeaderBytes + kFieldCountBytes);
}

void RecordBatchBuilder::AddField(uint32_t name_id, ValueType type, std::string_view value) {
  char* const to = rows_.Prepare(2 * base::kVarintBytesMax + value.size());
  char* at = base::EncodeVarint(to, name_id);
  at = base::EncodeVarint(at,
                          static_cast<uint64_t>(value.size()) << 3 | static_cast<uint64_t>(type));
  std::memcpy(at, value.data(), value.size());
  rows_.Commit(static_cast<size_t>(at - to) + value.size());
  ++row_fields_;
}

void RecordBatchBuilder::EndRow(int64_t timestamp_ns) {
  char* row = rows_.data() + row_start_;
  base::StoreLe<uint32_t>(row, static_cast<uint32_t>(rows_.size() - row_start_ - 4));
  base::StoreLe<int64_t>(row + 4, timestamp_ns);
  StoreFieldCount(row + kRowHeaderBytes, row_fields_);
  min_ns_ = timestamp_ns < min_ns_ ? timestamp_ns : min_ns_;
  max_ns_ = timestamp_ns > max_ns_ ? timestamp_ns : max_ns_;
  ++row_count_;
  row_start_ = rows_.size();
}

void RecordBatchBuilder::AbandonRow() {
  rows_.Resize(row_start_);
  row_fields_ = 0;
}

std::shared_ptr<const RecordBatch> RecordBatchBuilder::Finish() {
  auto batch = std::make_shared<RecordBatch>();
  batch->rows_ = row_count_;
  batch->min_ns_ = row_count_ == 0 ? 0 : min_ns_;
  batch->max_ns_ = row_count_ == 0 ? 0 : max_ns_;
  batch->names_bytes_ = std::move(names_bytes_);
  batch->rows_bytes_ = std::move(rows_);
  batch->names_.reserve(name_offsets_.size());
  for (size_t i = 0; i < name_offsets_.size(); ++i)
    batch->names_.emplace_back(batch->names_bytes_.data() + name_offsets_[i], name_lengths_[i]);
  return batch;
}

}  // namespace neurallog::model
