#include "storage/store.h"

#include <algorithm>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"
#include "base/log.h"
#include "io/file_system.h"
#include "storage/partition_name.h"
#include "storage/rocksdb_crc32c.h"

namespace neurallog::storage {
namespace {

constexpr char kMetaFamily[] = "meta";
constexpr std::string_view kCatchAll = "all";

Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return {};
  std::string message = std::string(what) + ": " + status.ToString();
  if (status.IsNotFound()) return NotFound(std::move(message));
  if (status.IsCorruption()) return Corruption(std::move(message));
  if (status.IsNoSpace() || status.IsBusy() || status.IsIncomplete())
    return Unavailable(std::move(message));
  return IoError(std::move(message));
}

rocksdb::Slice Slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string BlockName(const BlockId& id) {
  return std::to_string(id.end.lsn) + "/" + std::to_string(id.end.row) + "/" +
         std::to_string(id.rewrite);
}

class FlushCounter : public rocksdb::EventListener {
 public:
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    flushes.fetch_add(1, std::memory_order_relaxed);
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    background_error.store(true, std::memory_order_relaxed);
    base::LogError("storage: background error", {{"error", status->ToString()}});
  }
  // RocksDB's own recovery waits until all write buffers would fit the disk; the keeper simply tries.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    if (info.new_bg_error.ok()) background_error.store(false, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> flushes{0};
  std::atomic<bool> background_error{false};
};

// Values are compressed by us, so RocksDB compresses nothing; chunks of 4 KiB and more go to blob files, which compaction leaves alone.
rocksdb::ColumnFamilyOptions BlockFamilyOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 64u << 20;
  options.max_write_buffer_number = 3;
  options.enable_blob_files = true;
  options.min_blob_size = 4096;
  options.blob_file_size = 256u << 20;
  options.blob_compression_type = rocksdb::kNoCompression;
  options.enable_blob_garbage_collection = false;
  options.memtable_prefix_bloom_size_ratio = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 * 1024;
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

struct Store::Rocks {
  // Remembers that writing failed; RocksDB does not tell its listeners of every such state.
  Status Written(const rocksdb::Status& status, std::string_view what) {
    if (status.IsNoSpace() || status.IsIOError())
      listener->background_error.store(true, std::memory_order_relaxed);
    return FromRocks(status, what);
  }

  StoreOptions options;
  const base::Clock* clock = nullptr;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<FlushCounter> listener = std::make_shared<FlushCounter>();
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
};

Partition::Partition(std::string name, TimeRange range, rocksdb::DB* db,
                     rocksdb::ColumnFamilyHandle* handle)
    : name_(std::move(name)), range_(range), db_(db), handle_(handle) {}

Partition::~Partition() { db_->DestroyColumnFamilyHandle(handle_).PermitUncheckedError(); }

Store::Store(std::unique_ptr<Rocks> rocks) : rocks_(std::move(rocks)) {}

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, const base::Clock* clock) {
  UseHardwareCrc32c();
  auto rocks = std::make_unique<Rocks>();
  rocks->options = options;
  rocks->clock = clock;
  rocks->cache =
      rocksdb::NewLRUCache(options.block_cache_bytes, -1, /*strict_capacity_limit=*/false, 0.5);

  rocksdb::DBOptions db_options;
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.max_background_jobs = 2;
  db_options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes_total);
  db_options.max_total_wal_size = 64u << 20;
  db_options.use_direct_io_for_flush_and_compaction = false;
  db_options.bytes_per_sync = 1u << 20;
  db_options.wal_bytes_per_sync = 512u << 10;
  db_options.keep_log_file_num = 3;
  db_options.max_log_file_size = 8u << 20;
  db_options.info_log_level = rocksdb::WARN_LEVEL;
  db_options.stats_dump_period_sec = 0;
  db_options.listeners.push_back(rocks->listener);

  NL_RETURN_IF_ERROR(io::FileSystem::Posix().CreateDirectories(options.directory));
  std::vector<std::string> names;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(db_options, options.directory, &names);
  if (!listed.ok()) names = {rocksdb::kDefaultColumnFamilyName};
  if (std::find(names.begin(), names.end(), kMetaFamily) == names.end())
    names.push_back(kMetaFamily);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names)
    families.emplace_back(name, BlockFamilyOptions(rocks->cache));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  NL_RETURN_IF_ERROR(
      FromRocks(rocksdb::DB::Open(db_options, options.directory, families, &handles, &db),
                "open " + options.directory));
  rocks->db.reset(db);

  std::unique_ptr<Store> store(new Store(std::move(rocks)));
  base::MutexLock lock(store->mutex_);
  for (size_t i = 0; i < handles.size(); ++i) {
    if (names[i] == rocksdb::kDefaultColumnFamilyName) {
      store->rocks_->default_family = handles[i];
    } else if (names[i] == kMetaFamily) {
      store->rocks_->meta = handles[i];
    } else if (const auto range = PartitionRange(names[i])) {
      store->partitions_.push_back(std::make_shared<Partition>(names[i], *range, db, handles[i]));
    } else {
      db->DestroyColumnFamilyHandle(handles[i]).PermitUncheckedError();
      return Corruption("column family \"" + names[i] + "\" is not one of ours");
    }
  }
  return store;
}

Store::~Store() {
  {
    base::MutexLock lock(mutex_);
    partitions_.clear();
  }
  if (!rocks_->db) return;
  rocksdb::CancelAllBackgroundWork(rocks_->db.get(), /*wait=*/true);
  if (rocks_->meta != nullptr)
    rocks_->db->DestroyColumnFamilyHandle(rocks_->meta).PermitUncheckedError();
  if (rocks_->default_family != nullptr)
    rocks_->db->DestroyColumnFamilyHandle(rocks_->default_family).PermitUncheckedError();
  rocks_->db->Close().PermitUncheckedError();
}

Status Store::PutMeta(std::string_view key, std::string_view value) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Put(options, rocks_->meta, Slice(key), Slice(value)),
                         "write meta");
}

Status Store::DeleteMeta(std::string_view key) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Delete(options, rocks_->meta, Slice(key)), "delete meta");
}

Result<std::string> Store::GetMeta(std::string_view key) const {
  std::string value;
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Get({}, rocks_->meta, Slice(key), &value), "read meta"));
  return value;
}

Status Store::ScanMeta(std::string_view prefix,
                       const std::function<void(std::string_view, std::string_view)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator({}, rocks_->meta));
  for (it->Seek(Slice(prefix)); it->Valid() && it->key().starts_with(Slice(prefix)); it->Next())
    visit(View(it->key()), View(it->value()));
  return FromRocks(it->status(), "scan meta");
}

PartitionPtr Store::FindLocked(int64_t timestamp_ns) const {
  const auto width = [](const PartitionPtr& p) {
    return p->name().size();
  };  // longer names are narrower ranges, "all" is the shortest
  PartitionPtr found;
  for (const PartitionPtr& partition : partitions_)
    if (partition->range().Contains(timestamp_ns) && (!found || width(partition) > width(found)))
      found = partition;
  return found;
}

PartitionPtr Store::FindPartition(int64_t timestamp_ns) const {
  base::MutexLock lock(mutex_);
  return FindLocked(timestamp_ns);
}

Result<PartitionPtr> Store::PartitionFor(int64_t timestamp_ns, TimeRange* same) {
  base::MutexLock lock(mutex_);
  const int64_t now_ns = rocks_->clock->WallNs();
  PartitionPtr found = FindLocked(timestamp_ns);
  const bool near = IsNear(timestamp_ns, now_ns);
  if (!found || (near && found->name() == kCatchAll)) {
    const Granularity granularity =
        near ? Granularity::kDay
             : ChooseFarGranularity(timestamp_ns, now_ns, partitions_.size(),
                                    static_cast<size_t>(rocks_->options.partitions_max));
    NL_TRY(found, MakeLocked(PartitionName(granularity, timestamp_ns)));
  }
  // Between the next borders of any partition the narrowest one is the same. The catch-all may give way to a day when a time is near.
  *same = found->name() == kCatchAll ? TimeRange{timestamp_ns, timestamp_ns + 1} : found->range();
  for (const PartitionPtr& partition : partitions_) {
    for (const int64_t border_ns : {partition->range().start_ns, partition->range().end_ns}) {
      if (border_ns <= timestamp_ns) same->start_ns = std::max(same->start_ns, border_ns);
      if (border_ns > timestamp_ns) same->end_ns = std::min(same->end_ns, border_ns);
    }
  }
  return found;
}

Result<PartitionPtr> Store::MakeLocked(const std::string& name) {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  NL_RETURN_IF_ERROR(
      FromRocks(rocks_->db->CreateColumnFamily(BlockFamilyOptions(rocks_->cache), name, &handle),
                "create partition " + name));
  partitions_.push_back(
      std::make_shared<Partition>(name, *PartitionRange(name), rocks_->db.get(), handle));
  return partitions_.back();
}

std::vector<PartitionPtr> Store::Partitions() const {
  base::MutexLock lock(mutex_);
  return partitions_;
}

Status Store::DropPartition(const PartitionPtr& partition) {
  {
    base::MutexLock lock(mutex_);
    std::erase(partitions_, partition);
  }
  return FromRocks(rocks_->db->DropColumnFamily(partition->handle()),
                   "drop partition " + partition->name());
}

Change::Change(PartitionPtr partition, const Keyspace& keyspace)
    : partition_(std::move(partition)),
      keyspace_(keyspace),
      batch_(std::make_unique<rocksdb::WriteBatch>()) {}
Change::~Change() = default;
Change::Change(Change&&) noexcept = default;

// A WriteBatch in memory refuses nothing but keys and values of 4 GiB, which blocks do not have.
void Change::Put(const std::string& key, std::string_view value) {
  NL_CHECK(batch_->Put(partition_->handle(), key, Slice(value)).ok());
}
void Change::Delete(const std::string& key) {
  NL_CHECK(batch_->Delete(partition_->handle(), key).ok());
}

void Change::PutBlock(const BlockId& id, const block::BuiltBlock& built) {
  for (const auto& chunk : built.chunks) Put(keyspace_.ColumnKey(id, chunk.column), chunk.bytes);
  Put(keyspace_.BlockHeaderKey(id), built.header);
}

void Change::RemoveBlock(const BlockEntry& entry) {
  for (size_t i = 0; i < entry.header->columns.size(); ++i)
    if (entry.header->columns[i].inline_chunk.empty())
      Delete(keyspace_.ColumnKey(entry.id, static_cast<uint16_t>(i)));
  Delete(keyspace_.BlockHeaderKey(entry.id));
}

void Change::PutMarker(LogPosition position) {
  std::string marker;
  base::AppendLe(&marker, position.lsn);
  base::AppendLe(&marker, position.row);
  Put(keyspace_.MarkerKey(), marker);
}

ReadView::ReadView(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
ReadView::~ReadView() { db_->ReleaseSnapshot(snapshot_); }

Status Store::Apply(Change* change) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return rocks_->Written(rocks_->db->Write(options, change->batch_.get()),
                         "write to partition " + change->partition_->name());
}

std::shared_ptr<const ReadView> Store::TakeView() const {
  return std::make_shared<const ReadView>(rocks_->db.get());
}

Result<LogPosition> Store::ReadMarker(const Partition& partition, const Keyspace& keyspace) const {
  std::string value;
  const rocksdb::Status status =
      rocks_->db->Get({}, partition.handle(), keyspace.MarkerKey(), &value);
  if (status.IsNotFound()) return LogPosition{};
  NL_RETURN_IF_ERROR(FromRocks(status, "read marker of partition " + partition.name()));
  base::ByteReader reader(value);
  LogPosition position;
  position.lsn = reader.ReadLe<uint64_t>();
  position.row = reader.ReadLe<uint32_t>();
  if (!reader.ok())
    return Corruption("marker of partition " + partition.name() + " has " +
                      std::to_string(value.size()) + " bytes");
  return position;
}

Status Store::ReadHeaders(const PartitionPtr& partition, const Keyspace& keyspace,
                          std::vector<BlockEntry>* entries,
                          const std::function<void(std::string)>& damage) const {
  const std::string begin = keyspace.BlockHeadersBegin(), end = keyspace.BlockHeadersEnd();
  const rocksdb::Slice upper = Slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      rocks_->db->NewIterator(options, partition->handle()));
  for (it->Seek(Slice(begin)); it->Valid(); it->Next()) {
    if (it->key().size() != Keyspace::kBlockHeaderKeyBytes) {
      damage("partition " + partition->name() + ": a block header key of " +
             std::to_string(it->key().size()) + " bytes");
      continue;
    }
    const BlockId id = Keyspace::BlockOfHeaderKey(it->key().data());
    auto header = block::BlockHeader::Decode(View(it->value()));
    if (!header.ok()) {
      damage("partition " + partition->name() + " block " + BlockName(id) + ": " +
             std::string(header.status().message()));
      continue;
    }
    entries->push_back({partition, id, std::move(header).value()});
  }
  return FromRocks(it->status(), "read block headers of partition " + partition->name());
}

Result<std::string> Store::ReadColumn(const BlockEntry& entry, const Keyspace& keyspace,
                                      uint16_t column, const ReadView& view) const {
  const std::string key = keyspace.ColumnKey(entry.id, column);
  rocksdb::ReadOptions at_view;
  at_view.snapshot = view.snapshot();
  std::string value;
  rocksdb::Status status = rocks_->db->Get(at_view, entry.partition->handle(), key, &value);
  if (status.IsNotFound()) status = rocks_->db->Get({}, entry.partition->handle(), key, &value);
  NL_RETURN_IF_ERROR(FromRocks(status, "read column " + std::to_string(column) + " of block " +
                                           BlockName(entry.id) + " in partition " +
                                           entry.partition->name()));
  return value;
}

Status Store::Flush() {
  std::vector<PartitionPtr> partitions = Partitions();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const PartitionPtr& partition : partitions) handles.push_back(partition->handle());
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  for (rocksdb::ColumnFamilyHandle* handle : handles)
    NL_RETURN_IF_ERROR(
        rocks_->Written(rocks_->db->Flush(options, handle), "flush " + handle->GetName()));
  return {};
}

StoreStats Store::stats() const {
  StoreStats stats;
  stats.flushes = rocks_->listener->flushes.load(std::memory_order_relaxed);
  stats.background_error = rocks_->listener->background_error.load(std::memory_order_relaxed);
  const std::vector<PartitionPtr> partitions = Partitions();
  stats.partitions = partitions.size();
  for (const PartitionPtr& partition : partitions) {
    uint64_t value;
    if (rocks_->db->GetIntProperty(partition->handle(),
                                   rocksdb::DB::Properties::kCurSizeAllMemTables, &value))
      stats.memtable_bytes += value;
    if (rocks_->db->GetIntProperty(partition->handle(), rocksdb::DB::Properties::kLiveSstFilesSize,
                                   &value))
      stats.disk_bytes += value;
    if (rocks_->db->GetIntProperty(partition->handle(), rocksdb::DB::Properties::kLiveBlobFileSize,
                                   &value))
      stats.disk_bytes += value;
  }
  return stats;
}

bool Store::stopped() const {
  return rocks_->listener->background_error.load(std::memory_order_relaxed);
}

Status Store::Resume() {
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Resume(), "resume"));
  rocks_->listener->background_error.store(false, std::memory_order_relaxed);
  return {};
}

}  // namespace neurallog::storage
