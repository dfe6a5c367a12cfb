// What Engine::Recover keeps while it replays the write-ahead log: which rows are in blocks, and which were carried forward.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/engine.h"
#include "wal/reader.h"

namespace neurallog::engine {

// The frames that carry one tenant's rows forward, as far as they hold. Not thread-safe.
class CarriedRanges {
 public:
  // A frame at `to` replaces the rows in [from, to).
  void Add(storage::LogPosition from, uint64_t to) { ranges_.push_back({from, to}); }
  // Forgets the ranges that were never put to use: a marker inside of one says that its rows were sealed from their old places.
  void DropContradicted(const std::vector<storage::LogPosition>& markers);
  // The frame carries rows, and its range was forgotten.
  bool IsVoid(const wal::FrameInfo& info) const;
  // Some row of frame `lsn` has been replaced by a later one.
  bool TouchesFrame(uint64_t lsn) const;
  bool Replaces(storage::LogPosition row) const;

 private:
  struct Range {
    storage::LogPosition from;
    uint64_t to;
  };
  std::vector<Range> ranges_;
};

// What the store has of one tenant, and what of its log has been replaced.
struct RecoveredTenant {
  std::map<const storage::Partition*, storage::LogPosition> markers;
  uint64_t max_marker_lsn = 0;
  CarriedRanges carried;
};

struct Engine::Recovery {
  std::map<TenantId, RecoveredTenant> tenants;
  // The partition that was found last, and a range of times in which the answer is the same.
  const storage::Partition* partition = nullptr;
  TimeRange same{0, 0};
  tenant::RetentionClass same_class{};

  std::vector<wal::FrameRange> needed;  // where there are rows that are in no block

  uint64_t rows = 0;
  uint64_t rows_replayed = 0;  // of frames that are not wholly in blocks
  uint64_t rows_carried = 0;   // passed over, because a later frame has them
  uint64_t frames_of_deleted_tenants = 0;
};

}  // namespace neurallog::engine
