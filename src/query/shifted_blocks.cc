#include "query/shifted_blocks.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace neurallog::query {
namespace {

constexpr int64_t kNsMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kNsMax = std::numeric_limits<int64_t>::max();

int64_t Add(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? kNsMin : kNsMax;
}

class ShiftedView : public block::BlockView {
 public:
  ShiftedView(std::unique_ptr<block::BlockView> view, const block::BlockHeader& header,
              int64_t offset_ns)
      : view_(std::move(view)), header_(header), offset_ns_(offset_ns) {}

  const block::BlockHeader& header() const override { return header_; }
  std::span<const uint64_t> deleted() const override { return view_->deleted(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    if (index != 0) return view_->GetColumn(index);
    if (!times_) NL_RETURN_IF_ERROR(ShiftTimes());
    return static_cast<const block::Column*>(&*times_);
  }

 private:
  Status ShiftTimes() {
    NL_TRY(const block::Column* times, view_->GetColumn(0));
    block::Column shifted;
    shifted.encoding = times->encoding;
    shifted.rows = times->rows;
    shifted.uniform_type = times->uniform_type;
    shifted.ints = times->ints;
    for (int64_t& ns : shifted.ints) ns = Add(ns, offset_ns_);
    times_ = std::move(shifted);
    return {};
  }

  const std::unique_ptr<block::BlockView> view_;
  const block::BlockHeader& header_;
  const int64_t offset_ns_;
  std::optional<block::Column> times_;
};

}  // namespace

ShiftedBlocks::ShiftedBlocks(std::shared_ptr<const block::BlockSet> blocks, int64_t offset_ns)
    : blocks_(std::move(blocks)), offset_ns_(offset_ns) {
  for (size_t i = 0; i < blocks_->size(); ++i) {
    block::BlockHeader& header = headers_.emplace_back(blocks_->header(i));
    header.min_ns = Add(header.min_ns, offset_ns);
    header.max_ns = Add(header.max_ns, offset_ns);
    if (header.columns.empty()) continue;
    header.columns[0].int_min = Add(header.columns[0].int_min, offset_ns);
    header.columns[0].int_max = Add(header.columns[0].int_max, offset_ns);
  }
}

std::unique_ptr<block::BlockView> ShiftedBlocks::Open(size_t i) const {
  return std::make_unique<ShiftedView>(blocks_->Open(i), headers_[i], offset_ns_);
}

TimeRange Intersect(const TimeRange& a, const TimeRange& b) {
  return {std::max(a.start_ns, b.start_ns), std::min(a.end_ns, b.end_ns)};
}

TimeRange Shift(const TimeRange& range, int64_t by_ns) {
  return {range.start_ns == kNsMin ? kNsMin : Add(range.start_ns, by_ns),
          range.end_ns == kNsMax ? kNsMax : Add(range.end_ns, by_ns)};
}

}  // namespace neurallog::query
