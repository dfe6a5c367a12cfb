// A tenant's rows at one moment, as blocks: sealed ones read from the store, the others made of buffered rows.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "block/block.h"
#include "block/block_view.h"
#include "ingest/row_buffer.h"
#include "storage/directory.h"

namespace neurallog::ingest {

// One sealed block. `store`, `keyspace`, `read_view` and `entry` must outlive it.
std::unique_ptr<block::BlockView> OpenSealed(const storage::Store* store,
                                             const storage::Keyspace& keyspace,
                                             const storage::ReadView& read_view,
                                             const storage::BlockEntry& entry);

// What queries hold of rows that are not sealed: bytes.
using HeldBytes = std::shared_ptr<std::atomic<size_t>>;

// The blocks of a tenant's buffered rows that running queries read: the next query takes them, and makes only
// those of rows that came since. Holds none itself. Thread-safe.
class BufferedBlocks {
 public:
  // A slice that began at the same row before must have the same rows when it ends at the same place. `held` counts
  // the slice's batches as long as somebody has the block.
  std::shared_ptr<const block::MemoryBlock> Get(RowSlice slice, const HeldBytes& held);

 private:
  struct Known {
    const char* first_row;
    storage::LogPosition end;
    std::weak_ptr<const block::MemoryBlock> block;
  };
  std::shared_ptr<const block::MemoryBlock> Find(const RowSlice& slice);

  base::Mutex mutex_;
  std::vector<Known> known_ NL_GUARDED_BY(mutex_);
};

// Blocks that lie wholly outside `range` are left out. The result keeps the directory, the view and the batches alive.
std::shared_ptr<const block::BlockSet> MakeSnapshot(
    const storage::Store* store, const storage::Keyspace& keyspace,
    std::shared_ptr<const storage::Directory> directory,
    std::shared_ptr<const storage::ReadView> view,
    std::vector<std::shared_ptr<const block::MemoryBlock>> unsealed, const TimeRange& range);

}  // namespace neurallog::ingest
