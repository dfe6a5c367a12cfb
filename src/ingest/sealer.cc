#include "ingest/sealer.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/thread.h"

namespace neurallog::ingest {
namespace {

constexpr std::chrono::milliseconds kRetryPause{200};  // after a block could not be written

struct PartitionRows {
  storage::PartitionPtr partition;
  std::vector<block::RowRef> rows;
};

// Rows by partition, in log order within each. Nearly always one group.
Result<std::vector<PartitionRows>> GroupByPartition(storage::Store* store,
                                                    tenant::RetentionClass retention_class,
                                                    const std::vector<block::RowRef>& rows) {
  std::vector<PartitionRows> groups;
  PartitionRows* last = nullptr;
  TimeRange same;
  for (const block::RowRef& row : rows) {
    if (last == nullptr || !same.Contains(row.timestamp_ns)) {
      NL_TRY(storage::PartitionPtr partition, store->PartitionFor(row.timestamp_ns, retention_class, &same));
      const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
        return group.partition == partition;
      });
      if (found == groups.end()) {
        groups.push_back({std::move(partition), {}});
        last = &groups.back();
      } else {
        last = &*found;
      }
    }
    last->rows.push_back(row);
  }
  return groups;
}

size_t StoredBytes(const block::BuiltBlock& built) {
  size_t bytes = built.header.size();
  for (const auto& chunk : built.chunks) bytes += chunk.bytes.size();
  return bytes + built.hash_list.size();
}

}  // namespace

Sealer::Sealer(const SealerOptions& options, storage::Store* store, const base::Clock* clock,
               IngestMetrics* metrics)
    : options_(options), store_(store), clock_(clock), metrics_(metrics) {}

void Sealer::Start() {
  for (int i = 0; i < options_.threads; ++i)
    threads_.push_back(base::StartThread("nl-sealer", [this] { Run(); }));
}

void Sealer::Stop() {
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
    abandoned_ = true;
  }
  work_.NotifyAll();
  room_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  base::MutexLock lock(mutex_);
  for (TenantLog* tenant : queue_) tenant->seal_queued.store(false);
  queue_.clear();
}

void Sealer::Abandon() {
  base::MutexLock lock(mutex_);
  abandoned_ = true;
  room_.NotifyAll();
}

bool Sealer::Due(const TenantLog& tenant, const TenantLog::Buffered& buffered) const {
  if (buffered.oldest_lsn == 0) return false;
  return buffered.rows >= options_.block_rows || buffered.bytes >= 2 * options_.block_bytes_max ||
         buffered.oldest_lsn < tenant.seal_all_before.load(std::memory_order_relaxed);
}

void Sealer::Count(size_t added_bytes) {
  buffered_bytes_.fetch_add(added_bytes, std::memory_order_relaxed);
  if (options_.spare_memory != nullptr) options_.spare_memory->Take(added_bytes);
}

void Sealer::OnAppended(TenantLog* tenant, const TenantLog::Buffered& buffered,
                        size_t added_bytes) {
  Count(added_bytes);
  if (Due(*tenant, buffered)) Enqueue(tenant);
}

void Sealer::OnFreed(size_t bytes) {
  buffered_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  if (options_.spare_memory != nullptr) options_.spare_memory->GiveBack(bytes);
  room_.NotifyAll();
}

void Sealer::OnReplaced(size_t freed_bytes, size_t added_bytes) {
  Count(added_bytes);
  OnFreed(freed_bytes);
}

void Sealer::Unhold(TenantLog* tenant) {
  tenant->seal_queued.store(false);
  if (Due(*tenant, tenant->buffered())) Enqueue(tenant);
}

void Sealer::SealAllBefore(TenantLog* tenant, uint64_t lsn) {
  uint64_t before = tenant->seal_all_before.load(std::memory_order_relaxed);
  while (before < lsn && !tenant->seal_all_before.compare_exchange_weak(before, lsn)) {
  }
  Enqueue(tenant);
}

void Sealer::Enqueue(TenantLog* tenant) {
  if (tenant->seal_queued.exchange(true)) return;
  base::MutexLock lock(mutex_);
  queue_.push_back(tenant);
  work_.NotifyOne();
}

bool Sealer::WaitForRoom() {
  base::MutexLock lock(mutex_);
  while (!HasRoom() && !abandoned_) room_.WaitFor(mutex_, std::chrono::milliseconds(10));
  return HasRoom() || !abandoned_;
}

void Sealer::Run() {
  index::TokenSet tokens;
  for (;;) {
    TenantLog* tenant;
    {
      base::MutexLock lock(mutex_);
      while (queue_.empty() && !stop_) work_.Wait(mutex_);
      if (stop_) return;
      tenant = queue_.front();
      queue_.pop_front();
    }
    Status status;
    if (Due(*tenant, tenant->buffered())) status = SealFront(tenant, &tokens);
    if (!status.ok()) {
      base::LogError("seal failed; the rows stay in the log and it is tried again",
                     {{"tenant", tenant->name()}, {"error", status.ToString()}});
      std::this_thread::sleep_for(kRetryPause);
    }
    Unhold(tenant);
  }
}

Status Sealer::SealFront(TenantLog* tenant, index::TokenSet* tokens) {
  const int64_t begin_ns = clock_->MonotonicNs();
  RowSlice slice = tenant->BeginSeal(options_.block_rows, options_.block_bytes_max);
  if (slice.rows.empty()) {
    if (slice.end == storage::LogPosition{} && tenant->buffered().oldest_lsn != 0)
      return Unavailable("the tenant's change of retention is not durable yet");
    OnFreed(tenant->CommitSeal(slice.end, {}));
    return {};
  }
  auto groups = GroupByPartition(store_, tenant->ClassAt(slice.lsn_min), slice.rows);
  if (!groups.ok()) {
    metrics_->seal_errors.Add();
    return groups.status();
  }
  std::vector<storage::BlockEntry> entries;
  for (PartitionRows& group : *groups) {
    const block::BuiltBlock built = block::BuildBlock(
        group.rows, {.lsn_min = slice.lsn_min, .lsn_max = slice.lsn_max, .tokens = tokens});
    storage::Change change(group.partition, tenant->keyspace());
    change.PutBlock({slice.end}, built);
    change.PutMarker(slice.end);
    const Status written = store_->Apply(&change);
    if (!written.ok()) {
      metrics_->seal_errors.Add();
      return written;
    }
    NL_TRY(auto header, block::BlockHeader::Decode(built.header));
    entries.push_back({group.partition, {slice.end}, std::move(header)});
    metrics_->seals.Add();
    metrics_->sealed_rows.Add(group.rows.size());
    metrics_->sealed_bytes.Add(StoredBytes(built));
  }
  OnFreed(tenant->CommitSeal(slice.end, entries));
  metrics_->seal_time.Record(clock_->MonotonicNs() - begin_ns);
  return {};
}

Status Sealer::SealNow(TenantLog* tenant, uint64_t lsn) {
  index::TokenSet tokens;
  while (true) {
    const TenantLog::Buffered buffered = tenant->buffered();
    if (buffered.oldest_lsn == 0 || buffered.oldest_lsn >= lsn) return {};
    NL_RETURN_IF_ERROR(SealFront(tenant, &tokens));
  }
}

}  // namespace neurallog::ingest
