// The keeper thread: once a second it seals what has become old, makes room, drops what has expired and lets log segments go.
#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr int64_t kDiskFullPauseNs =
    5 * base::kNsPerSecond;  // between checkpoints that hope to free room

}  // namespace

void Engine::KeeperLoop() {
  for (;;) {
    {
      base::MutexLock lock(keeper_mutex_);
      if (!keeper_stop_) keeper_wake_.WaitFor(keeper_mutex_, kTick);
      if (keeper_stop_) return;
    }
    SealIdleTenants(environment_.clock->MonotonicNs());
    RelieveMemory();
    EnforceRetention();
    BoundDirectories();
    CheckpointIfNeeded(environment_.clock->MonotonicNs());
    ResumeStore();
  }
}

void Engine::SealIdleTenants(int64_t now_ns) {
  for (ingest::TenantLog* log : TenantLogs()) {
    const auto buffered = log->buffered();
    const bool idle =
        buffered.oldest_lsn != 0 && now_ns - buffered.last_append_ns >= options_.seal_age_ns;
    if (idle && buffered.rows >= options_.seal_age_rows_min)
      sealer_->SealAllBefore(log, journaler_->delivered_lsn() + 1);
  }
}

// Beyond three quarters of the budget the largest buffers are sealed, down to half of it.
void Engine::RelieveMemory() {
  const size_t budget = options_.sealer.row_buffer_bytes_max;
  size_t total = sealer_->buffered_bytes();
  if (total < budget / 4 * 3) return;
  std::vector<std::pair<size_t, ingest::TenantLog*>> by_bytes;
  for (ingest::TenantLog* log : TenantLogs()) by_bytes.emplace_back(log->buffered().bytes, log);
  std::sort(by_bytes.begin(), by_bytes.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  const uint64_t lsn = journaler_->delivered_lsn() + 1;
  for (const auto& [bytes, log] : by_bytes) {
    if (total <= budget / 2 || bytes == 0) break;
    sealer_->SealAllBefore(log, lsn);
    total -= std::min(total, bytes);
  }
}

void Engine::EnforceRetention() {
  if (retention_ns() <= 0) return;
  const int64_t oldest_ns = environment_.clock->WallNs() - retention_ns();
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    if (partition->range().end_ns > oldest_ns) continue;
    for (ingest::TenantLog* log : TenantLogs()) log->ForgetPartition(*partition);
    const Status status = store_->DropPartition(partition);
    base::LogInfo("partition dropped",
                  {{"partition", partition->name()}, {"status", status.ToString()}});
  }
}

void Engine::BoundDirectories() {
  size_t total = 0;
  std::vector<std::pair<int64_t, ingest::TenantLog*>> by_use;
  for (ingest::TenantLog* log : TenantLogs()) {
    const size_t bytes = log->directory_bytes();
    if (bytes == 0) continue;
    total += bytes;
    by_use.emplace_back(log->directory_used_ns(), log);
  }
  if (total <= options_.directory_bytes_max) return;
  std::sort(by_use.begin(), by_use.end());
  for (const auto& [used_ns, log] : by_use) {
    if (total <= options_.directory_bytes_max) break;
    total -= std::min(total, log->directory_bytes());
    log->UnloadDirectory();
  }
}

uint64_t Engine::FirstUnsealedLsn(uint64_t otherwise) const {
  uint64_t first = otherwise;
  for (const ingest::TenantLog* log : TenantLogs()) {
    const uint64_t oldest = log->buffered().oldest_lsn;
    if (oldest != 0) first = std::min(first, oldest);
  }
  return first;
}

// When the log is large or the disk full, half of the log is sealed whatever the block sizes, and everything before the first unsealed row
// is flushed and released.
void Engine::CheckpointIfNeeded(int64_t now_ns) {
  wal::Writer& writer = journaler_->writer();
  const bool large = writer.live_bytes() > options_.wal_retained_bytes_max;
  const bool disk_full =
      journaler_->disk_full() && now_ns - last_checkpoint_ns_ >= kDiskFullPauseNs;
  if (!large && !disk_full) return;
  last_checkpoint_ns_ = now_ns;
  // Read before the buffers: what was delivered by now is in a buffer or sealed.
  const uint64_t delivered_lsn = journaler_->delivered_lsn();
  if (delivered_lsn <= writer.oldest_lsn()) return;
  const uint64_t half = writer.oldest_lsn() + (delivered_lsn - writer.oldest_lsn()) / 2;
  for (ingest::TenantLog* log : TenantLogs()) {
    const uint64_t oldest = log->buffered().oldest_lsn;
    if (oldest != 0 && oldest < half) sealer_->SealAllBefore(log, half);
  }
  // Read before the flush: what is sealed by now is in memtables.
  const uint64_t sealed_before = FirstUnsealedLsn(delivered_lsn + 1);
  if (sealed_before <= writer.oldest_lsn()) return;
  const Status status = Checkpoint(sealed_before);
  if (!status.ok()) base::LogError("checkpoint failed", {{"error", status.ToString()}});
}

void Engine::ResumeStore() {
  if (!store_->stopped()) return;
  const Status status = store_->Resume();
  base::LogInfo("the store had stopped and is told to go on", {{"status", status.ToString()}});
}

}  // namespace neurallog::engine
