// What BuildBlock and MergeBlocks share: columns of cells become a block.
#pragma once

#include <cstdint>
#include <span>

#include "block/block.h"
#include "block/gather.h"

namespace neurallog::block {

// `times` are those of the rows, ascending; the cells of `columns` name rows among them.
BuiltBlock AssembleBlock(std::span<const int64_t> times, std::span<const GatheredColumn> columns,
                         const BuildOptions& options);

}  // namespace neurallog::block
