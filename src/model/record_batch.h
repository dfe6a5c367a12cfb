// RecordBatch: the log records of one request as binary rows. The unit that travels through the ring, the write-ahead log and the
// row buffers; immutable once finished, so that all of them share it.
//
//   RecordBatchBuilder builder(body_bytes);
//   builder.BeginRow();
//   builder.AddField(builder.NameId("message"), ValueType::kString, "disk full");
//   builder.EndRow(timestamp_ns);
//   std::shared_ptr<const RecordBatch> batch = builder.Finish();
//
// Payload, as stored in the log (docs/formats/wal.md):
//   payload := rows:u32 names:u32 min_ns:i64 max_ns:i64 names_bytes:u32 name* row*
//   name    := length:varint byte*
//   row     := row_bytes:u32 timestamp_ns:i64 fields:varint field*          (row_bytes counts what follows it)
//   field   := name_id:varint (length << 3 | type):varint byte*
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::model {

struct Field {
  uint32_t name_id;
  ValueType type;
  std::string_view value;
};

// One row of a batch, walked field by field. Trusts its bytes: they were built here or checked by RecordBatch::Decode.
class RowReader {
 public:
  // `row` points at row_bytes.
  explicit RowReader(const char* row)
      : end_(row + 4 + base::LoadLe<uint32_t>(row)), timestamp_ns_(base::LoadLe<int64_t>(row + 4)) {
    uint64_t fields;
    at_ = base::DecodeVarint(row + 12, end_, &fields);
    fields_ = static_cast<uint32_t>(fields);
  }

  int64_t timestamp_ns() const { return timestamp_ns_; }
  uint32_t fields() const { return fields_; }
  const char* next_row() const { return end_; }

  bool Next(Field* field) {
    if (at_ == end_) return false;
    uint64_t id = 0, tag = 0;
    at_ = ReadVarint(at_, end_, &id);
    at_ = ReadTag(at_, end_, &tag);
    field->name_id = static_cast<uint32_t>(id);
    field->type = static_cast<ValueType>(tag & 7);
    field->value = {at_, static_cast<size_t>(tag >> 3)};
    at_ += tag >> 3;
    return true;
  }

 private:
  // Nearly all varints of a row take one or two bytes.
  static const char* ReadVarint(const char* at, const char* end, uint64_t* value) {
    const auto first = static_cast<unsigned char>(at[0]);
    if (first < 0x80) return *value = first, at + 1;
    const auto second = static_cast<unsigned char>(at[1]);
    if (second < 0x80) return *value = (first & 0x7f) | static_cast<uint64_t>(second) << 7, at + 2;
    return ReadLongVarint(at, end, value);
  }
  // One byte or two, without a branch: lengths around 16 follow each other at random.
  static const char* ReadTag(const char* at, const char* end, uint64_t* value) {
    const uint64_t word = base::LoadLe<uint16_t>(at);
    if ((word & 0x8080) == 0x8080) [[unlikely]]
      return ReadLongVarint(at, end, value);
    const uint64_t two = word >> 7 & 1;
    *value = (word & 0x7f) | (word >> 1 & (0 - two) & 0x3f80);
    return at + 1 + two;
  }
  [[gnu::noinline]] static const char* ReadLongVarint(const char* at, const char* end,
                                                      uint64_t* value) {
    return base::DecodeVarint(at, end, value);
  }

  const char* end_;
  const char* at_;
  int64_t timestamp_ns_;
  uint32_t fields_;
};

// Thread-safe: immutable.
class RecordBatch {
 public:
  static constexpr size_t kHeaderBytes = 28;

  // Checks every length, id and type of a stored payload. Corruption names what is wrong.
  static Result<std::shared_ptr<const RecordBatch>> Decode(std::string_view payload);

  uint32_t rows() const { return rows_; }
  int64_t min_ns() const { return min_ns_; }
  int64_t max_ns() const { return max_ns_; }
  const std::vector<std::string_view>& names() const { return names_; }
  // First row; the next one begins at RowReader::next_row().
  const char* first_row() const { return rows_bytes_.data(); }
  // What the batch holds in memory, for budgets.
  size_t memory_bytes() const {
    return names_bytes_.capacity() + rows_bytes_.capacity() + sizeof(*this) + names_.size() * 16;
  }

  // The payload is header + names + rows, to be written one after the other.
  void EncodeHeader(char* to) const;
  std::string_view names_bytes() const { return names_bytes_.view(); }
  std::string_view rows_bytes() const { return rows_bytes_.view(); }
  size_t payload_bytes() const { return kHeaderBytes + names_bytes_.size() + rows_bytes_.size(); }

 private:
  friend class RecordBatchBuilder;

  uint32_t rows_ = 0;
  int64_t min_ns_ = 0;
  int64_t max_ns_ = 0;
  base::Buffer names_bytes_;
  base::Buffer rows_bytes_;
  std::vector<std::string_view> names_;  // into names_bytes_
};

// Not thread-safe; one per request being decoded.
class RecordBatchBuilder {
 public:
  static constexpr uint32_t kNamesMax = 65'535;
  static constexpr size_t kCopyBytes = 32;

  // `rows_bytes_hint`: about how many bytes the rows will take; saves growing.
  explicit RecordBatchBuilder(size_t rows_bytes_hint);

  // The batch's number for a field name. kNamesMax when the batch can hold no more names.
  uint32_t NameId(std::string_view name);

  void BeginRow();
  void AddField(uint32_t name_id, ValueType type, std::string_view value);
  // Of a value that has kCopyBytes readable bytes behind it, which makes it cheaper.
  [[gnu::always_inline]] void AddPaddedField(uint32_t name_id, ValueType type,
                                             std::string_view value) {
    const size_t bytes = value.size();
    if ((name_id >= 0x80) | (bytes >= 256)) return AddField(name_id, type, value);
    char* const to = rows_.Prepare(3 + bytes + kCopyBytes);
    // The tag takes one byte or two, without a branch: lengths around 16 follow each other at random.
    const uint64_t tag = bytes << 3 | static_cast<uint64_t>(type);
    const uint64_t high = tag & ~uint64_t{0x7f};
    const uint64_t two = high != 0;
    to[0] = static_cast<char>(name_id);
    base::StoreLe<uint16_t>(to + 1, static_cast<uint16_t>((tag + high) | two << 7));
    CopyPadded(to + 2 + two, value.data(), bytes);
    rows_.Commit(2 + two + bytes);
    ++row_fields_;
  }
  void EndRow(int64_t timestamp_ns);
  // Forgets the row that was begun.
  void AbandonRow();

  uint32_t rows() const { return row_count_; }
  uint32_t row_fields() const { return row_fields_; }
  // Bytes of the row that was begun so far.
  size_t row_bytes() const { return rows_.size() - row_start_; }

  std::shared_ptr<const RecordBatch> Finish();

 private:
  void GrowNameTable();

  // Copies in whole pieces of kCopyBytes, so that there is one branch where a length-exact copy has many.
  static void CopyPadded(char* to, const char* from, size_t bytes) {
    const char* const end = from + bytes;
    do {
      std::memcpy(to, from, kCopyBytes);
      to += kCopyBytes;
      from += kCopyBytes;
    } while (from < end);
  }

  base::Buffer rows_;
  base::Buffer names_bytes_;
  std::vector<uint32_t> name_offsets_;  // of the bytes of each name
  std::vector<uint32_t> name_lengths_;
  std::vector<uint32_t> name_table_;  // open addressing, id + 1, power of two
  uint32_t row_count_ = 0;
  uint32_t row_fields_ = 0;
  size_t row_start_ = 0;
  int64_t min_ns_ = INT64_MAX;
  int64_t max_ns_ = INT64_MIN;
};

}  // namespace neurallog::model
