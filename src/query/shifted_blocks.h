// Blocks whose rows are shown later than they were, for options(time_offset=1d): a query over them
// looks at the past as if it were now, and its rows can be compared with those of now.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "block/block_view.h"
#include "neurallog/log_record.h"

namespace neurallog::query {

// Copies the headers of all blocks. Thread-safe like the set that it wraps.
class ShiftedBlocks : public block::BlockSet {
 public:
  // Times that no longer fit int64 become its ends.
  ShiftedBlocks(std::shared_ptr<const block::BlockSet> blocks, int64_t offset_ns);

  size_t size() const override { return blocks_->size(); }
  const block::BlockHeader& header(size_t i) const override { return headers_[i]; }
  std::unique_ptr<block::BlockView> Open(size_t i) const override;
  std::vector<bool> FindCandidates(const index::TokenQuery& query,
                                   uint64_t* pages_read) const override {
    return blocks_->FindCandidates(query, pages_read);
  }

 private:
  const std::shared_ptr<const block::BlockSet> blocks_;
  const int64_t offset_ns_;
  std::deque<block::BlockHeader> headers_;
};

TimeRange Intersect(const TimeRange& a, const TimeRange& b);
// Of a range, a moment later or earlier; open ends stay open.
TimeRange Shift(const TimeRange& range, int64_t by_ns);

}  // namespace neurallog::query
