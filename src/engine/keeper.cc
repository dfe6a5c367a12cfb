// The keeper thread: once a second it seals what has become old, makes room and lets log segments go.
#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

constexpr std::chrono::milliseconds kTick{100};  // memory is looked at
constexpr int kTicksPerRound = 10;               // everything else
constexpr int64_t kSealClosedAfterNs = 600 * base::kNsPerSecond;

}  // namespace

void Engine::KeeperLoop() {
  for (int tick = 1;; ++tick) {
    {
      base::MutexLock lock(keeper_mutex_);
      if (!keeper_stop_) keeper_wake_.WaitFor(keeper_mutex_, kTick);
      if (keeper_stop_) return;
    }
    memory_guard_.Check();
    RelieveMemory(journaler_->delivered_lsn() + 1);
    if (tick % kTicksPerRound != 0) continue;
    MeasureLoad();
    SealIdleTenants(environment_.clock->MonotonicNs());
    RelieveMemory(journaler_->delivered_lsn() + 1);
    BoundDirectories();
    ReleaseFlushed();
    CheckpointIfNeeded(environment_.clock->MonotonicNs());
    TrimIdleLog(environment_.clock->MonotonicNs());
    ResumeStore();
  }
}

void Engine::MeasureLoad() {
  constexpr double kWeight = 0.05;  // of the last second
  const uint64_t logs = metrics_.logs.value();
  const double rate = logs_per_second_.load(std::memory_order_relaxed);
  const double last = static_cast<double>(logs - last_logs_);
  logs_per_second_.store(rate + (last - rate) * kWeight, std::memory_order_relaxed);
  const int64_t now_ns = environment_.clock->MonotonicNs();
  if (logs != last_logs_ || last_logs_ns_ == 0) last_logs_ns_ = now_ns;
  last_logs_ = logs;
  const bool is_quiet =
      logs_per_second_.load(std::memory_order_relaxed) < options_.idle_logs_per_second;
  if (!is_quiet || quiet_since_ns_ == 0) quiet_since_ns_ = now_ns;
  quiet_ns_.store(is_quiet ? now_ns - quiet_since_ns_ : -1, std::memory_order_relaxed);
}

Indexer::Host Engine::IndexerHost() {
  const Compactor::Host host = CompactorHost();
  return {host.find_tenant, host.damage};
}

Compactor::Host Engine::CompactorHost() {
  Compactor::Host host;
  host.tenants = [this] { return TenantLogs(); };
  host.find_tenant = [this](TenantId id) { return FindTenant(id); };
  host.expiry_ns = [this](const ingest::TenantLog& log) { return ExpiryOf(log); };
  host.busy = [this] {
    return ring_->occupancy() > options_.ring_slots / 4 ||
           sealer_->buffered_bytes() > options_.sealer.row_buffer_bytes_max / 4 * 3;
  };
  host.idle = [this] {
    return quiet_ns_.load(std::memory_order_relaxed) >= options_.idle_after_ns;
  };
  host.damage = [this](const ingest::TenantLog& log, const std::string& what) {
    damaged_headers_.fetch_add(1, std::memory_order_relaxed);
    base::LogError("damaged block", {{"tenant", log.name()}, {"what", what}});
  };
  return host;
}

// Beside the idle: rows of a partition that is over, after a while, so that its blocks can take their final form.
void Engine::SealIdleTenants(int64_t now_ns) {
  for (ingest::TenantLog* log : TenantLogs()) {
    const auto buffered = log->buffered();
    if (buffered.oldest_lsn == 0) continue;
    const bool idle = buffered.rows >= options_.seal_age_rows_min &&
                      now_ns - buffered.last_append_ns >= options_.seal_age_ns;
    const bool over =
        now_ns - buffered.oldest_append_ns >= kSealClosedAfterNs && PartitionIsOver(*log, buffered);
    if (idle || over) sealer_->SealAllBefore(log, journaler_->delivered_lsn() + 1);
  }
}

bool Engine::PartitionIsOver(const ingest::TenantLog& log,
                             const ingest::TenantLog::Buffered& buffered) const {
  const storage::PartitionPtr partition =
      store_->FindPartition(buffered.min_ns, log.ClassAt(buffered.oldest_lsn));
  const int64_t end_ns = partition ? partition->range().end_ns : buffered.min_ns + base::kNsPerDay;
  return end_ns < environment_.clock->WallNs();
}

// Beyond three quarters of the budget the largest buffers are sealed, down to half of it.
void Engine::RelieveMemory(uint64_t next_lsn) {
  const size_t budget = options_.sealer.row_buffer_bytes_max;
  size_t total = sealer_->buffered_bytes();
  if (total < (short_of_memory() ? budget / 4 : budget / 4 * 3)) return;
  std::vector<std::pair<size_t, ingest::TenantLog*>> by_bytes;
  for (ingest::TenantLog* log : TenantLogs()) by_bytes.emplace_back(log->buffered().bytes, log);
  std::sort(by_bytes.begin(), by_bytes.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [bytes, log] : by_bytes) {
    if (total <= (short_of_memory() ? budget / 4 : budget / 2) || bytes == 0) break;
    sealer_->SealAllBefore(log, next_lsn);
    total -= std::min(total, bytes);
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

void Engine::ResumeStore() {
  if (!store_->stopped()) return;
  const Status status = store_->Resume();
  base::LogInfo("the store had stopped and is told to go on", {{"status", status.ToString()}});
}

}  // namespace neurallog::engine
