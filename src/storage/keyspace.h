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

// Where a row stands in the log: frame, and row inside the frame.
struct LogPosition {
  uint64_t lsn = 0;
  uint32_t row = 0;
  auto operator<=>(const LogPosition&) const = default;
};

// Names a block: the position behind the last row that was sealed into it, and how many rewrites (merges, deletions) its rows have been
// through. A name is never used twice.
struct BlockId {
  LogPosition end;
  uint32_t rewrite = 0;
  auto operator<=>(const BlockId&) const = default;
};

// Immutable, cheap to copy.
class Keyspace {
 public:
  Keyspace(TenantId tenant, uint8_t generation) {
    base::AppendBe<uint32_t>(&prefix_, static_cast<uint32_t>(tenant));
    prefix_.push_back(static_cast<char>(generation));
  }

  std::string BlockHeaderKey(const BlockId& block) const { return BlockKey('D', block); }
  std::string ColumnKey(const BlockId& block, uint16_t column) const {
    std::string key = BlockKey('C', block);
    base::AppendBe(&key, column);
    return key;
  }
  std::string MarkerKey() const { return prefix_ + 'M'; }

  // The half-open range of all block header keys.
  std::string BlockHeadersBegin() const { return prefix_ + 'D'; }
  std::string BlockHeadersEnd() const { return prefix_ + static_cast<char>('D' + 1); }
  // The block that a header key names.
  static BlockId BlockOfHeaderKey(const char* key) {
    return {{base::LoadBe<uint64_t>(key + 6), base::LoadBe<uint32_t>(key + 14)},
            base::LoadBe<uint32_t>(key + 18)};
  }
  static constexpr size_t kBlockHeaderKeyBytes = 22;

  // The half-open range of everything the tenant has in a partition.
  const std::string& Begin() const { return prefix_; }
  std::string End() const;

 private:
  std::string BlockKey(char kind, const BlockId& block) const {
    std::string key = prefix_ + kind;
    base::AppendBe(&key, block.end.lsn);
    base::AppendBe(&key, block.end.row);
    base::AppendBe(&key, block.rewrite);
    return key;
  }

  std::string prefix_;  // tenant and generation
};

// Kinds sort below 0xff, so that one byte behind them ends the range.
inline std::string Keyspace::End() const { return prefix_ + '\xff'; }

}  // namespace neurallog::storage
