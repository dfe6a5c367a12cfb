// Some rows of a block as a block of their own: their columns are made of no more than these rows where
// the block can do that. For the few rows that are shown of a large block.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "query/batch.h"

namespace neurallog::query {

class RowSubset : public block::BlockView {
 public:
  // `rows` ascend.
  RowSubset(std::shared_ptr<Rows> from, std::vector<uint32_t> rows);

  // Knows the names of the columns and the range of the times.
  const block::BlockHeader& header() const override { return header_; }
  Result<const block::Column*> GetColumn(size_t index) override;

 private:
  const std::shared_ptr<Rows> from_;
  const std::vector<uint32_t> rows_;
  block::BlockHeader header_;
  std::vector<std::unique_ptr<const block::Column>> columns_;
};

// When the batches that lie on one block have few of its rows, makes them lie on a subset.
void NarrowToRows(std::deque<Batch>* batches);
// The same of a batch that is alone on its block.
void NarrowToRows(Batch* batch);

}  // namespace neurallog::query
