// The only code that builds storage keys. A Keyspace is one tenant's; there is no way to make a key without one.
//
//   key := tenant:u32be generation:u8 kind:u8 id
//
// Big-endian numbers sort by value, so that one tenant's keys of one kind are one range. docs/formats/keys.md
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "neurallog/log_record.h"

namespace neurallog::storage {

// Where a row stands in the log: frame, and row inside the frame. Also names a block: the position behind its last row.
struct LogPosition {
  uint64_t lsn = 0;
  uint32_t row = 0;
  auto operator<=>(const LogPosition&) const = default;
};

// Immutable, cheap to copy.
class Keyspace {
 public:
  Keyspace(TenantId tenant, uint8_t generation) {
    base::AppendBe<uint32_t>(&prefix_, static_cast<uint32_t>(tenant));
    prefix_.push_back(static_cast<char>(generation));
  }

  std::string BlockHeaderKey(LogPosition block) const { return BlockKey('D', block); }
  std::string ColumnKey(LogPosition block, uint16_t column) const {
    std::string key = BlockKey('C', block);
    base::AppendBe(&key, column);
    return key;
  }
  std::string MarkerKey() const { return prefix_ + 'M'; }

  // The half-open range of all block header keys.
  std::string BlockHeadersBegin() const { return prefix_ + 'D'; }
  std::string BlockHeadersEnd() const { return prefix_ + static_cast<char>('D' + 1); }
  // The block that a header key names.
  static LogPosition BlockOfHeaderKey(const char* key) {
    return {base::LoadBe<uint64_t>(key + 6), base::LoadBe<uint32_t>(key + 14)};
  }
  static constexpr size_t kBlockHeaderKeyBytes = 18;

 private:
  std::string BlockKey(char kind, LogPosition block) const {
    std::string key = prefix_ + kind;
    base::AppendBe(&key, block.lsn);
    base::AppendBe(&key, block.row);
    return key;
  }

  std::string prefix_;
};

}  // namespace neurallog::storage
