// The partitions of the store: which one a time belongs to, making and dropping them, and getting their garbage off the disk.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "storage/store_rocks.h"

namespace neurallog::storage {
namespace {

using Properties = rocksdb::DB::Properties;
using tenant::RetentionClass;

constexpr int kReclaimPassesMax = 3;
constexpr uint64_t kFreeBytesMin = 64u << 20;  // left over while a partition is rewritten

bool IsCatchAll(const Partition& partition) {
  return partition.kind().granularity == Granularity::kAll;
}
// Without overflow: a catch-all covers all time.
uint64_t WidthOf(const Partition& partition) {
  return static_cast<uint64_t>(partition.range().end_ns) -
         static_cast<uint64_t>(partition.range().start_ns);
}

}  // namespace

Partition::Partition(std::string name, const PartitionKind& kind, rocksdb::DB* db,
                     rocksdb::ColumnFamilyHandle* handle)
    : name_(std::move(name)), kind_(kind), db_(db), handle_(handle) {}

Partition::~Partition() { db_->DestroyColumnFamilyHandle(handle_).PermitUncheckedError(); }

PartitionPtr Store::FindLocked(int64_t timestamp_ns, RetentionClass retention_class) const {
  PartitionPtr found;
  for (const PartitionPtr& partition : partitions_) {
    const bool covers = partition->kind().retention_class == retention_class &&
                        partition->range().Contains(timestamp_ns);
    if (covers && (!found || WidthOf(*partition) < WidthOf(*found))) found = partition;
  }
  return found;
}

PartitionPtr Store::FindPartition(int64_t timestamp_ns, RetentionClass retention_class) const {
  base::MutexLock lock(mutex_);
  return FindLocked(timestamp_ns, retention_class);
}

Result<PartitionPtr> Store::PartitionFor(int64_t timestamp_ns, RetentionClass retention_class,
                                         TimeRange* same) {
  base::MutexLock lock(mutex_);
  const int64_t now_ns = rocks_->clock->WallNs();
  PartitionPtr found = FindLocked(timestamp_ns, retention_class);
  const bool near = IsNear(retention_class, timestamp_ns, now_ns);
  if (!found || (near && IsCatchAll(*found))) {
    NL_RETURN_IF_ERROR(MakeLocked({NameLocked(timestamp_ns, retention_class)}));
    found = partitions_.back();
  }
  // Between the next borders of any partition the narrowest one is the same. The catch-all may give way to a day when a time is near.
  *same = IsCatchAll(*found) ? TimeRange{timestamp_ns, timestamp_ns + 1} : found->range();
  for (const PartitionPtr& partition : partitions_) {
    if (partition->kind().retention_class != retention_class) continue;
    for (const int64_t border_ns : {partition->range().start_ns, partition->range().end_ns}) {
      if (border_ns <= timestamp_ns) same->start_ns = std::max(same->start_ns, border_ns);
      if (border_ns > timestamp_ns) same->end_ns = std::min(same->end_ns, border_ns);
    }
  }
  return found;
}

std::string Store::NameLocked(int64_t timestamp_ns, RetentionClass retention_class) const {
  std::vector<PartitionKind> existing;
  for (const PartitionPtr& partition : partitions_) existing.push_back(partition->kind());
  return PartitionName(
      retention_class,
      ChooseGranularity(retention_class, timestamp_ns, rocks_->clock->WallNs(), existing),
      timestamp_ns);
}

Status Store::MakeLocked(const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status =
      rocks_->db->CreateColumnFamilies(rocks_->FamilyOptions(), names, &handles);
  // Some may have been made before one failed.
  for (size_t i = 0; i < handles.size(); ++i)
    partitions_.push_back(std::make_shared<Partition>(names[i], *ParsePartitionName(names[i]),
                                                      rocks_->db.get(), handles[i]));
  return rocks_->Written(status, "create partition " + names.back());
}

Status Store::MakeAhead(int64_t timestamp_ns) {
  base::MutexLock lock(mutex_);
  const int64_t now_ns = rocks_->clock->WallNs();
  std::vector<std::string> names;
  for (int i = 0; i < tenant::kRetentionClasses; ++i) {
    const auto retention_class = static_cast<RetentionClass>(i);
    const PartitionPtr now = FindLocked(now_ns, retention_class);
    const PartitionPtr then = FindLocked(timestamp_ns, retention_class);
    if (now && !IsCatchAll(*now) && (!then || IsCatchAll(*then)))
      names.push_back(NameLocked(timestamp_ns, retention_class));
  }
  return names.empty() ? Status() : MakeLocked(names);
}

std::vector<PartitionPtr> Store::Partitions() const {
  base::MutexLock lock(mutex_);
  return partitions_;
}

Result<std::vector<PartitionPtr>> Store::DropPartitions(
    const std::vector<PartitionPtr>& partitions,
    const std::function<bool(const PartitionPtr&)>& may_go) {
  std::vector<PartitionPtr> gone;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  std::string names;
  std::vector<std::unique_ptr<base::MutexLock>> writers;  // waited for, then kept out
  for (const PartitionPtr& partition : partitions) {
    auto lock = std::make_unique<base::MutexLock>(partition->write_mutex_);
    if (!may_go(partition)) continue;
    writers.push_back(std::move(lock));
    gone.push_back(partition);
    handles.push_back(partition->handle());
    names.append(names.empty() ? "" : ", ").append(partition->name());
  }
  if (gone.empty()) return gone;
  NL_RETURN_IF_ERROR(rocks_->Written(rocks_->db->DropColumnFamilies(handles), "drop " + names));
  for (const PartitionPtr& partition : gone)
    partition->dropped_.store(true, std::memory_order_release);
  base::MutexLock lock(mutex_);
  for (const PartitionPtr& partition : gone) std::erase(partitions_, partition);
  for (const PartitionPtr& partition : gone) damage_.Forget(partition->name());
  return gone;
}

PartitionStats Store::StatsOf(const Partition& partition) const {
  PartitionStats stats;
  stats.disk_bytes = rocks_->IntProperty(partition, Properties::kLiveSstFilesSize) +
                     rocks_->IntProperty(partition, Properties::kLiveBlobFileSize);
  stats.garbage_bytes = rocks_->IntProperty(partition, Properties::kLiveBlobFileGarbageSize);
  stats.memtable_bytes = rocks_->IntProperty(partition, Properties::kCurSizeAllMemTables);
  return stats;
}

Result<std::vector<TenantId>> Store::TenantsIn(const Partition& partition) const {
  std::vector<TenantId> tenants;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator(options, partition.handle()));
  for (it->SeekToFirst(); it->Valid() && it->key().size() >= 4;) {
    tenants.push_back(Keyspace::TenantOfKey(it->key().data()));
    const uint64_t next = uint64_t{static_cast<uint32_t>(tenants.back())} + 1;
    if (next > UINT32_MAX) break;
    std::string key;
    base::AppendBe(&key, static_cast<uint32_t>(next));
    it->Seek(key);
  }
  NL_RETURN_IF_ERROR(FromRocks(it->status(), "read tenants of partition " + partition.name()));
  return tenants;
}

Result<bool> Store::HasTenant(const Partition& partition, const Keyspace& keyspace) const {
  const std::string end = keyspace.End();
  const rocksdb::Slice upper = Slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator(options, partition.handle()));
  it->Seek(keyspace.Begin());
  NL_RETURN_IF_ERROR(FromRocks(it->status(), "read partition " + partition.name()));
  return it->Valid();
}

// Pages are smaller than blobs, and RocksDB knows about how much a range of small values takes; the others are few.
uint64_t Store::IndexBytes(const Partition& partition, const Keyspace& keyspace) const {
  uint64_t bytes = 0;
  const auto add = [&](std::string_view, std::string_view value) {
    bytes += value.size();
    return true;
  };
  Status status = Scan(partition, keyspace.HashListsBegin(), keyspace.HashListsEnd(), add);
  if (status.ok()) status = Scan(partition, keyspace.SegmentsBegin(), keyspace.SegmentsEnd(), add);
  const std::string begin = keyspace.PostingsPagesBegin(), end = keyspace.PostingsPagesEnd();
  const rocksdb::Range pages(begin, end);
  uint64_t pages_bytes = 0;
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  if (status.ok())
    status = FromRocks(
        rocks_->db->GetApproximateSizes(options, partition.handle(), &pages, 1, &pages_bytes),
        "index of partition " + partition.name());
  if (!status.ok()) base::LogWarn("index not counted", {{"error", status.ToString()}});
  return bytes + pages_bytes;
}

std::vector<uint64_t> Store::HeaderBytes(const std::vector<Keyspace>& tenants) const {
  std::vector<std::string> keys;
  for (const Keyspace& tenant : tenants) {
    keys.push_back(tenant.BlockHeadersBegin());
    keys.push_back(tenant.BlockHeadersEnd());
  }
  std::vector<rocksdb::Range> ranges;
  for (size_t i = 0; i < keys.size(); i += 2) ranges.emplace_back(keys[i], keys[i + 1]);
  std::vector<uint64_t> total(tenants.size()), sizes(tenants.size());
  for (const PartitionPtr& partition : Partitions()) {
    const rocksdb::Status status = rocks_->db->GetApproximateSizes(
        rocksdb::SizeApproximationOptions(), partition->handle(), ranges.data(),
        static_cast<int>(ranges.size()), sizes.data());
    if (!status.ok()) continue;
    for (size_t i = 0; i < total.size(); ++i) total[i] += sizes[i];
  }
  return total;
}

// RocksDB takes a full disk badly, so that it is not let run into one.
Status Store::FlushPartition(const Partition& partition) {
  const uint64_t bytes = rocks_->IntProperty(partition, Properties::kCurSizeAllMemTables);
  constexpr uint64_t kOthersBytes = 1u << 20;  // what else may be written meanwhile
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(bytes + kOthersBytes).Annotate("flush " + partition.name()));
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  const uint64_t sequence = Sequence();
  NL_RETURN_IF_ERROR(
      rocks_->Written(rocks_->db->Flush(options, partition.handle()), "flush " + partition.name()));
  return WaitUntilFlushed(partition, sequence);
}

// The Flush of RocksDB 7.8.3 waits for nothing once an error was resumed from (its ErrorHandler::ClearBGError leaves is_db_stopped_ set):
// what it began is waited for here, by looking, for it is nearly always over already.
Status Store::WaitUntilFlushed(const Partition& partition, uint64_t sequence) const {
  constexpr std::chrono::seconds kWaitMax{60};
  const auto end = std::chrono::steady_clock::now() + kWaitMax;
  while (rocks_->IntProperty(partition, Properties::kNumImmutableMemTable) > 0 &&
         rocks_->listener->FlushedUpTo(partition.handle()->GetID()) < sequence) {
    if (stopped()) return Unavailable("flush " + partition.name() + ": writing has stopped");
    if (std::chrono::steady_clock::now() > end)
      return Unavailable("flush " + partition.name() + " did not end within a minute");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

Status Store::EraseTenant(const PartitionPtr& partition, const Keyspace& keyspace) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return rocks_->Written(rocks_->db->DeleteRange(options, partition->handle(),
                                                 Slice(keyspace.Begin()), keyspace.End()),
                         "erase a tenant of partition " + partition->name());
}

Status Store::Reclaim(const PartitionPtr& partition, ReclaimWhat what) {
  const uint64_t removed = partition->removed_bytes.load(std::memory_order_relaxed);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  // Files that this very compaction has written need not be written once more.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kDisable;
  if (what == ReclaimWhat::kKeysAndBlobs) {
    options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    options.blob_garbage_collection_age_cutoff = 1.0;
    const uint64_t needed = StatsOf(*partition).disk_bytes + kFreeBytesMin;
    std::error_code error;
    const auto space = std::filesystem::space(rocks_->options.directory, error);
    if (!error && space.available < needed)
      return Unavailable("rewriting partition " + partition->name() + " needs " +
                         std::to_string(needed) + " bytes, and the disk has " +
                         std::to_string(space.available));
  }
  // An automatic compaction that runs already takes files out of this one's hands and leaves their garbage: then once more.
  for (int passes = 0; passes < kReclaimPassesMax; ++passes) {
    NL_RETURN_IF_ERROR(
        rocks_->Written(rocks_->db->CompactRange(options, partition->handle(), nullptr, nullptr),
                        "rewrite partition " + partition->name()));
    const PartitionStats stats = StatsOf(*partition);
    const bool is_little = passes > 0 && stats.garbage_bytes < stats.disk_bytes / 10;
    if (what == ReclaimWhat::kKeys || stats.garbage_bytes == 0 || is_little) break;
  }
  partition->removed_bytes.fetch_sub(removed, std::memory_order_relaxed);
  return {};
}

uint64_t Store::Sequence() const { return rocks_->db->GetLatestSequenceNumber(); }

bool Store::IsViewedBefore(uint64_t sequence) const {
  uint64_t oldest = 0;
  const bool known = rocks_->db->GetIntProperty(Properties::kOldestSnapshotSequence, &oldest);
  uint64_t snapshots = 0;
  rocks_->db->GetIntProperty(Properties::kNumSnapshots, &snapshots);
  return known && snapshots > 0 && oldest < sequence;
}

}  // namespace neurallog::storage
