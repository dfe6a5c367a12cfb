// Expiry: what is older than its tenant's retention, and what is over a disk quota, leaves the disk, oldest first.
//
// Queries hide expired rows at once (Engine::ExpiryOf); this thread, nl-retention, frees their space. Each second it drops the partitions
// that no tenant wants any more, and looks at the quotas. Every ten minutes, and when a retention has changed, it sweeps: partitions that
// hold rows of other tenants too lose the expired blocks one by one (the files shrink when Jobs rewrites them), and those where nobody is
// left are dropped. Also makes tomorrow's partitions before midnight.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "ingest/tenant_log.h"
#include "metrics/registry.h"
#include "storage/store.h"

namespace neurallog::engine {

class Engine;

struct RetentionOptions {
  uint64_t disk_quota_bytes = 0;  // of the block store; 0: none
  std::chrono::milliseconds tick{1000};
  int64_t sweep_ns = 600 * base::kNsPerSecond;
};

// Thread-safe.
class Retention {
 public:
  Retention(const RetentionOptions& options, Engine* engine, storage::Store* store,
            const base::Clock* clock, metrics::Registry* registry);
  ~Retention() { Stop(); }

  void Start();
  void Stop();
  // A retention has changed.
  void SweepSoon();
  void set_disk_quota_bytes(uint64_t bytes) {
    disk_quota_bytes_.store(bytes, std::memory_order_relaxed);
  }
  uint64_t disk_quota_bytes() const { return disk_quota_bytes_.load(std::memory_order_relaxed); }

 private:
  enum class Reason : uint8_t { kAge = 0, kDiskQuota = 1, kTenantQuota = 2 };
  static constexpr int kReasons = 3;

  void Run();
  void Tick();
  // --- by age: retention.cc ---
  void DropExpired();
  void Sweep();
  // False when no tenant's rows in the partition are to be kept; else removes the expired blocks in it.
  Result<bool> SweepPartition(const storage::PartitionPtr& partition);
  Result<bool> IsWanted(const storage::PartitionPtr& partition) const;
  Result<size_t> ExpireBlocks(const storage::PartitionPtr& partition, ingest::TenantLog* log,
                              int64_t expiry_ns);
  // --- by size: quota.cc ---
  void EnforceDiskQuota();
  using Blocks = std::vector<std::pair<storage::BlockEntry, ingest::TenantLog*>>;
  Status RemoveOldest(const std::vector<storage::PartitionPtr>& partitions, uint64_t bytes);
  Status ListBlocks(const storage::PartitionPtr& partition, Blocks* blocks) const;
  Status RemoveOldestOf(Blocks blocks, uint64_t bytes);
  void EnforceTenantQuota(ingest::TenantLog* log, uint64_t quota_bytes);

  void Drop(const std::vector<storage::PartitionPtr>& partitions, Reason reason);
  Result<uint64_t> Remove(ingest::TenantLog* log, const std::vector<storage::BlockEntry>& blocks,
                          Reason reason);

  const RetentionOptions options_;
  Engine* const engine_;
  storage::Store* const store_;
  const base::Clock* const clock_;
  std::atomic<uint64_t> disk_quota_bytes_;
  metrics::Counter* partitions_[kReasons];
  metrics::Counter* blocks_[kReasons];
  metrics::Counter* bytes_[kReasons];
  int64_t next_sweep_ns_ = 0;  // owned by the thread

  base::Mutex mutex_;
  base::CondVar wake_;
  bool sweep_soon_ NL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace neurallog::engine
