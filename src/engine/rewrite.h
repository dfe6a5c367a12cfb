// Builds one block from several of a tenant's blocks in one partition, and puts it into their place.
#pragma once

#include "engine/merge_plan.h"
#include "ingest/tenant_log.h"

namespace neurallog::engine {

struct RewriteOptions {
  int zstd_level = 1;
  bool warm = false;
  int64_t expiry_ns = INT64_MIN;  // rows before it are left out
};

struct RewriteResult {
  uint32_t rows = 0;  // of the new block; 0: nothing was left, so there is none
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
};

// Conflict when a block has changed meanwhile. When a block cannot be read, `*unreadable` is its index in the group.
Result<RewriteResult> RewriteBlocks(storage::Store* store, ingest::TenantLog* log,
                                    const BlockGroup& group, const RewriteOptions& options,
                                    int* unreadable);

}  // namespace neurallog::engine
