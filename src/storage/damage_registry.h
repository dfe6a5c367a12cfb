// What is known to be damaged in the store: found when it was read, since the start of the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "storage/keyspace.h"

namespace neurallog::storage {

struct Damage {
  TenantId tenant{};
  std::string partition;
  std::optional<BlockId> block;  // nothing: several, whose headers cannot be read
  TimeRange
      range;  // of the rows concerned: the block's, or the partition's where that is not known
  std::optional<uint32_t> rows;  // nothing: not known
  std::string what;
  // No query sees the block at all, so none can tell that it was left out.
  bool hidden = false;
  int64_t first_seen_ns = 0;  // wall clock
};

// Thread-safe. Remembers the first kEntriesMax; what comes later is counted and logged only.
class DamageRegistry {
 public:
  static constexpr size_t kEntriesMax = 10'000;

  // Logs and counts what is new: a block is told once, however many of its columns are damaged. What costs no row, damage to the token
  // index, is listed only.
  void Add(Damage damage);
  // Oldest first, of one tenant or of all.
  std::vector<Damage> List(std::optional<TenantId> tenant) const;
  // Entries of hidden blocks that may hold rows of the range.
  size_t CountHidden(TenantId tenant, const TimeRange& range) const;
  // Different blocks since the start.
  uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  void Forget(const std::string& partition);

 private:
  // Tenant, partition, and the block or, without one, where the damage begins.
  using Place = std::tuple<TenantId, std::string, std::string>;

  std::atomic<uint64_t> total_{0};
  mutable base::Mutex mutex_;
  std::map<Place, Damage> entries_ NL_GUARDED_BY(mutex_);
};

std::string BlockName(const BlockId& id);

}  // namespace neurallog::storage
