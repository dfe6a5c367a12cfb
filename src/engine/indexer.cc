#include "engine/indexer.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "base/thread.h"

namespace neurallog::engine {
namespace {

// The ids of the tenant's blocks in the partition, ascending.
Result<std::vector<storage::BlockId>> LiveBlocks(const storage::Partition& partition,
                                                 ingest::TenantLog* log,
                                                 const std::function<void(std::string)>& damage) {
  const bool was_loaded = log->directory_bytes() > 0;
  NL_TRY(const auto directory, log->Blocks(damage));
  if (!was_loaded) log->UnloadDirectory();
  std::vector<storage::BlockId> live;
  directory->ForEach([&](const storage::BlockEntry& entry) {
    if (entry.partition.get() == &partition) live.push_back(entry.id);
  });
  std::sort(live.begin(), live.end());
  return live;
}

}  // namespace

void Indexer::Start() {
  thread_ = base::StartThread("nl-indexer", [this] { Run(); });
}

void Indexer::Stop() {
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

bool Indexer::stopping() const {
  base::MutexLock lock(mutex_);
  return stop_;
}

void Indexer::Run() {
  base::LowerThreadPriority();
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (!stop_) wake_.WaitFor(mutex_, kTick);
      if (stop_) return;
    }
    RunOnce();
  }
}

void Indexer::RunOnce() {
  MaintainDue();
  MaintainClosed();
}

void Indexer::MaintainDue() {
  while (!stopping()) {
    const auto work = store_->token_index().TakeWork();
    if (!work) return;
    const TenantId tenant = storage::Keyspace::TenantOfKey(work->keyspace.Begin().data());
    if (ingest::TenantLog* log = host_.find_tenant(tenant)) Maintain(*work, log);
  }
}

void Indexer::MaintainClosed() {
  const int64_t end_min_ns = clock_->WallNs() - kClosedUntilNs;
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    if (!IsClosed(*partition) || partition->range().end_ns < end_min_ns) continue;
    if (closed_.insert(partition->name()).second) MaintainTenants(partition);
    if (stopping()) return;
  }
}

void Indexer::MaintainTenants(const storage::PartitionPtr& partition) {
  const auto tenants = store_->TenantsIn(*partition);
  if (!tenants.ok()) return;
  for (const TenantId tenant : *tenants) {
    if (stopping()) return;
    ingest::TenantLog* const log = host_.find_tenant(tenant);
    if (log == nullptr) continue;
    const storage::TokenIndex::Work work{partition, log->keyspace()};
    if (store_->token_index().HasLists(work, kClosedListsMin)) Maintain(work, log);
  }
}

void Indexer::Maintain(const storage::TokenIndex::Work& work, ingest::TenantLog* log) {
  const auto live =
      LiveBlocks(*work.partition, log, [&](const std::string& what) { host_.damage(*log, what); });
  const size_t lists_min =
      IsClosed(*work.partition) ? kClosedListsMin : storage::TokenIndex::kListsPerSegment;
  Status status = live.status();
  if (live.ok()) status = store_->token_index().Maintain(work, *live, lists_min);
  if (status.ok() || log->deleted()) return;
  base::LogError("token index: a segment could not be made", {{"tenant", log->name()},
                                                              {"partition", work.partition->name()},
                                                              {"error", status.ToString()}});
}

}  // namespace neurallog::engine
