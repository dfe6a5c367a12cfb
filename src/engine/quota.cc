// Quotas: what is over goes, oldest first. The server's quota drops whole partitions, and only when none is left but those that are
// written now their oldest blocks; a tenant's quota removes its oldest blocks.
#include <algorithm>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/retention.h"

namespace neurallog::engine {
namespace {

// Below a quota by so much when blocks are removed one by one, so that not every second one is.
constexpr uint64_t WithSlack(uint64_t quota_bytes) { return quota_bytes - quota_bytes / 20; }

// As changes are.
void SortByPartition(std::vector<storage::BlockEntry>* blocks) {
  std::stable_sort(blocks->begin(), blocks->end(), [](const auto& a, const auto& b) {
    return a.partition.get() < b.partition.get();
  });
}

// The oldest, until they take `bytes`.
std::vector<storage::BlockEntry> TakeOldest(std::vector<storage::BlockEntry> blocks,
                                            uint64_t bytes) {
  std::sort(blocks.begin(), blocks.end(),
            [](const auto& a, const auto& b) { return a.header->max_ns < b.header->max_ns; });
  uint64_t taken = 0;
  size_t count = 0;
  while (count < blocks.size() && taken < bytes)
    taken += storage::StoredBytes(*blocks[count++].header);
  blocks.resize(count);
  SortByPartition(&blocks);
  return blocks;
}

}  // namespace

void Retention::EnforceDiskQuota() {
  const uint64_t quota_bytes = disk_quota_bytes();
  if (quota_bytes == 0) return;
  uint64_t used = store_->stats().disk_bytes;
  if (used <= quota_bytes) return;
  std::vector<storage::PartitionPtr> closed, open;
  for (const storage::PartitionPtr& partition : store_->Partitions())
    (partition->range().end_ns <= clock_->WallNs() ? closed : open).push_back(partition);
  std::sort(closed.begin(), closed.end(),
            [](const auto& a, const auto& b) { return a->range().end_ns < b->range().end_ns; });
  std::vector<storage::PartitionPtr> dropped;
  for (const storage::PartitionPtr& partition : closed) {
    if (used <= quota_bytes) break;
    used -= std::min(used, store_->StatsOf(*partition).disk_bytes);
    dropped.push_back(partition);
  }
  Drop(dropped, Reason::kDiskQuota);
  if (used <= quota_bytes) return;
  const Status status = RemoveOldest(open, used - WithSlack(quota_bytes));
  if (!status.ok())
    base::LogWarn("the disk quota is exceeded",
                  {{"bytes", std::to_string(used)}, {"error", status.ToString()}});
}

// Blocks take a little more in files than their headers say, so a share of them is removed, not so many bytes. Garbage counts as used;
// therefore files are rewritten at once: else every second would find as much to remove again.
Status Retention::RemoveOldest(const std::vector<storage::PartitionPtr>& partitions,
                               uint64_t bytes) {
  uint64_t disk_bytes = 0, garbage_bytes = 0, stored_bytes = 0;
  Blocks blocks;
  for (const storage::PartitionPtr& partition : partitions) {
    const storage::PartitionStats stats = store_->StatsOf(*partition);
    disk_bytes += stats.disk_bytes;
    garbage_bytes += stats.garbage_bytes;
    NL_RETURN_IF_ERROR(ListBlocks(partition, &blocks));
  }
  for (const auto& [block, log] : blocks) stored_bytes += storage::StoredBytes(*block.header);
  if (bytes > garbage_bytes) {
    const double share = static_cast<double>(bytes - garbage_bytes) /
                         static_cast<double>(std::max<uint64_t>(disk_bytes - garbage_bytes, 1));
    const double removed = std::min(share, 1.0) * static_cast<double>(stored_bytes);
    NL_RETURN_IF_ERROR(RemoveOldestOf(std::move(blocks), static_cast<uint64_t>(removed)));
  }
  for (const storage::PartitionPtr& partition : partitions) {
    NL_RETURN_IF_ERROR(store_->Reclaim(partition, storage::ReclaimWhat::kKeys));
    if (store_->stats().disk_bytes > disk_quota_bytes())
      NL_RETURN_IF_ERROR(store_->Reclaim(partition, storage::ReclaimWhat::kKeysAndBlobs));
  }
  return {};
}

Status Retention::ListBlocks(const storage::PartitionPtr& partition, Blocks* blocks) const {
  NL_TRY(const std::vector<TenantId> tenants, store_->TenantsIn(*partition));
  for (const TenantId tenant : tenants) {
    ingest::TenantLog* log = engine_->FindTenant(tenant);
    if (log == nullptr) continue;
    std::vector<storage::BlockEntry> of_tenant;
    NL_RETURN_IF_ERROR(
        store_->ReadHeaders(partition, log->keyspace(), &of_tenant, [](const std::string&) {}));
    for (storage::BlockEntry& block : of_tenant) blocks->emplace_back(std::move(block), log);
  }
  return {};
}

Status Retention::RemoveOldestOf(Blocks blocks, uint64_t bytes) {
  std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
    return a.first.header->max_ns < b.first.header->max_ns;
  });
  std::map<ingest::TenantLog*, std::vector<storage::BlockEntry>> by_tenant;
  uint64_t taken = 0;
  for (auto& [block, log] : blocks) {
    if (taken >= bytes) break;
    taken += storage::StoredBytes(*block.header);
    by_tenant[log].push_back(std::move(block));
  }
  for (auto& [log, of_tenant] : by_tenant) {
    SortByPartition(&of_tenant);
    NL_RETURN_IF_ERROR(Remove(log, of_tenant, Reason::kDiskQuota).status());
  }
  return {};
}

void Retention::EnforceTenantQuota(ingest::TenantLog* log, uint64_t quota_bytes) {
  const auto stored = log->stored();
  if (stored && stored->bytes <= quota_bytes) return;
  const auto directory = log->Blocks([](const std::string&) {});
  if (!directory.ok()) return;
  const uint64_t used = (*directory)->totals().bytes;
  if (used <= quota_bytes) return;
  std::vector<storage::BlockEntry> blocks;
  (*directory)->ForEach([&](const storage::BlockEntry& entry) { blocks.push_back(entry); });
  const auto removed = Remove(log, TakeOldest(std::move(blocks), used - WithSlack(quota_bytes)),
                              Reason::kTenantQuota);
  if (!removed.ok())
    base::LogWarn("a tenant is over its disk quota",
                  {{"tenant", log->name()}, {"error", removed.status().ToString()}});
}

}  // namespace neurallog::engine
