#include "storage/store.h"

#include <algorithm>
#include <filesystem>

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"
#include "base/log.h"
#include "io/file_system.h"
#include "storage/rocksdb_crc32c.h"
#include "storage/salvage.h"
#include "storage/store_rocks.h"
#include "storage/column_cache.h"
#include "storage/token_index.h"

namespace neurallog::storage {
namespace {

constexpr char kMetaFamily[] = "meta";

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

void FlushCounter::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) {
  flushes.fetch_add(1, std::memory_order_relaxed);
  base::MutexLock lock(mutex_);
  uint64_t& flushed = flushed_up_to_[info.cf_id];
  flushed = std::max<uint64_t>(flushed, info.largest_seqno);
}
uint64_t FlushCounter::FlushedUpTo(uint32_t family) const {
  base::MutexLock lock(mutex_);
  const auto found = flushed_up_to_.find(family);
  return found == flushed_up_to_.end() ? 0 : found->second;
}
void FlushCounter::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                     rocksdb::Status* status) {
  if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
    if (damaged_compactions.fetch_add(1, std::memory_order_relaxed) % 3600 == 0)
      base::LogError("storage: a file that is to be compacted is damaged",
                     {{"error", status->ToString()}, {"remedy", "neurallog doctor"}});
    *status = rocksdb::Status::OK();
    return;
  }
  background_error.store(true, std::memory_order_relaxed);
  base::LogError("storage: background error", {{"error", status->ToString()}});
}
void FlushCounter::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                        bool* auto_recovery) {
  *auto_recovery = false;
}
void FlushCounter::OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) {
  if (info.new_bg_error.ok()) background_error.store(false, std::memory_order_relaxed);
}

Partition::Partition(std::string name, const PartitionKind& kind, rocksdb::DB* db,
                     rocksdb::ColumnFamilyHandle* handle)
    : name_(std::move(name)), kind_(kind), db_(db), handle_(handle) {}

Partition::~Partition() { db_->DestroyColumnFamilyHandle(handle_).PermitUncheckedError(); }

Store::Store(std::unique_ptr<Rocks> rocks)
    : rocks_(std::move(rocks)),
      token_index_(std::make_unique<TokenIndex>(this, rocks_->options.index_cache_bytes)),
      columns_(std::make_unique<ColumnCache>(this, rocks_->options.column_cache_bytes)) {}

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
  db_options.allow_fallocate = false;  // its log alone would take 35 MiB that it never fills
  db_options.wal_bytes_per_sync = 512u << 10;
  db_options.keep_log_file_num = 3;
  db_options.max_log_file_size = 8u << 20;
  db_options.info_log_level = rocksdb::WARN_LEVEL;
  db_options.stats_dump_period_sec = 0;
  db_options.listeners.push_back(rocks->listener);

  if (!options.read_only)
    NL_RETURN_IF_ERROR(io::FileSystem::Posix().CreateDirectories(options.directory));
  std::vector<std::string> names;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(db_options, options.directory, &names);
  if (!listed.ok() && options.read_only) return NotFound(options.directory + " is not a store");
  if (!listed.ok()) names = {rocksdb::kDefaultColumnFamilyName};
  if (std::find(names.begin(), names.end(), kMetaFamily) == names.end())
    names.push_back(kMetaFamily);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, rocks->FamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  if (options.read_only) {
    NL_TRY(rocks->lock, FolderLock::Take(options.directory + "/LOCK"));
    NL_RETURN_IF_ERROR(FromRocks(
        rocksdb::DB::OpenForReadOnly(db_options, options.directory, families, &handles, &db),
        "open " + options.directory));
  } else {
    NL_RETURN_IF_ERROR(
        FromRocks(rocksdb::DB::Open(db_options, options.directory, families, &handles, &db),
                  "open " + options.directory));
  }
  rocks->db.reset(db);

  std::unique_ptr<Store> store(new Store(std::move(rocks)));
  base::MutexLock lock(store->mutex_);
  for (size_t i = 0; i < handles.size(); ++i) {
    if (names[i] == rocksdb::kDefaultColumnFamilyName) {
      store->rocks_->default_family = handles[i];
    } else if (names[i] == kMetaFamily) {
      store->rocks_->meta = handles[i];
    } else if (const auto kind = ParsePartitionName(names[i])) {
      store->partitions_.push_back(std::make_shared<Partition>(names[i], *kind, db, handles[i]));
    } else {
      db->DestroyColumnFamilyHandle(handles[i]).PermitUncheckedError();
      return Corruption("column family \"" + names[i] + "\" is not one of ours");
    }
  }
  return store;
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

Status Store::PutMeta(std::string_view key, std::string_view value) {
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(key.size() + value.size()));
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Put(options, rocks_->meta, Slice(key), Slice(value)),
                         "write meta");
}

Status Store::DeleteMeta(std::string_view key) {
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(key.size()));
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Delete(options, rocks_->meta, Slice(key)), "delete meta");
}

Result<std::string> Store::GetMeta(std::string_view key) const {
  std::string value;
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Get({}, rocks_->meta, Slice(key), &value), "read meta"));
  return value;
}

Status Store::WriteMeta(const MetaChange& change) {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : change.put)
    NL_RETURN_IF_ERROR(FromRocks(batch.Put(rocks_->meta, key, value), "write meta"));
  for (const std::string& key : change.remove)
    NL_RETURN_IF_ERROR(FromRocks(batch.Delete(rocks_->meta, key), "write meta"));
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(batch.GetDataSize()));
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Write(options, &batch), "write meta");
}

Status Store::ScanMeta(std::string_view prefix,
                       const std::function<void(std::string_view, std::string_view)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator({}, rocks_->meta));
  for (it->Seek(Slice(prefix)); it->Valid() && it->key().starts_with(Slice(prefix)); it->Next())
    visit(View(it->key()), View(it->value()));
  return FromRocks(it->status(), "scan meta");
}

namespace {

size_t PiecesOf(size_t list_bytes) {
  return (list_bytes + Keyspace::kHashListPieceBytes - 1) / Keyspace::kHashListPieceBytes;
}

}  // namespace

uint64_t StoredBytes(const block::BlockHeader& header) {
  constexpr uint64_t kHeaderBytes = 64,
                     kColumnBytes = 16;  // tests/unit/storage/deleted_rows_test.cc
  uint64_t bytes = kHeaderBytes;
  for (const block::ColumnMeta& column : header.columns)
    bytes += kColumnBytes + column.name.size() + column.chunk_bytes;
  return bytes;
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
  PutHashList(id, built.hash_list);
}

// A block without a list is searched.
void Change::PutHashList(const BlockId& id, std::string_view list) {
  if (list.empty() || PiecesOf(list.size()) > Keyspace::kHashListPiecesMax) return;
  for (size_t piece = 0; piece < PiecesOf(list.size()); ++piece)
    Put(keyspace_.HashListPieceKey(id, piece),
        list.substr(piece * Keyspace::kHashListPieceBytes, Keyspace::kHashListPieceBytes));
  ++hash_lists_;
  hash_list_bytes_ += list.size();
}

void Change::RemoveBlock(const BlockEntry& entry) {
  for (size_t i = 0; i < entry.header->columns.size(); ++i)
    if (entry.header->columns[i].inline_chunk.empty())
      Delete(keyspace_.ColumnKey(entry.id, static_cast<uint16_t>(i)));
  Delete(keyspace_.BlockHeaderKey(entry.id));
  if (entry.deleted) Delete(keyspace_.DeletedRowsKey(entry.id));
  removed_.push_back(entry);
}

void Change::PutDeletedRows(const BlockId& id, const DeletedRows& rows) {
  Put(keyspace_.DeletedRowsKey(id), EncodeDeletedRows(rows));
}

void Change::PutJobRows(uint64_t job, uint64_t rows) {
  std::string value;
  base::AppendLe(&value, rows);
  Put(keyspace_.JobRowsKey(job), value);
}
void Change::RemoveJobRows(uint64_t job) { Delete(keyspace_.JobRowsKey(job)); }

void Change::PutMarker(LogPosition position) {
  std::string marker;
  base::AppendLe(&marker, position.lsn);
  base::AppendLe(&marker, position.row);
  Put(keyspace_.MarkerKey(), marker);
}

void Change::RemoveHashList(const BlockId& id, size_t bytes) {
  for (size_t piece = 0; piece < PiecesOf(bytes); ++piece)
    Delete(keyspace_.HashListPieceKey(id, piece));
}
void Change::PutSegment(uint64_t segment, std::string_view directory) {
  Put(keyspace_.SegmentKey(segment), directory);
}
void Change::RemoveSegment(uint64_t segment) { Delete(keyspace_.SegmentKey(segment)); }
void Change::PutPostingsPage(uint64_t segment, uint32_t page, std::string_view bytes) {
  Put(keyspace_.PostingsPageKey(segment, page), bytes);
}
void Change::RemovePostingsPage(uint64_t segment, uint32_t page) {
  Delete(keyspace_.PostingsPageKey(segment, page));
}

size_t Change::bytes() const { return batch_->GetDataSize(); }
bool Change::empty() const { return batch_->Count() == 0; }
void Change::Clear() {
  batch_->Clear();
  removed_.clear();
  hash_lists_ = 0;
  hash_list_bytes_ = 0;
}

ReadView::ReadView(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
ReadView::~ReadView() { db_->ReleaseSnapshot(snapshot_); }

Status Store::Apply(Change* change) {
  base::MutexLock lock(change->partition_->write_mutex_);
  if (change->partition_->dropped())
    return Unavailable("partition " + change->partition_->name() + " was dropped");
  for (const BlockEntry& entry : change->removed_)
    NL_RETURN_IF_ERROR(Scan(*change->partition_, change->keyspace_.HashListKey(entry.id),
                            change->keyspace_.HashListEnd(entry.id),
                            [change](std::string_view key, std::string_view) {
                              change->Delete(std::string(key));
                              return true;
                            }));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  NL_RETURN_IF_ERROR(rocks_->Written(rocks_->db->Write(options, change->batch_.get()),
                                     "write to partition " + change->partition_->name()));
  uint64_t removed = 0;
  for (const BlockEntry& entry : change->removed_) removed += StoredBytes(*entry.header);
  change->partition_->removed_bytes.fetch_add(removed, std::memory_order_relaxed);
  token_index_->OnLists(change->partition_, change->keyspace_, change->hash_list_bytes_,
                        change->hash_lists_);
  return {};
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

// Iterators over [begin, end) of a partition that leave the block cache alone. `end` must outlive them.
MakeIterator Store::Iterators(const Partition& partition, const rocksdb::Slice* end) const {
  return [this, handle = partition.handle(), end] {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = end;
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(rocks_->db->NewIterator(options, handle));
  };
}

void Store::ReportHidden(const PartitionPtr& partition, const Keyspace& keyspace,
                         std::optional<BlockId> block, std::string what,
                         const std::function<void(std::string)>& damage) const {
  damage("partition " + partition->name() + (block ? " block " + BlockName(*block) : "") + ": " +
         what);
  damage_.Add({Keyspace::TenantOfKey(keyspace.Begin().data()), partition->name(), block,
               partition->range(), std::nullopt, std::move(what), /*hidden=*/true, 0});
}

void Store::ReportDamaged(const Keyspace& keyspace, const BlockEntry& entry,
                          std::string what) const {
  damage_.Add({Keyspace::TenantOfKey(keyspace.Begin().data()),
               entry.partition->name(),
               entry.id,
               {entry.header->min_ns, entry.header->max_ns},
               entry.header->rows,
               std::move(what),
               /*hidden=*/false,
               0});
}

Status Store::ReadHeaders(const PartitionPtr& partition, const Keyspace& keyspace,
                          std::vector<BlockEntry>* entries,
                          const std::function<void(std::string)>& damage) const {
  const size_t first = entries->size();
  const std::string begin = keyspace.BlockHeadersBegin(), end = keyspace.BlockHeadersEnd();
  const rocksdb::Slice upper = Slice(end);
  const auto report = [&](std::optional<BlockId> block, std::string what) {
    ReportHidden(partition, keyspace, block, std::move(what), damage);
  };
  const auto visit = [&](std::string_view key, std::string_view value) -> Status {
    if (key.size() != Keyspace::kBlockHeaderKeyBytes) {
      report(std::nullopt, "a block header key of " + std::to_string(key.size()) + " bytes");
      return {};
    }
    const BlockId id = Keyspace::BlockOfHeaderKey(key.data());
    auto header = block::BlockHeader::Decode(value);
    if (header.ok()) {
      entries->push_back({partition, id, std::move(header).value()});
    } else {
      report(id, std::string(header.status().message()));
    }
    return {};
  };
  NL_RETURN_IF_ERROR(SalvageScan(
      Iterators(*partition, &upper), begin, end, visit, [&](const UnreadableKeys& keys) {
        report(std::nullopt, "block headers cannot be read: " + keys.what);
      }));
  return ReadDeletedRows(partition, keyspace, first, entries, damage);
}

Status Store::ReadDeletedRows(const PartitionPtr& partition, const Keyspace& keyspace, size_t first,
                              std::vector<BlockEntry>* entries,
                              const std::function<void(std::string)>& damage) const {
  const std::string begin = keyspace.DeletedRowsBegin(), end = keyspace.DeletedRowsEnd();
  const rocksdb::Slice upper = Slice(end);
  const auto by_id = [](const BlockEntry& entry, const BlockId& id) { return entry.id < id; };
  const auto attach = [&](std::string_view key, std::string_view value) -> Status {
    if (key.size() != Keyspace::kBlockHeaderKeyBytes) return {};
    const BlockId id = Keyspace::BlockOfHeaderKey(key.data());
    const auto entry = std::lower_bound(entries->begin() + static_cast<ptrdiff_t>(first),
                                        entries->end(), id, by_id);
    if (entry == entries->end() || entry->id != id) return {};
    auto deleted = DecodeDeletedRows(value, entry->header->rows);
    if (deleted.ok()) {
      entry->deleted = std::move(deleted).value();
    } else {
      ReportHidden(partition, keyspace, id, std::string(deleted.status().message()), damage);
      entries->erase(entry);
    }
    return {};
  };
  // Of the blocks in an unreadable stretch, those go that may have deleted rows.
  const auto hide = [&](const UnreadableKeys& keys) {
    const auto may_have = [&](const BlockEntry& entry) {
      const std::string key = keyspace.DeletedRowsKey(entry.id);
      if (entry.partition != partition || key < keys.begin || key >= keys.end) return false;
      const auto value = ReadValueNow(*partition, key);
      if (value.ok() || value.status().code() == Code::kNotFound) return false;
      ReportHidden(partition, keyspace, entry.id, std::string(value.status().message()), damage);
      return true;
    };
    entries->erase(
        std::remove_if(entries->begin() + static_cast<ptrdiff_t>(first), entries->end(), may_have),
        entries->end());
  };
  return SalvageScan(Iterators(*partition, &upper), begin, end, attach, hide);
}

Result<uint64_t> Store::ReadJobRows(const Partition& partition, const Keyspace& keyspace,
                                    uint64_t job) const {
  std::string value;
  const rocksdb::Status status =
      rocks_->db->Get({}, partition.handle(), keyspace.JobRowsKey(job), &value);
  if (status.IsNotFound()) return uint64_t{0};
  NL_RETURN_IF_ERROR(FromRocks(status, "read rows of job " + std::to_string(job)));
  if (value.size() != 8) return Corruption("rows of job " + std::to_string(job));
  return base::LoadLe<uint64_t>(value.data());
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

Result<std::string> Store::ReadValue(const Partition& partition, const std::string& key,
                                     const ReadView& view) const {
  rocksdb::ReadOptions at_view;
  at_view.snapshot = view.snapshot();
  std::string value;
  const rocksdb::Status status = rocks_->db->Get(at_view, partition.handle(), key, &value);
  if (status.IsNotFound()) return ReadValueNow(partition, key);
  NL_RETURN_IF_ERROR(FromRocks(status, "read from partition " + partition.name()));
  return value;
}

Result<std::string> Store::ReadValueNow(const Partition& partition, const std::string& key) const {
  std::string value;
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Get({}, partition.handle(), key, &value),
                               "read from partition " + partition.name()));
  return value;
}

Result<std::string> Store::ReadHashList(const Partition& partition, const Keyspace& keyspace,
                                        const BlockId& block, const ReadView& view) const {
  std::string list;
  const auto append = [&list](std::string_view, std::string_view piece) {
    list.append(piece);
    return true;
  };
  const std::string begin = keyspace.HashListKey(block), end = keyspace.HashListEnd(block);
  NL_RETURN_IF_ERROR(ScanAt(view.snapshot(), partition, begin, end, append));
  if (list.empty()) NL_RETURN_IF_ERROR(Scan(partition, begin, end, append));
  if (list.empty()) return NotFound("hash list of block " + BlockName(block));
  return list;
}

Status Store::Scan(const Partition& partition, const std::string& begin, const std::string& end,
                   const std::function<bool(std::string_view, std::string_view)>& visit) const {
  return ScanAt(nullptr, partition, begin, end, visit);
}

Status Store::ScanAt(const rocksdb::Snapshot* snapshot, const Partition& partition,
                     const std::string& begin, const std::string& end,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const rocksdb::Slice upper = Slice(end);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator(options, partition.handle()));
  for (it->Seek(Slice(begin)); it->Valid() && visit(View(it->key()), View(it->value()));
       it->Next()) {
  }
  return FromRocks(it->status(), "scan partition " + partition.name());
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
