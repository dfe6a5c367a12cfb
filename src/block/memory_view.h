// A MemoryBlock as queries read it: each column is copied together when it is asked for first.
#pragma once

#include <optional>
#include <vector>

#include "block/block.h"
#include "block/block_view.h"

namespace neurallog::block {

// Not thread-safe. `memory` must outlive it.
class MemoryView : public BlockView {
 public:
  explicit MemoryView(const MemoryBlock& memory)
      : memory_(memory), columns_(memory.header().columns.size()) {}

  const BlockHeader& header() const override { return memory_.header(); }

  Result<const Column*> GetColumn(size_t index) override {
    if (!columns_[index]) columns_[index] = memory_.GetColumn(index);
    return static_cast<const Column*>(&*columns_[index]);
  }

 private:
  const MemoryBlock& memory_;
  std::vector<std::optional<Column>> columns_;
};

}  // namespace neurallog::block
