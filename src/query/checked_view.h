// A block of a query that tells which column could not be read, so that the execution can leave the block out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "block/block_view.h"

namespace neurallog::query {

struct DamagedColumn {
  uint32_t block = 0;  // in the block set
  std::string name;
};

// Not thread-safe; `*damaged` belongs to the execution and outlives this.
class CheckedView : public block::BlockView {
 public:
  CheckedView(std::unique_ptr<block::BlockView> view, uint32_t block,
              std::optional<DamagedColumn>* damaged)
      : view_(std::move(view)), block_(block), damaged_(damaged) {}

  const block::BlockHeader& header() const override { return view_->header(); }
  std::span<const uint64_t> deleted() const override { return view_->deleted(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    auto column = view_->GetColumn(index);
    if (column.status().code() == Code::kCorruption)
      *damaged_ = {block_, header().columns[index].name};
    return column;
  }

 private:
  const std::unique_ptr<block::BlockView> view_;
  const uint32_t block_;
  std::optional<DamagedColumn>* const damaged_;
};

}  // namespace neurallog::query
