// Makes small blocks into larger ones while nothing more urgent is to be done.
//
//   Compactor compactor(options, store, clock, metrics, host);
//   compactor.Start();
//
// Merge: a tenant with several blocks of few rows in one partition gets them as one (seals under memory pressure, ages and ends of days
// make such blocks). Warm rewrite: when a partition has been over for some time and little comes in, each tenant's blocks in it become
// blocks of up to 65,536 rows that are compressed harder; rows that were deleted or have expired stay out, and the files are freed of what
// nothing refers to any more.
//
// Both take the blocks of one new block at a time: read, build, replace under running queries (TenantLog::Rewrite). A crash leaves the old
// blocks or the new one. A block that cannot be read is left as it is. Memory: the decoded columns of one new block. Disk: not more than
// `bytes_per_second`. While the engine is busy it waits, though never longer than `wait_max_ns` for a merge.
// Thread-safe. One thread of its own, of low priority.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/merge_plan.h"
#include "ingest/tenant_log.h"
#include "metrics/registry.h"
#include "storage/store.h"

namespace neurallog::engine {

struct CompactorOptions {
  // Merge; the rows of a new block are those of a sealed one.
  PlanOptions merge;
  uint32_t small_rows = ingest::TenantLog::kSmallBlockRows;
  size_t small_blocks_min = 8;
  // Warm rewrite; 0 rows: never.
  PlanOptions warm{.rows_max = 65'536};
  int warm_zstd_level = 9;
  int64_t warm_after_ns = 2 * base::kNsPerDay;  // after the end of the partition
  uint64_t bytes_per_second = 32u << 20;        // of blocks, as they are stored
  int64_t wait_max_ns = 60 * base::kNsPerSecond;
};

class Compactor {
 public:
  // What it must know of the engine.
  struct Host {
    std::function<std::vector<ingest::TenantLog*>()> tenants;
    std::function<ingest::TenantLog*(TenantId)> find_tenant;     // nullptr: deleted
    std::function<int64_t(const ingest::TenantLog&)> expiry_ns;  // rows before it are not needed
    std::function<bool()> busy;  // ingestion needs the processor and the disk now
    std::function<bool()> idle;  // little has come in for a minute
    std::function<void(const ingest::TenantLog&, const std::string&)> damage;
  };
  Compactor(const CompactorOptions& options, storage::Store* store, const base::Clock* clock,
            metrics::Registry* metrics, Host host);
  ~Compactor() { Stop(); }

  void Start();
  void Stop();

  // One round of each on the calling thread; what the thread of its own does. Returns the number of blocks made.
  size_t MergeRound();
  size_t WarmRound();

 private:
  using Plan = std::function<std::vector<BlockGroup>(const std::vector<storage::BlockEntry>&)>;

  void Run();
  // Applies a plan to the tenant's blocks, partition by partition or in `only`. Returns the number of blocks made.
  size_t Compact(ingest::TenantLog* log, const storage::Partition* only, bool warm);
  Status Rewrite(ingest::TenantLog* log, const BlockGroup& group, bool warm);
  // Enters the block into the damage register, and tries it no more when it is damaged for good.
  void LeaveOut(ingest::TenantLog* log, const storage::BlockEntry& block, const Status& why)
      NL_REQUIRES(round_mutex_);
  size_t WarmPartition(const storage::PartitionPtr& partition);
  // False: it is to be stopped.
  bool WaitWhileBusy();
  bool Pause(int64_t ns);
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }

  const CompactorOptions options_;
  storage::Store* const store_;
  const base::Clock* const clock_;
  const Host host_;
  metrics::Counter& merged_blocks_;
  metrics::Counter& merged_rows_;
  metrics::Counter& warm_blocks_;
  metrics::Counter& warm_rows_;
  metrics::Counter& errors_;

  // Owned by whoever runs a round.
  base::Mutex round_mutex_;
  std::set<std::pair<const storage::Partition*, storage::BlockId>> unreadable_
      NL_GUARDED_BY(round_mutex_);
  // Size of a partition when all of it was found warm; it is looked at again when that has changed.
  std::map<std::string, uint64_t> warm_at_bytes_ NL_GUARDED_BY(round_mutex_);
  std::map<TenantId, int64_t> not_before_ns_ NL_GUARDED_BY(round_mutex_);  // after a conflict
  size_t next_unchecked_ NL_GUARDED_BY(round_mutex_) = 0;

  std::atomic<bool> stop_{false};
  // A manual compaction that is cancelled leaves a reference behind in RocksDB 7.8.3, and closing asserts that there is none.
  base::Mutex mutex_;
  base::CondVar wake_;
  std::thread thread_;
};

}  // namespace neurallog::engine
