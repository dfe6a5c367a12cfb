// The only code that builds storage keys. A Keyspace is one tenant's; there is no way to make a key without one.
//
//   key := tenant:u32be generation:u8 kind:u8 id
//
// Big-endian numbers sort by value, so that one tenant's keys of one kind are one range. docs/formats/keys.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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
  std::string DeletedRowsKey(const BlockId& block) const { return BlockKey('X', block); }
  // The token index: the hash list of a block, the directory of a segment and its pages. A hash list lies in
  // pieces of kHashListPieceBytes, the last one shorter: smaller than blobs, so that nothing is left of it when it is
  // deleted. This is the key of the first; all are in [HashListKey, HashListEnd).
  std::string HashListKey(const BlockId& block) const { return BlockKey('H', block); }
  std::string HashListPieceKey(const BlockId& block, size_t piece) const {
    std::string key = HashListKey(block);
    if (piece > 0) base::AppendBe(&key, static_cast<uint16_t>(piece));
    return key;
  }
  std::string HashListEnd(const BlockId& block) const { return HashListKey(block) + '\xff'; }
  static constexpr size_t kHashListPieceBytes = 3900;
  static constexpr size_t kHashListPiecesMax = 0xff00;  // no key reaches HashListEnd
  std::string SegmentKey(uint64_t segment) const {
    std::string key = prefix_ + 'S';
    base::AppendBe(&key, segment);
    return key;
  }
  std::string PostingsPageKey(uint64_t segment, uint32_t page) const {
    std::string key = prefix_ + 'I';
    base::AppendBe(&key, segment);
    base::AppendBe(&key, page);
    return key;
  }
  // How many rows a job has deleted in a partition.
  std::string JobRowsKey(uint64_t job) const {
    std::string key = prefix_ + 'J';
    base::AppendBe(&key, job);
    return key;
  }

  // A match of a rule, by its time. Matches lie in `meta`.
  std::string MatchKey(int64_t time_ns, uint64_t hash) const {
    std::string key = MatchesFrom(time_ns);
    base::AppendBe(&key, hash);
    return key;
  }
  // Sorts before all matches of this time and later ones, and behind all earlier ones.
  std::string MatchesFrom(int64_t time_ns) const {
    std::string key = MatchesBegin();
    base::AppendBe(&key, static_cast<uint64_t>(time_ns) ^ uint64_t{1} << 63);
    return key;
  }
  std::string MatchesBegin() const { return kMatchPrefix + prefix_; }
  std::string MatchesEnd() const { return kMatchPrefix + prefix_ + std::string(17, '\xff'); }
  // Alerts, by the time of their first match, with keys of the same shape.
  std::string AlertKey(int64_t time_ns, uint64_t hash) const {
    return AsAlert(MatchKey(time_ns, hash));
  }
  std::string AlertsBegin() const { return AsAlert(MatchesBegin()); }
  std::string AlertsEnd() const { return AsAlert(MatchesEnd()); }
  // Deliveries of actions, by the time they were made, with keys of the same shape: how far each has come, what
  // it says, and those that were given up.
  enum class DeliveryPart : uint8_t { kState, kNotice, kDeadLetter };
  std::string DeliveryKey(DeliveryPart part, int64_t time_ns, uint64_t hash) const {
    return As(PrefixOf(part), MatchKey(time_ns, hash));
  }
  // Sorts before all deliveries of this time and later ones.
  std::string DeliveriesFrom(DeliveryPart part, int64_t time_ns) const {
    return As(PrefixOf(part), MatchesFrom(time_ns));
  }
  std::string DeliveriesBegin(DeliveryPart part) const {
    return As(PrefixOf(part), MatchesBegin());
  }
  std::string DeliveriesEnd(DeliveryPart part) const { return As(PrefixOf(part), MatchesEnd()); }
  // Of all tenants.
  static const std::string& PrefixOf(DeliveryPart part) {
    static const std::string prefixes[] = {"deliv/", "notic/", "dlett/"};
    return prefixes[static_cast<size_t>(part)];
  }
  static TenantId TenantOfMatch(std::string_view key) {
    return TenantOfKey(key.data() + kMatchKeyBytes - 21);
  }
  static constexpr size_t kMatchKeyBytes = 27;
  // Of a key of a match, an alert or a delivery.
  static int64_t TimeOfMatch(std::string_view key) {
    return static_cast<int64_t>(base::LoadBe<uint64_t>(key.data() + kMatchKeyBytes - 16) ^
                                uint64_t{1} << 63);
  }
  static uint64_t HashOfMatch(std::string_view key) {
    return base::LoadBe<uint64_t>(key.data() + kMatchKeyBytes - 8);
  }

  // The half-open range of all block header keys.
  std::string BlockHeadersBegin() const { return prefix_ + 'D'; }
  std::string BlockHeadersEnd() const { return prefix_ + static_cast<char>('D' + 1); }
  std::string DeletedRowsBegin() const { return prefix_ + 'X'; }
  std::string DeletedRowsEnd() const { return prefix_ + static_cast<char>('X' + 1); }
  std::string HashListsBegin() const { return prefix_ + 'H'; }
  std::string HashListsEnd() const { return prefix_ + static_cast<char>('H' + 1); }
  std::string SegmentsBegin() const { return prefix_ + 'S'; }
  std::string SegmentsEnd() const { return prefix_ + static_cast<char>('S' + 1); }
  std::string PostingsPagesBegin() const { return prefix_ + 'I'; }
  std::string PostingsPagesEnd() const { return prefix_ + static_cast<char>('I' + 1); }
  // The segment that the key of a directory or a page names; the key has at least 14 bytes.
  static uint64_t SegmentOfKey(const char* key) { return base::LoadBe<uint64_t>(key + 6); }
  static constexpr size_t kSegmentKeyBytes = 14;
  // The block that a header key, or one of deleted rows or of a piece of a hash list, names.
  static BlockId BlockOfHeaderKey(const char* key) {
    return {{base::LoadBe<uint64_t>(key + 6), base::LoadBe<uint32_t>(key + 14)},
            base::LoadBe<uint32_t>(key + 18)};
  }
  static constexpr size_t kBlockHeaderKeyBytes = 22;
  // The tenant that a key belongs to; the key has at least 4 bytes.
  static TenantId TenantOfKey(const char* key) {
    return static_cast<TenantId>(base::LoadBe<uint32_t>(key));
  }

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

  // Prefixes have the same length.
  static std::string As(const std::string& prefix, std::string match_key) {
    return match_key.replace(0, kMatchPrefix.size(), prefix);
  }
  static std::string AsAlert(std::string match_key) {
    return As(kAlertPrefix, std::move(match_key));
  }

  static inline const std::string kMatchPrefix = "match/";
  static inline const std::string kAlertPrefix = "alert/";
  std::string prefix_;  // tenant and generation
};

// Kinds sort below 0xff, so that one byte behind them ends the range.
inline std::string Keyspace::End() const { return prefix_ + '\xff'; }

}  // namespace neurallog::storage
