// A block of a query that counts what is read of it, and tells which column could not be read, so that the execution can leave the block
// out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block/block_view.h"

namespace neurallog::query {

struct DamagedColumn {
  uint32_t block = 0;  // in the block set
  std::string name;
};

// Not thread-safe; `*damaged` and `*bytes_read` belong to the execution and outlive this.
class CheckedView : public block::BlockView {
 public:
  CheckedView(std::unique_ptr<block::BlockView> view, uint32_t block,
              std::optional<DamagedColumn>* damaged, uint64_t* bytes_read)
      : view_(std::move(view)),
        block_(block),
        damaged_(damaged),
        bytes_read_(bytes_read),
        is_read_(view_->header().columns.size()) {}

  const block::BlockHeader& header() const override { return view_->header(); }
  std::span<const uint64_t> deleted() const override { return view_->deleted(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    auto column = view_->GetColumn(index);
    if (column.status().code() == Code::kCorruption)
      *damaged_ = {block_, header().columns[index].name};
    if (!is_read_[index] && column.ok()) CountRead(index, **column);
    return column;
  }

 private:
  void CountRead(size_t index, const block::Column& column) {
    is_read_[index] = true;
    const uint32_t stored = header().columns[index].chunk_bytes;
    *bytes_read_ += stored != 0 ? stored : column.memory_bytes();
  }

  const std::unique_ptr<block::BlockView> view_;
  const uint32_t block_;
  std::optional<DamagedColumn>* const damaged_;
  uint64_t* const bytes_read_;
  std::vector<bool> is_read_;
};

}  // namespace neurallog::query
