// Which blocks of one tenant in one partition are to be made into larger ones. Pure functions: they read headers and touch nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/store.h"

namespace neurallog::engine {

// Blocks that become one, in order of time.
using BlockGroup = std::vector<storage::BlockEntry>;

// Block numbers of rewrites from here on: written by the warm rewrite, that is in its final form.
inline constexpr uint32_t kWarmRewrite = 1u << 31;
inline bool IsWarm(const storage::BlockId& id) { return id.rewrite >= kWarmRewrite; }

struct PlanOptions {
  uint32_t rows_max = 8192;  // of a new block
  size_t decoded_bytes_max =
      128u << 20;  // of the blocks that become one, all columns; a block may be larger alone
};

// About what all columns of a block take when they are decoded.
size_t DecodedBytes(const block::BlockHeader& header);

// Merge: when there are at least `blocks_min` blocks of less than `small_rows` rows, these become blocks of up to rows_max.
std::vector<BlockGroup> PlanMerge(const std::vector<storage::BlockEntry>& blocks,
                                  uint32_t small_rows, size_t blocks_min,
                                  const PlanOptions& options);

// Warm rewrite: everything that is not warm yet or has deleted rows, together with small warm blocks that can still grow. Empty: done.
std::vector<BlockGroup> PlanWarm(const std::vector<storage::BlockEntry>& blocks,
                                 const PlanOptions& options);

// The name of the block that a group becomes.
storage::BlockId NameRewrite(const BlockGroup& group, bool warm);

}  // namespace neurallog::engine
