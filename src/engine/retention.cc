#include "engine/retention.h"

#include <algorithm>

#include "base/log.h"
#include "base/thread.h"
#include "engine/deletion.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

constexpr int64_t kAheadNs = 3600 * base::kNsPerSecond;
// In narrower partitions blocks that expire before the rest are left to go with it.
constexpr int64_t kWideNs = 8 * base::kNsPerDay;

constexpr const char* kReasonNames[] = {"age", "disk_quota", "tenant_quota"};

bool IsWide(const TimeRange& range) {
  return static_cast<uint64_t>(range.end_ns) - static_cast<uint64_t>(range.start_ns) >
         static_cast<uint64_t>(kWideNs);
}

void LogFailure(const char* what, const Status& status) {
  base::LogWarn("expiry is tried again later", {{"what", what}, {"error", status.ToString()}});
}

}  // namespace

Retention::Retention(const RetentionOptions& options, Engine* engine, storage::Store* store,
                     const base::Clock* clock, metrics::Registry* registry)
    : options_(options),
      engine_(engine),
      store_(store),
      clock_(clock),
      disk_quota_bytes_(options.disk_quota_bytes) {
  for (int i = 0; i < kReasons; ++i) {
    const std::string label = metrics::Label("reason", kReasonNames[i]);
    partitions_[i] = &registry->AddCounter("neurallog_expired_partitions_total",
                                           "Partitions dropped, by reason.", label);
    blocks_[i] = &registry->AddCounter("neurallog_expired_blocks_total",
                                       "Blocks removed one by one, by reason.", label);
    bytes_[i] = &registry->AddCounter("neurallog_expired_bytes_total",
                                      "Bytes of what was dropped and removed, by reason.", label);
  }
  registry->AddGauge("neurallog_disk_quota_bytes", "storage.disk_quota_bytes; 0: none.",
                     [this] { return static_cast<double>(disk_quota_bytes()); });
}

void Retention::Start() {
  thread_ = base::StartThread("nl-retention", [this] { Run(); });
}

void Retention::Stop() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Retention::SweepSoon() {
  base::MutexLock lock(mutex_);
  sweep_soon_ = true;
  wake_.NotifyAll();
}

void Retention::Run() {
  while (!stopping_) {
    {
      base::MutexLock lock(mutex_);
      if (!stopping_ && !sweep_soon_) wake_.WaitFor(mutex_, options_.tick);
      if (sweep_soon_) next_sweep_ns_ = 0;
      sweep_soon_ = false;
    }
    if (!stopping_) Tick();
  }
}

void Retention::Tick() {
  if (store_->stopped()) return;
  const Status ahead = store_->MakeAhead(clock_->WallNs() + kAheadNs);
  if (!ahead.ok()) LogFailure("make the next partitions", ahead);
  engine_->SettleTenants();
  DropExpired();
  if (clock_->MonotonicNs() >= next_sweep_ns_) {
    Sweep();
    next_sweep_ns_ = clock_->MonotonicNs() + options_.sweep_ns;
  }
  EnforceDiskQuota();
  for (ingest::TenantLog* log : engine_->TenantLogs()) {
    const uint64_t quota_bytes = log->properties().disk_quota_bytes;
    if (quota_bytes > 0 && !log->deleted() && !stopping_) EnforceTenantQuota(log, quota_bytes);
  }
}

// Needs no look into partitions: what every tenant has given up is nobody's.
void Retention::DropExpired() {
  int64_t wanted_from_ns = INT64_MAX;
  for (const ingest::TenantLog* log : engine_->TenantLogs())
    if (!log->deleted()) wanted_from_ns = std::min(wanted_from_ns, engine_->ExpiryOf(*log));
  if (wanted_from_ns == INT64_MIN) return;
  std::vector<storage::PartitionPtr> expired;
  for (const storage::PartitionPtr& partition : store_->Partitions())
    if (partition->range().end_ns <= wanted_from_ns) expired.push_back(partition);
  Drop(expired, Reason::kAge);
}

void Retention::Sweep() {
  int64_t latest_expiry_ns = INT64_MIN;
  for (const ingest::TenantLog* log : engine_->TenantLogs())
    latest_expiry_ns = std::max(latest_expiry_ns, engine_->ExpiryOf(*log));
  std::vector<storage::PartitionPtr> expired;
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    if (stopping_) return;
    if (partition->range().start_ns >= latest_expiry_ns) continue;
    const Result<bool> wanted = SweepPartition(partition);
    if (!wanted.ok()) {
      LogFailure("look for expired blocks", wanted.status());
    } else if (!*wanted && partition->range().end_ns <= latest_expiry_ns) {
      expired.push_back(partition);
    }
  }
  Drop(expired, Reason::kAge);
}

Result<bool> Retention::IsWanted(const storage::PartitionPtr& partition) const {
  NL_TRY(const std::vector<TenantId> tenants, store_->TenantsIn(*partition));
  for (const TenantId tenant : tenants) {
    const ingest::TenantLog* log = engine_->FindTenant(tenant);  // null: deleted
    if (log != nullptr && engine_->ExpiryOf(*log) < partition->range().end_ns) return true;
  }
  return false;
}

Result<bool> Retention::SweepPartition(const storage::PartitionPtr& partition) {
  NL_TRY(const bool wanted, IsWanted(partition));
  if (!wanted) return false;
  const TimeRange& range = partition->range();
  NL_TRY(const std::vector<TenantId> tenants, store_->TenantsIn(*partition));
  for (const TenantId tenant : tenants) {
    ingest::TenantLog* log = engine_->FindTenant(tenant);
    if (log == nullptr || stopping_) continue;
    const int64_t expiry_ns = engine_->ExpiryOf(*log);
    const bool some_expired =
        expiry_ns >= range.end_ns || (expiry_ns > range.start_ns && IsWide(range));
    if (some_expired) NL_RETURN_IF_ERROR(ExpireBlocks(partition, log, expiry_ns).status());
  }
  return true;
}

Result<size_t> Retention::ExpireBlocks(const storage::PartitionPtr& partition,
                                       ingest::TenantLog* log, int64_t expiry_ns) {
  std::vector<storage::BlockEntry> blocks;
  NL_RETURN_IF_ERROR(
      store_->ReadHeaders(partition, log->keyspace(), &blocks, [](const std::string&) {}));
  std::erase_if(blocks, [&](const auto& entry) { return entry.header->max_ns >= expiry_ns; });
  if (!blocks.empty()) NL_RETURN_IF_ERROR(Remove(log, blocks, Reason::kAge).status());
  return blocks.size();
}

void Retention::Drop(const std::vector<storage::PartitionPtr>& partitions, Reason reason) {
  if (partitions.empty()) return;
  const auto i = static_cast<size_t>(reason);
  uint64_t bytes = 0;
  const auto may_go = [&](const storage::PartitionPtr& partition) {
    if (reason == Reason::kAge) {
      const Result<bool> wanted = IsWanted(partition);
      if (!wanted.ok() || *wanted) return false;
    }
    bytes += store_->StatsOf(*partition).disk_bytes;
    return true;
  };
  const auto gone = store_->DropPartitions(partitions, may_go);
  if (!gone.ok()) return LogFailure("drop partitions", gone.status());
  partitions_[i]->Add(gone->size());
  bytes_[i]->Add(bytes);
  for (const storage::PartitionPtr& partition : *gone) {
    for (ingest::TenantLog* log : engine_->TenantLogs()) log->ForgetPartition(*partition);
    base::LogInfo("partition dropped",
                  {{"partition", partition->name()}, {"reason", kReasonNames[i]}});
  }
}

Result<uint64_t> Retention::Remove(ingest::TenantLog* log,
                                   const std::vector<storage::BlockEntry>& blocks, Reason reason) {
  NL_TRY(const RemovedBlocks removed, RemoveBlocks(log, blocks));
  const auto i = static_cast<size_t>(reason);
  blocks_[i]->Add(removed.blocks);
  bytes_[i]->Add(removed.bytes);
  base::LogInfo("blocks expired", {{"tenant", log->name()},
                                   {"reason", kReasonNames[i]},
                                   {"blocks", std::to_string(removed.blocks)},
                                   {"bytes", std::to_string(removed.bytes)}});
  return removed.bytes;
}

}  // namespace neurallog::engine
