// What one tenant has stored: its keyspace, the rows that are not in blocks yet, and the directory of its blocks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "block/block_view.h"
#include "ingest/row_buffer.h"
#include "ingest/snapshot.h"
#include "storage/directory.h"
#include "storage/store.h"
#include "tail/feed.h"
#include "tenant/registry.h"

namespace neurallog::ingest {

// Thread-safe. Lives as long as the engine.
class TenantLog {
 public:
  // `server_classes` is the history of the server's default; it must not change any more and live longer.
  TenantLog(TenantId id, std::string name, storage::Store* store,
            const tenant::ClassHistory* server_classes);

  TenantId id() const { return id_; }
  const std::string& name() const { return name_; }
  const storage::Keyspace& keyspace() const { return keyspace_; }

  struct Buffered {
    size_t rows = 0;
    size_t bytes = 0;
    uint64_t oldest_lsn = 0;       // 0: nothing is buffered
    int64_t last_append_ns = 0;    // monotonic
    int64_t oldest_append_ns = 0;  // monotonic; of the oldest rows
    int64_t min_ns = 0;            // no row is older
  };
  // Adds durable rows; `*added_bytes` is how much the buffer grew. Returns what is buffered now. Rows of a deleted tenant are dropped.
  Buffered Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn,
                  SkippedRows skipped, int64_t now_ns, size_t* added_bytes);
  Buffered buffered() const;
  // For the live tails: gets each batch behind Append.
  tail::Feed& feed() { return feed_; }
  // LSN of the batch that was appended last; 0: none since the start.
  uint64_t last_append_lsn() const;

  // Sealing: begin with the front rows, write them to blocks named by the slice's end, then commit both at once. When writing fails the
  // next BeginSeal gives the same rows again, since some partitions may hold their block already. One sealer at a time (Sealer sees to it).
  // A slice spans neither a cut nor a change of class. An empty slice although rows are buffered: they are held.
  RowSlice BeginSeal(size_t rows_max, size_t bytes_max);
  size_t CommitSeal(storage::LogPosition end, const std::vector<storage::BlockEntry>& blocks);

  // Carrying forward: BeginCarry gives all buffered rows as one batch, to be written to the log again, or a null batch when that cannot be
  // done now. Then, under the same guard as seals, either CommitCarry with the LSN of that frame, once it is durable, or nothing: the rows
  // stay where they were. No row may be appended in between (both happen on the committer thread).
  struct Carry {
    std::shared_ptr<const model::RecordBatch> batch;
    storage::LogPosition from;  // place of the first of the rows so far
  };
  Carry BeginCarry();
  struct CarriedBytes {
    size_t freed = 0;
    size_t added = 0;
  };
  CarriedBytes CommitCarry(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn);

  // --- lifetime ---
  tenant::TenantProperties properties() const;
  void set_properties(const tenant::TenantProperties& properties);
  // The class of a row by its place in the log.
  tenant::RetentionClass ClassAt(uint64_t lsn) const;
  void set_classes(const tenant::ClassHistory& classes);
  // A place in the log: rows that were appended before the call (all up to `delivered_lsn`) stand before it, later ones behind. Until
  // RemoveCut no block gets rows of both sides, and no row is carried over it. AddCut is for cuts of before a restart.
  uint64_t MakeCut(uint64_t delivered_lsn);
  void AddCut(uint64_t lsn);
  void RemoveCut(uint64_t lsn);
  // Like MakeCut, and rows behind the cut are not sealed until Release.
  uint64_t Hold(uint64_t delivered_lsn);
  void Release();

  // What the tenant's blocks take by their headers; nothing when they were not counted yet, which loading the directory does.
  std::optional<storage::StoredTotals> stored() const;

  // Every row that was appended before the call, each once; blocks and rows outside `range` may be left out. Loads the directory on
  // first use. `damage` is told of headers that cannot be read, `held` counts the rows that are not sealed.
  // When given, `*last_lsn` becomes last_append_lsn() as of the same moment.
  Result<std::shared_ptr<const block::BlockSet>> Snapshot(
      const TimeRange& range, int64_t now_ns, const std::function<void(std::string)>& damage,
      const HeldBytes& held, uint64_t* last_lsn = nullptr);

  // Replaces blocks of a partition by others that hold the same rows, or fewer: the change must remove and put just these. Readers see the
  // old blocks or the new ones. The rest of the tenant's rows may be sealed meanwhile. Conflict, and nothing is done, when a block to be
  // removed is not as it was seen (gone, or rows of it were deleted meanwhile), or when a new one would lie across a cut.
  Status Rewrite(storage::Change* change, std::vector<storage::BlockId> removed,
                 const std::vector<storage::BlockEntry>& added);
  // The tenant's blocks as they are now, those of a seal that is not committed left out. Loads the directory on first use.
  Result<std::shared_ptr<const storage::Directory>> Blocks(
      const std::function<void(std::string)>& damage);

  // Puts blocks of a partition with more deleted rows in the place of the blocks that were seen, of which those are left out that have no
  // row left: the change must put and remove just these. Conflict like Rewrite.
  Status MarkDeleted(storage::Change* change, const std::vector<storage::BlockEntry>& seen,
                     const std::vector<storage::BlockEntry>& marked);
  // Returns when no rewrite is under way that began before the call.
  void AwaitRewrites();

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
  // The tenant has rules: its batches go to the rule stage. Set by it.
  std::atomic<bool> has_rules{false};
  // Everything up to this LSN is to be sealed even if that makes small blocks.
  std::atomic<uint64_t> seal_all_before{0};
  // Blocks of few rows, so far as anybody has counted: seals add, the compactor sets.
  static constexpr uint32_t kSmallBlockRows = 1024;
  std::atomic<uint32_t> small_blocks{0};

 private:
  Buffered BufferedLocked() const NL_REQUIRES(mutex_);
  tenant::RetentionClass ClassAtLocked(uint64_t lsn) const NL_REQUIRES(mutex_);
  // The first LSN that a block which begins at `lsn` must not hold.
  uint64_t SliceEndLocked(uint64_t lsn) const NL_REQUIRES(mutex_);
  // Loads the directory if need be and applies the change when `check` finds it good. `replace` gives the new directory.
  Status ApplyRewrite(storage::Change* change,
                      const std::function<Status(const storage::Directory&)>& check,
                      const std::function<std::shared_ptr<const storage::Directory>(
                          const storage::Directory&)>& replace);
  Result<std::vector<storage::BlockEntry>> LoadEntries(
      const std::function<void(std::string)>& damage) const;
  // Blocks of a seal that is not committed are left out: their rows are still buffered.
  void AdoptDirectory(std::vector<storage::BlockEntry> entries) NL_REQUIRES(mutex_);
  Status LoadDirectory(const std::function<void(std::string)>& damage);

  const TenantId id_;
  const std::string name_;
  const storage::Keyspace keyspace_;
  storage::Store* const store_;
  tail::Feed feed_;
  const tenant::ClassHistory* const server_classes_;

  // Held while the directory is read from the store and while blocks are replaced in it, so that neither sees half of the other. Taken
  // before mutex_.
  base::Mutex rewrite_mutex_;

  BufferedBlocks buffered_blocks_;
  mutable base::Mutex mutex_;
  RowBuffer buffer_ NL_GUARDED_BY(mutex_);
  tenant::TenantProperties properties_ NL_GUARDED_BY(mutex_);
  tenant::ClassHistory classes_ NL_GUARDED_BY(mutex_);
  std::multiset<uint64_t> cuts_ NL_GUARDED_BY(mutex_);  // few: one per unfinished deletion
  uint64_t hold_ NL_GUARDED_BY(mutex_) = 0;             // 0: none
  uint64_t last_append_lsn_ NL_GUARDED_BY(mutex_) = 0;
  std::optional<storage::StoredTotals> stored_ NL_GUARDED_BY(mutex_);  // while the directory is not loaded
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
