// RocksDB as NeuralLog uses it: a `meta` column family with synced writes, and one column family per time partition that holds blocks.
//
// Block column families have RocksDB's own log off: a memtable flush persists a prefix of the write batches, and each batch carries a
// block together with its marker, so after a crash a partition holds exactly the rows up to its marker; the write-ahead log has the rest.
//
// Partitions are UTC days for times near now. To keep their number bounded, older times get whole months, and when many partitions exist,
// years or one catch-all. A time keeps the partition that it was first given, because replay depends on it: a time that some partition
// covers never gets a new one, and only old times, which never become near again, go to the catch-all.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "block/block.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/keyspace.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace neurallog::storage {

struct StoreOptions {
  std::string directory;
  size_t block_cache_bytes = 64u << 20;
  // Over all column families; the largest is flushed beyond it.
  size_t memtable_bytes_total = 128u << 20;
  int partitions_max = 60;  // from 3/4 of it on: coarser partitions for old times
};

// One time partition. Stays readable until the last reference goes, also when it is dropped meanwhile. Thread-safe.
class Partition {
 public:
  Partition(std::string name, TimeRange range, rocksdb::DB* db,
            rocksdb::ColumnFamilyHandle* handle);
  ~Partition();

  const std::string& name() const { return name_; }
  const TimeRange& range() const { return range_; }
  rocksdb::ColumnFamilyHandle* handle() const { return handle_; }

 private:
  const std::string name_;
  const TimeRange range_;
  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const handle_;
};
using PartitionPtr = std::shared_ptr<Partition>;

// A sealed block and where it lies.
struct BlockEntry {
  PartitionPtr partition;
  BlockId id;
  std::shared_ptr<const block::BlockHeader> header;
};

// What one tenant changes in one partition: blocks that come and go, and its marker. Applied at once: after a crash all of it is there or
// nothing. Bounded by what the caller puts in. Not thread-safe.
class Change {
 public:
  Change(PartitionPtr partition, const Keyspace& keyspace);
  ~Change();
  Change(Change&&) noexcept;

  void PutBlock(const BlockId& id, const block::BuiltBlock& built);
  // The header and all chunks.
  void RemoveBlock(const BlockEntry& entry);
  // The position behind the last row of the tenant that lies in this partition's blocks.
  void PutMarker(LogPosition position);

  const PartitionPtr& partition() const { return partition_; }

 private:
  friend class Store;
  void Put(const std::string& key, std::string_view value);
  void Delete(const std::string& key);

  const PartitionPtr partition_;
  const Keyspace keyspace_;
  std::unique_ptr<rocksdb::WriteBatch> batch_;
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
  uint64_t disk_bytes = 0;  // live SST and blob files
  uint64_t partitions = 0;
  bool background_error = false;
};

// Thread-safe.
class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options, const base::Clock* clock);
  ~Store();

  // Small durable values that belong to the server: tenants, keys, checkpoints. Writes are synced.
  Status PutMeta(std::string_view key, std::string_view value);
  Status DeleteMeta(std::string_view key);
  // NotFound when there is none.
  Result<std::string> GetMeta(std::string_view key) const;
  Status ScanMeta(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;

  // The partition that holds this time; made when there is none. Costs a few milliseconds when it is made. `*same` is a range around the
  // time in which the answer is and stays the same.
  Result<PartitionPtr> PartitionFor(int64_t timestamp_ns, TimeRange* same);
  // The same without making one: nullptr.
  PartitionPtr FindPartition(int64_t timestamp_ns) const;
  std::vector<PartitionPtr> Partitions() const;
  // Drops a whole partition with its files.
  Status DropPartition(const PartitionPtr& partition);

  // Unavailable when RocksDB has stopped taking writes.
  Status Apply(Change* change);
  std::shared_ptr<const ReadView> TakeView() const;
  // The position behind the last row of this tenant that lies in this partition's blocks; zero when there is none.
  Result<LogPosition> ReadMarker(const Partition& partition, const Keyspace& keyspace) const;
  // Appends the tenant's block headers in this partition. A damaged header is reported through `damage` and left out.
  Status ReadHeaders(const PartitionPtr& partition, const Keyspace& keyspace,
                     std::vector<BlockEntry>* entries,
                     const std::function<void(std::string)>& damage) const;
  // Reads at `view`; a block that was written after it is read as well.
  Result<std::string> ReadColumn(const BlockEntry& entry, const Keyspace& keyspace, uint16_t column,
                                 const ReadView& view) const;

  // Makes everything that was written so far durable.
  Status Flush();
  StoreStats stats() const;
  // RocksDB refuses writes, since a background job failed (a full disk). Resume tries to leave that state.
  bool stopped() const;
  Status Resume();

 private:
  struct Rocks;
  explicit Store(std::unique_ptr<Rocks> rocks);
  // The narrowest partition that covers the time; the catch-all only if nothing else does.
  PartitionPtr FindLocked(int64_t timestamp_ns) const NL_REQUIRES(mutex_);
  Result<PartitionPtr> MakeLocked(const std::string& name) NL_REQUIRES(mutex_);

  const std::unique_ptr<Rocks> rocks_;
  mutable base::Mutex mutex_;
  std::vector<PartitionPtr> partitions_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::storage
