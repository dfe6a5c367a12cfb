// What the jobs do. All of it can be broken off at any moment and run again from the beginning.
#pragma once

#include <functional>

#include "engine/jobs.h"
#include "ingest/tenant_log.h"
#include "storage/store.h"

namespace neurallog::engine {

class Engine;

// The blocks of a deleted tenant: removes its keys from every partition and rewrites these, so that the bytes leave the disk. Waits for
// queries that may still read them.
Status EraseTenant(Engine* engine, Job* job);

// The rows that match the job's query and stand before its cut: has them sealed, finds them block by block, and takes them out of queries.
// A block of which nothing is left is removed. The bytes go when the block is rewritten.
Status DeleteMatchingRows(Engine* engine, Job* job);
// After the end of DeleteMatchingRows is durable: what it kept in the store and in the log.
void ForgetDeletion(Engine* engine, const Job& job);

// Rewrites a partition's keys, and its blobs if after that `is_much` says that too much garbage is left.
Status ReclaimPartition(
    Engine* engine, const storage::PartitionPtr& partition,
    const std::function<bool(uint64_t garbage, const storage::PartitionStats&)>& is_much);

// Removes blocks of one tenant, some at a time. Those that were replaced meanwhile are left.
struct RemovedBlocks {
  uint64_t blocks = 0;
  uint64_t bytes = 0;
};
Result<RemovedBlocks> RemoveBlocks(ingest::TenantLog* log,
                                   const std::vector<storage::BlockEntry>& blocks);

}  // namespace neurallog::engine
