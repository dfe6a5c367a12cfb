#include "storage/store.h"

#include <algorithm>
#include <filesystem>

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include "io/file_system.h"
#include "storage/column_cache.h"
#include "storage/rocksdb_crc32c.h"
#include "storage/store_rocks.h"
#include "storage/token_index.h"

namespace neurallog::storage {
namespace {

// Values are compressed by us, so RocksDB compresses nothing; chunks of 4 KiB and more go to blob files, which compaction leaves alone.
rocksdb::ColumnFamilyOptions BlockFamilyOptions(const std::shared_ptr<rocksdb::Cache>& cache,
                                                size_t memtable_bytes_total) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  // What is not flushed is done again after a crash, about 30 bytes for each row.
  options.write_buffer_size = std::clamp<size_t>(memtable_bytes_total / 4, 1u << 20, 32u << 20);
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
  // What merged segments replace goes soon, not when four files have come together.
  constexpr double kDeletionsShare = 0.1;
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(0, 0, kDeletionsShare));
  return options;
}

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options,
                                   const std::shared_ptr<FlushCounter>& listener) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.max_background_jobs = 2;
  database.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes_total);
  database.max_total_wal_size = 64u << 20;
  database.use_direct_io_for_flush_and_compaction = false;
  database.bytes_per_sync = 1u << 20;
  database.allow_fallocate = false;  // its log alone would take 35 MiB that it never fills
  database.wal_bytes_per_sync = 512u << 10;
  database.keep_log_file_num = 3;
  database.max_log_file_size = 8u << 20;
  database.info_log_level = rocksdb::WARN_LEVEL;
  database.stats_dump_period_sec = 0;
  database.listeners.push_back(listener);
  return database;
}

Result<std::vector<std::string>> FamilyNames(const rocksdb::DBOptions& database,
                                             const StoreOptions& options) {
  std::vector<std::string> names;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(database, options.directory, &names);
  if (!listed.ok() && options.read_only) return NotFound(options.directory + " is not a store");
  if (!listed.ok()) names = {rocksdb::kDefaultColumnFamilyName};
  if (std::find(names.begin(), names.end(), kMetaFamily) == names.end())
    names.push_back(kMetaFamily);
  return names;
}

}  // namespace

rocksdb::ColumnFamilyOptions Store::Rocks::FamilyOptions() const {
  return BlockFamilyOptions(cache, options.memtable_bytes_total);
}

Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return {};
  std::string message = std::string(what) + ": " + status.ToString();
  if (status.IsNotFound()) return NotFound(std::move(message));
  if (status.IsCorruption()) return Corruption(std::move(message));
  if (status.IsNoSpace() || status.IsBusy() || status.IsIncomplete())
    return Unavailable(std::move(message));
  return IoError(std::move(message));
}

Store::Store(std::unique_ptr<Rocks> rocks)
    : rocks_(std::move(rocks)),
      token_index_(std::make_unique<TokenIndex>(this, rocks_->options.index_cache_bytes)),
      columns_(std::make_unique<ColumnCache>(this, rocks_->options.column_cache_bytes,
                                             rocks_->options.spare_memory)) {}

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, const base::Clock* clock) {
  UseHardwareCrc32c();
  auto rocks = std::make_unique<Rocks>();
  rocks->options = options;
  rocks->clock = clock;
  rocks->cache =
      rocksdb::NewLRUCache(options.block_cache_bytes, -1, /*strict_capacity_limit=*/false, 0.5);
  if (!options.read_only)
    NL_RETURN_IF_ERROR(io::FileSystem::Posix().CreateDirectories(options.directory));
  const rocksdb::DBOptions database = DatabaseOptions(options, rocks->listener);
  NL_TRY(const std::vector<std::string> names, FamilyNames(database, options));
  NL_TRY(const auto handles, rocks->Open(database, names));
  NL_TRY(std::vector<PartitionPtr> partitions, rocks->Adopt(names, handles));
  std::unique_ptr<Store> store(new Store(std::move(rocks)));
  base::MutexLock lock(store->mutex_);
  store->partitions_ = std::move(partitions);
  return store;
}

Result<std::vector<rocksdb::ColumnFamilyHandle*>> Store::Rocks::Open(
    const rocksdb::DBOptions& database, const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, FamilyOptions());
    // Partitions are dropped whole, with their blobs; this one lives for ever.
    families.back().options.enable_blob_garbage_collection = name == kMetaFamily;
  }
  const std::string& directory = options.directory;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  if (options.read_only) {
    NL_TRY(lock, FolderLock::Take(directory + "/LOCK"));
    NL_RETURN_IF_ERROR(
        FromRocks(rocksdb::DB::OpenForReadOnly(database, directory, families, &handles, &opened),
                  "open " + directory));
  } else {
    NL_RETURN_IF_ERROR(FromRocks(
        rocksdb::DB::Open(database, directory, families, &handles, &opened), "open " + directory));
  }
  db.reset(opened);
  return handles;
}

Result<std::vector<PartitionPtr>> Store::Rocks::Adopt(
    const std::vector<std::string>& names,
    const std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  std::vector<PartitionPtr> partitions;
  for (size_t i = 0; i < handles.size(); ++i) {
    if (names[i] == rocksdb::kDefaultColumnFamilyName) {
      default_family = handles[i];
    } else if (names[i] == kMetaFamily) {
      meta = handles[i];
    } else if (const auto kind = ParsePartitionName(names[i])) {
      partitions.push_back(std::make_shared<Partition>(names[i], *kind, db.get(), handles[i]));
    } else {
      db->DestroyColumnFamilyHandle(handles[i]).PermitUncheckedError();
      return Corruption("column family \"" + names[i] + "\" is not one of ours");
    }
  }
  return partitions;
}

Store::~Store() {
  token_index_.reset();  // its work holds partitions
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

// A write to RocksDB's log that finds the disk full keeps RocksDB 7.8.3 from ever writing again ("Seen error. Skip writing buffer"), so none
// is tried without room for it.
Status Store::Rocks::CheckRoom(size_t bytes) const {
  constexpr uint64_t kSpareBytes = 64u << 10;
  std::error_code error;
  const auto space = std::filesystem::space(options.directory, error);
  if (error || space.available >= bytes + kSpareBytes) return {};
  return Unavailable("the disk is full: " + std::to_string(space.available) + " bytes are free");
}

bool Store::IsDurable(uint64_t sequence) const {
  using Properties = rocksdb::DB::Properties;
  for (const PartitionPtr& partition : Partitions()) {
    if (rocks_->listener->FlushedUpTo(partition->handle()->GetID()) >= sequence) continue;
    if (rocks_->IntProperty(*partition, Properties::kNumEntriesActiveMemTable) > 0 ||
        rocks_->IntProperty(*partition, Properties::kNumImmutableMemTable) > 0)
      return false;
  }
  return true;
}

Status Store::Flush() {
  for (const PartitionPtr& partition : Partitions()) NL_RETURN_IF_ERROR(FlushPartition(*partition));
  return {};
}

// The explicit flush waits out write stalls; RocksDB's own would fail on them.
Status Store::Checkpoint(const std::string& directory) {
  NL_RETURN_IF_ERROR(Flush());
  rocksdb::Checkpoint* made = nullptr;
  NL_RETURN_IF_ERROR(
      FromRocks(rocksdb::Checkpoint::Create(rocks_->db.get(), &made), "make checkpoint"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return rocks_->Written(checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0),
                         "make checkpoint " + directory);
}

StoreStats Store::stats() const {
  StoreStats stats;
  stats.flushes = rocks_->listener->flushes.load(std::memory_order_relaxed);
  stats.background_error = rocks_->listener->background_error.load(std::memory_order_relaxed);
  const std::vector<PartitionPtr> partitions = Partitions();
  stats.partitions = partitions.size();
  stats.block_cache_bytes = rocks_->cache->GetUsage();
  for (const PartitionPtr& partition : partitions) {
    const PartitionStats of_partition = StatsOf(*partition);
    stats.memtable_bytes += of_partition.memtable_bytes;
    stats.disk_bytes += of_partition.disk_bytes;
    stats.garbage_bytes += of_partition.garbage_bytes;
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
