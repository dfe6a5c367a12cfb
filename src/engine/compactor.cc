#include "engine/compactor.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/thread.h"
#include "engine/rewrite.h"

namespace neurallog::engine {
namespace {

constexpr int64_t kRoundPauseNs = base::kNsPerSecond;
constexpr int64_t kBusyPauseNs = base::kNsPerSecond / 5;
constexpr int64_t kConflictPauseNs = 10 * base::kNsPerSecond;
// Tenants per round whose small blocks have not been counted since the start.
constexpr size_t kCountsPerRound = 20;

}  // namespace

Compactor::Compactor(const CompactorOptions& options, storage::Store* store,
                     const base::Clock* clock, metrics::Registry* metrics, Host host)
    : options_(options),
      store_(store),
      clock_(clock),
      host_(std::move(host)),
      merged_blocks_(metrics->AddCounter("neurallog_blocks_merged_total",
                                         "Small blocks that became part of a larger one.")),
      merged_rows_(metrics->AddCounter("neurallog_blocks_merged_rows_total",
                                       "Rows of blocks made by merges.")),
      warm_blocks_(metrics->AddCounter("neurallog_blocks_warm_total",
                                       "Blocks that the warm rewrite replaced.")),
      warm_rows_(metrics->AddCounter("neurallog_blocks_warm_rows_total",
                                     "Rows of blocks made by the warm rewrite.")),
      errors_(metrics->AddCounter("neurallog_block_rewrite_errors_total",
                                  "Merges and warm rewrites that failed.")) {}

void Compactor::Start() {
  thread_ = base::StartThread("nl-compactor", [this] { Run(); });
}

void Compactor::Stop() {
  stop_.store(true);
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Compactor::Run() {
  base::LowerThreadPriority();
  while (Pause(kRoundPauseNs)) {
    MergeRound();
    if (!stopping() && host_.idle()) WarmRound();
  }
}

bool Compactor::Pause(int64_t ns) {
  base::MutexLock lock(mutex_);
  if (!stopping()) wake_.WaitFor(mutex_, std::chrono::nanoseconds(ns));
  return !stopping();
}

bool Compactor::WaitWhileBusy() {
  const int64_t deadline_ns = clock_->MonotonicNs() + options_.wait_max_ns;
  while (host_.busy() && clock_->MonotonicNs() < deadline_ns)
    if (!Pause(kBusyPauseNs)) return false;
  return !stopping();
}

size_t Compactor::MergeRound() {
  base::MutexLock lock(round_mutex_);
  size_t made = 0, counts = 0;
  const std::vector<ingest::TenantLog*> logs = host_.tenants();
  for (ingest::TenantLog* log : logs) {
    if (log->small_blocks.load(std::memory_order_relaxed) < options_.small_blocks_min) continue;
    if (!WaitWhileBusy()) return made;
    made += Compact(log, nullptr, /*warm=*/false);
  }
  // After the start: blocks of before it.
  for (; next_unchecked_ < logs.size() && counts < kCountsPerRound; ++next_unchecked_) {
    if (stopping() || host_.busy()) break;
    made += Compact(logs[next_unchecked_], nullptr, /*warm=*/false);
    ++counts;
  }
  return made;
}

size_t Compactor::WarmRound() {
  base::MutexLock lock(round_mutex_);
  if (options_.warm.rows_max == 0) return 0;
  size_t made = 0;
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    const int64_t now_ns = clock_->WallNs();
    if (partition->range().end_ns > now_ns - options_.warm_after_ns) continue;
    made += WarmPartition(partition);
    if (stopping()) break;
  }
  return made;
}

size_t Compactor::WarmPartition(const storage::PartitionPtr& partition) {
  const auto size = [&] {
    const storage::PartitionStats stats = store_->StatsOf(*partition);
    return stats.disk_bytes + stats.memtable_bytes;
  };
  uint64_t& warm_at_bytes = warm_at_bytes_[partition->name()];
  const uint64_t size_before = size();
  if (warm_at_bytes == size_before) return 0;
  const auto tenants = store_->TenantsIn(*partition);
  if (!tenants.ok()) return 0;
  size_t made = 0;
  for (const TenantId id : *tenants) {
    ingest::TenantLog* const log = host_.find_tenant(id);
    if (log == nullptr) continue;
    if (!host_.idle() || !WaitWhileBusy()) return made;
    made += Compact(log, partition.get(), /*warm=*/true);
  }
  if (made > 0) {
    const Status status = store_->Reclaim(partition, storage::ReclaimWhat::kKeysAndBlobs);
    base::LogInfo("partition rewritten", {{"partition", partition->name()},
                                          {"blocks", std::to_string(made)},
                                          {"bytes_before", std::to_string(size_before)},
                                          {"bytes", std::to_string(size())},
                                          {"reclaim", status.ToString()}});
  }
  warm_at_bytes = size();
  return made;
}

size_t Compactor::Compact(ingest::TenantLog* log, const storage::Partition* only, bool warm) {
  if (const auto conflict = not_before_ns_.find(log->id()); conflict != not_before_ns_.end()) {
    if (clock_->MonotonicNs() < conflict->second) return 0;
    not_before_ns_.erase(conflict);
  }
  const bool was_loaded = log->directory_bytes() > 0;
  const auto directory = log->Blocks([&](const std::string& what) { host_.damage(*log, what); });
  if (!directory.ok()) return 0;
  std::map<const storage::Partition*, std::vector<storage::BlockEntry>> by_partition;
  (*directory)->ForEach([&](const storage::BlockEntry& entry) NL_REQUIRES(round_mutex_) {
    const storage::Partition* const partition = entry.partition.get();
    if ((only == nullptr || only == partition) && !unreadable_.contains({partition, entry.id}))
      by_partition[partition].push_back(entry);
  });
  size_t made = 0, small = 0;
  for (const auto& [partition, blocks] : by_partition) {
    const std::vector<BlockGroup> groups =
        warm ? PlanWarm(blocks, options_.warm)
             : PlanMerge(blocks, options_.small_rows, options_.small_blocks_min, options_.merge);
    if (groups.empty())
      small = std::max<size_t>(small, std::count_if(blocks.begin(), blocks.end(), [&](auto& b) {
                                 return b.header->rows < options_.small_rows && !IsWarm(b.id);
                               }));
    for (const BlockGroup& group : groups) {
      if (!WaitWhileBusy()) return made;
      if (!Rewrite(log, group, warm).ok()) break;
      ++made;
    }
  }
  if (!warm) log->small_blocks.store(static_cast<uint32_t>(small), std::memory_order_relaxed);
  if (!was_loaded) log->UnloadDirectory();
  return made;
}

Status Compactor::Rewrite(ingest::TenantLog* log, const BlockGroup& group, bool warm) {
  const RewriteOptions options{.zstd_level = warm ? options_.warm_zstd_level : 1,
                               .warm = warm,
                               .expiry_ns = host_.expiry_ns(*log)};
  int unreadable;
  const auto result = RewriteBlocks(store_, log, group, options, &unreadable);
  if (!result.ok()) {
    if (unreadable >= 0) LeaveOut(log, group[static_cast<size_t>(unreadable)], result.status());
    not_before_ns_[log->id()] = clock_->MonotonicNs() + kConflictPauseNs;
    if (result.status().code() != Code::kConflict) errors_.Add();
    return result.status();
  }
  (warm ? warm_blocks_ : merged_blocks_).Add(group.size());
  (warm ? warm_rows_ : merged_rows_).Add(result->rows);
  const double bytes = static_cast<double>(result->bytes_read + result->bytes_written);
  Pause(static_cast<int64_t>(bytes / static_cast<double>(options_.bytes_per_second) *
                             base::kNsPerSecond));
  return {};
}

// A block that has gone meanwhile is no damage.
void Compactor::LeaveOut(ingest::TenantLog* log, const storage::BlockEntry& block,
                         const Status& why) {
  const auto now = log->Blocks([](const std::string&) {});
  if (!now.ok() || !(*now)->CheckUnchanged(std::vector{block}).ok()) return;
  store_->ReportDamaged(log->keyspace(), block, std::string(why.message()));
  if (why.code() == Code::kCorruption) unreadable_.insert({block.partition.get(), block.id});
}

}  // namespace neurallog::engine
