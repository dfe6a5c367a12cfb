// RocksDB as NeuralLog uses it: a `meta` column family with synced writes, and one column family per time partition that holds blocks.
//
// Block column families have RocksDB's own log off: a memtable flush persists a prefix of the write batches, and each batch carries a
// block together with its marker, so after a crash a partition holds exactly the rows up to its marker; the write-ahead log has the rest.
//
// Each retention class has partitions of its own: days, weeks or months near now. To keep their number bounded, old times get years or one
// catch-all when many partitions exist (ChooseGranularity). Within a class a time keeps the partition that it was first given, because replay
// depends on it: a time that some partition covers never gets a new one, and only old times, which never become near again, go to the
// catch-all.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/spare_memory.h"
#include "block/block.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/damage_registry.h"
#include "storage/deleted_rows.h"
#include "storage/keyspace.h"
#include "storage/partition_name.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Iterator;
class Slice;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace neurallog::storage {

class ColumnCache;
class TokenIndex;

struct StoreOptions {
  // Nothing is written. Unavailable while somebody else has the directory open, who cannot open it
  // meanwhile either.
  bool read_only = false;
  std::string directory;
  size_t block_cache_bytes = 64u << 20;
  // Of pages, hash lists and directories of the token index.
  size_t index_cache_bytes = 32u << 20;
  // Of decoded columns, which may take the spare memory too; null: there is none.
  size_t column_cache_bytes = 64u << 20;
  base::SpareMemory* spare_memory = nullptr;
  // Over all column families; the largest is flushed beyond it.
  size_t memtable_bytes_total = 128u << 20;
};

// One time partition. Stays readable until the last reference goes, also when it is dropped meanwhile. Thread-safe.
class Partition {
 public:
  Partition(std::string name, const PartitionKind& kind, rocksdb::DB* db,
            rocksdb::ColumnFamilyHandle* handle);
  ~Partition();

  const std::string& name() const { return name_; }
  const PartitionKind& kind() const { return kind_; }
  const TimeRange& range() const { return kind_.range; }
  rocksdb::ColumnFamilyHandle* handle() const { return handle_; }

  // Nothing is written to it any more, and what it holds is on its way off the disk.
  bool dropped() const { return dropped_.load(std::memory_order_acquire); }
  // Bytes of blocks that were removed since the last Store::Reclaim and may still lie in files.
  std::atomic<uint64_t> removed_bytes{0};

 private:
  friend class Store;
  base::Mutex write_mutex_;  // held by whoever writes to it, and while it is dropped
  std::atomic<bool> dropped_{false};
  const std::string name_;
  const PartitionKind kind_;
  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const handle_;
};
using PartitionPtr = std::shared_ptr<Partition>;

// A sealed block and where it lies.
struct BlockEntry {
  PartitionPtr partition;
  BlockId id;
  std::shared_ptr<const block::BlockHeader> header;
  std::shared_ptr<const DeletedRows> deleted = nullptr;  // null: none
};

// What a block takes on disk, by its header: chunks and about the header itself.
uint64_t StoredBytes(const block::BlockHeader& header);

// What one tenant changes in one partition: blocks that come and go, and its marker. Applied at once: after a crash all of it is there or
// nothing. Bounded by what the caller puts in. Not thread-safe.
class Change {
 public:
  Change(PartitionPtr partition, const Keyspace& keyspace);
  ~Change();
  Change(Change&&) noexcept;

  // With its hash list, if it has one.
  void PutBlock(const BlockId& id, const block::BuiltBlock& built);
  // The header, all chunks, the deleted rows and the hash list.
  void RemoveBlock(const BlockEntry& entry);
  // Takes rows of a block out of queries.
  void PutDeletedRows(const BlockId& id, const DeletedRows& rows);
  // How many rows the job has deleted in this partition so far; removed when the job has ended.
  void PutJobRows(uint64_t job, uint64_t rows);
  void RemoveJobRows(uint64_t job);
  // The position behind the last row of the tenant that lies in this partition's blocks.
  void PutMarker(LogPosition position);
  // Parts of the token index.
  void RemoveHashList(const BlockId& id, size_t bytes);
  void PutSegment(uint64_t segment, std::string_view directory);
  void RemoveSegment(uint64_t segment);
  void PutPostingsPage(uint64_t segment, uint32_t page, std::string_view bytes);
  void RemovePostingsPage(uint64_t segment, uint32_t page);
  // Any value of this tenant's, by a key of its Keyspace. For tests of damage.
  void PutRaw(const std::string& key, std::string_view value) { Put(key, value); }

  const PartitionPtr& partition() const { return partition_; }
  // The blocks of RemoveBlock, as they were seen.
  const std::vector<BlockEntry>& removed() const { return removed_; }
  size_t bytes() const;
  bool empty() const;
  // For another change of the same part, once this one is applied.
  void Clear();

 private:
  friend class Store;
  friend class IndexBuild;
  void PutHashList(const BlockId& id, std::string_view list);
  void Put(const std::string& key, std::string_view value);
  void Delete(const std::string& key);

  const PartitionPtr partition_;
  const Keyspace keyspace_;
  std::unique_ptr<rocksdb::WriteBatch> batch_;
  std::vector<BlockEntry> removed_;
  size_t hash_lists_ = 0;  // put
  size_t hash_list_bytes_ = 0;
};

// The store at one moment: what is removed later can still be read through it. Holds no files open for long: a query takes one and gives it
// back when it ends. Thread-safe.
class ReadView {
 public:
  explicit ReadView(rocksdb::DB* db);
  ~ReadView();
  ReadView(const ReadView&) = delete;
  const rocksdb::Snapshot* snapshot() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

struct StoreStats {
  uint64_t flushes = 0;
  uint64_t memtable_bytes = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t disk_bytes = 0;  // live SST and blob files
  uint64_t garbage_bytes = 0;
  uint64_t partitions = 0;
  bool background_error = false;
};

struct PartitionStats {
  uint64_t disk_bytes = 0;     // live SST and blob files
  uint64_t garbage_bytes = 0;  // of them blobs that nothing refers to any more, as far as compactions have found out
  uint64_t memtable_bytes = 0;
};

// What Store::Reclaim rewrites. Keys cost little, and free the blob files of which nothing is left.
enum class ReclaimWhat : uint8_t { kKeys, kKeysAndBlobs };

// Several changes of meta values that are one.
struct MetaChange {
  std::vector<std::pair<std::string, std::string>> put;
  std::vector<std::string> remove;
  std::vector<std::pair<std::string, std::string>> remove_ranges;  // half-open; before all others
  // False: a crash of the machine, not one of the process, may take the newest such changes back,
  // in reverse order.
  bool is_synced = true;
};

// Thread-safe.
class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options, const base::Clock* clock);
  ~Store();

  // Small durable values that belong to the server: tenants, keys, checkpoints. Writes are synced.
  Status PutMeta(std::string_view key, std::string_view value);
  Status DeleteMeta(std::string_view key);
  Status WriteMeta(const MetaChange& change);
  // NotFound when there is none.
  Result<std::string> GetMeta(std::string_view key) const;
  Status ScanMeta(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;
  // Shows the meta values of [begin, end), until `visit` returns false.
  enum class Order : uint8_t { kAscending, kDescending };
  Status ScanMetaRange(
      const std::string& begin, const std::string& end, Order order,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

  // The partition of the class that holds this time; made when there is none. Costs a few milliseconds when it is made. `*same` is a range
  // around the time in which the answer is and stays the same.
  Result<PartitionPtr> PartitionFor(int64_t timestamp_ns, tenant::RetentionClass retention_class,
                                    TimeRange* same);
  // The same without making one: nullptr.
  PartitionPtr FindPartition(int64_t timestamp_ns, tenant::RetentionClass retention_class) const;
  std::vector<PartitionPtr> Partitions() const;
  // Makes partitions for a time to come in every class that has one for now, all in one step.
  Status MakeAhead(int64_t timestamp_ns);
  // Drops whole partitions with their files, in one step; those for which `may_go` is true. Nothing is written to a partition between that
  // and the drop; what is tried later is refused with Unavailable, and PartitionFor makes a new one. Returns those that went.
  Result<std::vector<PartitionPtr>> DropPartitions(
      const std::vector<PartitionPtr>& partitions,
      const std::function<bool(const PartitionPtr&)>& may_go);
  PartitionStats StatsOf(const Partition& partition) const;
  // The tenants that have any key in a partition, in order of their numbers. One seek for each.
  Result<std::vector<TenantId>> TenantsIn(const Partition& partition) const;
  // About what the token index of a tenant takes in the files of a partition.
  uint64_t IndexBytes(const Partition& partition, const Keyspace& keyspace) const;
  // About what the block headers of each tenant take in the files of all partitions.
  std::vector<uint64_t> HeaderBytes(const std::vector<Keyspace>& tenants) const;
  Result<bool> HasTenant(const Partition& partition, const Keyspace& keyspace) const;
  // Removes everything a tenant has in a partition, its marker too.
  Status EraseTenant(const PartitionPtr& partition, const Keyspace& keyspace);
  // Rewrites the files of a partition without what was removed. Takes as long as writing what is left; needs as much free disk space until
  // it ends, else Unavailable. What a ReadView may still see stays. Cannot be cancelled: RocksDB 7.8.3
  // would not be closed properly after that.
  Status Reclaim(const PartitionPtr& partition, ReclaimWhat what);
  // A mark on everything written so far, and whether a ReadView from before it still lives.
  uint64_t Sequence() const;
  bool IsViewedBefore(uint64_t sequence) const;

  // Unavailable when RocksDB has stopped taking writes.
  Status Apply(Change* change);
  std::shared_ptr<const ReadView> TakeView() const;
  // The position behind the last row of this tenant that lies in this partition's blocks; zero when there is none.
  Result<LogPosition> ReadMarker(const Partition& partition, const Keyspace& keyspace) const;
  // Zero when there is none.
  Result<uint64_t> ReadJobRows(const Partition& partition, const Keyspace& keyspace,
                               uint64_t job) const;
  // Appends the tenant's block headers in this partition. A damaged header is reported through `damage` and left out, and so is a block
  // whose deleted rows are damaged, because they must not come back.
  Status ReadHeaders(const PartitionPtr& partition, const Keyspace& keyspace,
                     std::vector<BlockEntry>* entries,
                     const std::function<void(std::string)>& damage) const;
  // Reads at `view`; a block that was written after it is read as well.
  Result<std::string> ReadColumn(const BlockEntry& entry, const Keyspace& keyspace, uint16_t column,
                                 const ReadView& view) const;

  // A value of a tenant's, by a key of its Keyspace: as in `view`, or written after it.
  Result<std::string> ReadValue(const Partition& partition, const std::string& key,
                                const ReadView& view) const;
  Result<std::string> ReadValueNow(const Partition& partition, const std::string& key) const;
  // The hash list of a block, put together: as in `view`, or written after it. NotFound when it has none.
  Result<std::string> ReadHashList(const Partition& partition, const Keyspace& keyspace,
                                   const BlockId& block, const ReadView& view) const;
  // Shows the keys of [begin, end) in order, until `visit` returns false.
  Status Scan(const Partition& partition, const std::string& begin, const std::string& end,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  TokenIndex& token_index() const { return *token_index_; }
  ColumnCache& columns() const { return *columns_; }
  // What was found damaged when it was read.
  DamageRegistry& damage() const { return damage_; }
  // Enters a block of which something cannot be read.
  void ReportDamaged(const Keyspace& keyspace, const BlockEntry& entry, std::string what) const;

  // Whether everything up to a mark of Sequence() has become durable, by flushes that RocksDB made for reasons of its own. False may be
  // wrong for a while.
  bool IsDurable(uint64_t sequence) const;
  // Makes everything that was written so far durable.
  Status Flush();
  Status FlushPartition(const Partition& partition);
  // The store as it is now, in a new folder on the same file system: flushes everything first; files that never change are hard links.
  Status Checkpoint(const std::string& directory);
  StoreStats stats() const;
  // RocksDB refuses writes, since a background job failed (a full disk). Resume tries to leave that state.
  bool stopped() const;
  Status Resume();

 private:
  struct Rocks;
  explicit Store(std::unique_ptr<Rocks> rocks);
  // The narrowest partition that covers the time; the catch-all only if nothing else does.
  PartitionPtr FindLocked(int64_t timestamp_ns, tenant::RetentionClass retention_class) const
      NL_REQUIRES(mutex_);
  std::string NameLocked(int64_t timestamp_ns, tenant::RetentionClass retention_class) const
      NL_REQUIRES(mutex_);
  Status MakeLocked(const std::vector<std::string>& names) NL_REQUIRES(mutex_);
  // Until what was in memory at that sequence number is in files. Unavailable when writing stops or a minute has gone by.
  Status WaitUntilFlushed(const Partition& partition, uint64_t sequence) const;
  // At a snapshot, or now when it is null.
  Status ScanAt(const rocksdb::Snapshot* snapshot, const Partition& partition,
                const std::string& begin, const std::string& end,
                const std::function<bool(std::string_view, std::string_view)>& visit) const;
  std::function<std::unique_ptr<rocksdb::Iterator>()> Iterators(const Partition& partition,
                                                                const rocksdb::Slice* end) const;
  // A block that no query will see, or several.
  void ReportHidden(const PartitionPtr& partition, const Keyspace& keyspace,
                    std::optional<BlockId> block, std::string what,
                    const std::function<void(std::string)>& damage) const;
  // Attaches their deleted rows to entries of one partition, from `first` on.
  Status ReadDeletedRows(const PartitionPtr& partition, const Keyspace& keyspace, size_t first,
                         std::vector<BlockEntry>* entries,
                         const std::function<void(std::string)>& damage) const;

  const std::unique_ptr<Rocks> rocks_;
  std::unique_ptr<TokenIndex> token_index_;  // constant until the end
  std::unique_ptr<ColumnCache> columns_;     // likewise
  mutable DamageRegistry damage_;
  mutable base::Mutex mutex_;
  std::vector<PartitionPtr> partitions_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::storage
