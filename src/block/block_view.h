// How queries read blocks without knowing where they lie: one BlockView per block in use, a
// BlockSet for all blocks of a snapshot.
#pragma once

#include <cstddef>
#include <memory>

#include "block/block.h"
#include "neurallog/status.h"

namespace neurallog::block {

// One block, its columns decoded on demand and kept until the view goes. Not thread-safe; one query
// step owns it.
class BlockView {
 public:
  virtual ~BlockView() = default;
  virtual const BlockHeader& header() const = 0;
  // Reads, checks and decodes a column on first use. The pointer lives as long as the view.
  virtual Result<const Column*> GetColumn(size_t index) = 0;
};

// An immutable set of blocks of one tenant: sealed ones and those made of rows that are not sealed
// yet. Together they hold every row that was acknowledged before the set was taken, each exactly
// once. Thread-safe.
class BlockSet {
 public:
  virtual ~BlockSet() = default;
  virtual size_t size() const = 0;
  virtual const BlockHeader& header(size_t i) const = 0;
  virtual std::unique_ptr<BlockView> Open(size_t i) const = 0;
};

}  // namespace neurallog::block
