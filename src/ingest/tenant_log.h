// What one tenant has stored: its keyspace, the rows that are not in blocks yet, and the directory of its blocks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "block/block_view.h"
#include "ingest/row_buffer.h"
#include "storage/directory.h"
#include "storage/store.h"

namespace neurallog::ingest {

// Thread-safe. Lives as long as the engine.
class TenantLog {
 public:
  TenantLog(TenantId id, std::string name, storage::Store* store);

  TenantId id() const { return id_; }
  const std::string& name() const { return name_; }
  const storage::Keyspace& keyspace() const { return keyspace_; }

  struct Buffered {
    size_t rows = 0;
    size_t bytes = 0;
    uint64_t oldest_lsn = 0;     // 0: nothing is buffered
    int64_t last_append_ns = 0;  // monotonic
  };
  // Adds durable rows; `*added_bytes` is how much the buffer grew. Returns what is buffered now. Rows of a deleted tenant are dropped.
  Buffered Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn,
                  SkippedRows skipped, int64_t now_ns, size_t* added_bytes);
  Buffered buffered() const;

  // Sealing: begin with the front rows, write them to blocks named by the slice's end, then commit both at once. When writing fails the
  // next BeginSeal gives the same rows again, since some partitions may hold their block already. One sealer at a time (Sealer sees to it).
  RowSlice BeginSeal(size_t rows_max, size_t bytes_max);
  size_t CommitSeal(storage::LogPosition end, const std::vector<storage::BlockEntry>& blocks);

  // Every row that was appended before the call, each once; blocks and rows outside `range` may be left out. Loads the directory on
  // first use. `damage` is told of headers that cannot be read.
  Result<std::shared_ptr<const block::BlockSet>> Snapshot(
      const TimeRange& range, int64_t now_ns, const std::function<void(std::string)>& damage);

  // Replaces blocks of a partition by others that hold the same rows, or fewer: the change must remove and put just these. Readers see the
  // old blocks or the new ones. The rest of the tenant's rows may be sealed meanwhile.
  Status Rewrite(storage::Change* change, std::vector<storage::BlockId> removed,
                 const std::vector<storage::BlockEntry>& added);
  // The tenant's blocks as they are now, those of a seal that is not committed left out. Loads the directory on first use.
  Result<std::shared_ptr<const storage::Directory>> Blocks(
      const std::function<void(std::string)>& damage);

  // A partition is dropped: its blocks leave the directory.
  void ForgetPartition(const storage::Partition& partition);
  // The tenant is deleted: its buffered rows go, what comes is dropped. Returns the bytes freed.
  size_t Delete();
  bool deleted() const { return deleted_.load(std::memory_order_acquire); }

  // For the bound on all directories: bytes held, when last used, and a way to give them up (they are read again when needed).
  size_t directory_bytes() const;
  int64_t directory_used_ns() const { return directory_used_ns_.load(std::memory_order_relaxed); }
  void UnloadDirectory();

  // Set while the tenant waits for a sealer or is being sealed.
  std::atomic<bool> seal_queued{false};
  // Everything up to this LSN is to be sealed even if that makes small blocks.
  std::atomic<uint64_t> seal_all_before{0};

 private:
  Result<std::vector<storage::BlockEntry>> LoadEntries(
      const std::function<void(std::string)>& damage) const;
  // Blocks of a seal that is not committed are left out: their rows are still buffered.
  void AdoptDirectory(std::vector<storage::BlockEntry> entries) NL_REQUIRES(mutex_);
  Status LoadDirectory(const std::function<void(std::string)>& damage);

  const TenantId id_;
  const std::string name_;
  const storage::Keyspace keyspace_;
  storage::Store* const store_;

  // Held while the directory is read from the store and while blocks are replaced in it, so that neither sees half of the other. Taken
  // before mutex_.
  base::Mutex rewrite_mutex_;

  mutable base::Mutex mutex_;
  RowBuffer buffer_ NL_GUARDED_BY(mutex_);
  std::shared_ptr<const storage::Directory> directory_ NL_GUARDED_BY(mutex_);  // null: not loaded
  uint64_t changes_ NL_GUARDED_BY(mutex_) = 0;  // of the stored blocks
  storage::LogPosition sealing_end_
      NL_GUARDED_BY(mutex_);  // of the seal that was begun and not committed; else zero
  // While blocks are being replaced: the store before that. Queries that begin meanwhile read there.
  std::shared_ptr<const storage::ReadView> rewrite_view_ NL_GUARDED_BY(mutex_);
  int64_t last_append_ns_ NL_GUARDED_BY(mutex_) = 0;
  std::atomic<int64_t> directory_used_ns_{0};
  std::atomic<bool> deleted_{false};
};

}  // namespace neurallog::ingest
