// What the files of this room share of RocksDB. Internal: no other room includes it.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "storage/folder_lock.h"
#include "storage/store.h"

namespace neurallog::storage {

inline rocksdb::Slice Slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
Status FromRocks(const rocksdb::Status& status, std::string_view what);

inline constexpr char kMetaFamily[] = "meta";

class FlushCounter : public rocksdb::EventListener {
 public:
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override;
  // A compaction that meets a damaged file must not stop all writing: it is tried again a second later, and everybody else goes on.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  // RocksDB's own recovery waits until all write buffers would fit the disk; the keeper simply tries.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override;
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override;

  // The last sequence number of the column family that has been flushed so far as this process knows.
  uint64_t FlushedUpTo(uint32_t family) const;

  std::atomic<uint64_t> flushes{0};
  std::atomic<bool> background_error{false};
  std::atomic<uint64_t> damaged_compactions{0};

 private:
  mutable base::Mutex mutex_;
  std::map<uint32_t, uint64_t> flushed_up_to_ NL_GUARDED_BY(mutex_);
};

struct Store::Rocks {
  // Remembers that writing failed; RocksDB does not tell its listeners of every such state.
  Status Written(const rocksdb::Status& status, std::string_view what) {
    if (status.IsNoSpace() || status.IsIOError())
      listener->background_error.store(true, std::memory_order_relaxed);
    return FromRocks(status, what);
  }
  // Unavailable when the disk has no room for so many bytes of RocksDB's log.
  Status CheckRoom(size_t bytes) const;
  rocksdb::ColumnFamilyOptions FamilyOptions() const;
  // A handle for each of the column families.
  Result<std::vector<rocksdb::ColumnFamilyHandle*>> Open(const rocksdb::DBOptions& database,
                                                         const std::vector<std::string>& names);
  // Takes them over and returns those that are partitions; Corruption when one is not ours.
  Result<std::vector<PartitionPtr>> Adopt(const std::vector<std::string>& names,
                                          const std::vector<rocksdb::ColumnFamilyHandle*>& handles);
  uint64_t IntProperty(const Partition& partition, const std::string& property) const {
    uint64_t value = 0;
    return db->GetIntProperty(partition.handle(), property, &value) ? value : 0;
  }

  std::unique_ptr<FolderLock> lock;  // of a store that is only read
  StoreOptions options;
  const base::Clock* clock = nullptr;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<FlushCounter> listener = std::make_shared<FlushCounter>();
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
};

}  // namespace neurallog::storage
