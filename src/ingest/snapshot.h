// A tenant's rows at one moment, as blocks: sealed ones read from the store, the others made of buffered rows.
#pragma once

#include <memory>
#include <vector>

#include "block/block_view.h"
#include "ingest/row_buffer.h"
#include "storage/directory.h"

namespace neurallog::ingest {

// One sealed block. `store`, `keyspace`, `read_view` and `entry` must outlive it.
std::unique_ptr<block::BlockView> OpenSealed(const storage::Store* store,
                                             const storage::Keyspace& keyspace,
                                             const storage::ReadView& read_view,
                                             const storage::BlockEntry& entry);

// Blocks that lie wholly outside `range` are left out. The result keeps the directory, the view and the batches alive.
std::shared_ptr<const block::BlockSet> MakeSnapshot(
    const storage::Store* store, const storage::Keyspace& keyspace,
    std::shared_ptr<const storage::Directory> directory,
    std::shared_ptr<const storage::ReadView> view, std::vector<RowSlice> unsealed,
    const TimeRange& range);

}  // namespace neurallog::ingest
