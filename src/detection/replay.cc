#include "detection/replay.h"

#include <algorithm>
#include <limits>

namespace neurallog::detection {

Replay::Replay(std::shared_ptr<const CompiledRules> rules, OnFiring on_firing)
    : rules_(std::move(rules)),
      on_firing_(std::move(on_firing)),
      matcher_(rules_->set()),
      state_(rules_->plan()),
      now_ns_(std::numeric_limits<int64_t>::min()) {}

void Replay::Tell(const model::RecordBatch& batch) {
  matcher_.Bind(batch);
  state_.Bind(batch);
  const char* row = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    const model::RowReader reader(row);
    const int64_t time_ns = reader.timestamp_ns();
    if (time_ns >= now_ns_ + kAdvanceNs) {
      ObserveRows(batch);
      AdvanceTo(time_ns);
    }
    state_.Expect(matcher_.Match(row), row, next_row_++, time_ns);
    if (state_.is_full()) ObserveRows(batch);
    row = reader.next_row();
  }
  ObserveRows(batch);
}

void Replay::ObserveRows(const model::RecordBatch& batch) {
  while (state_.expects()) {
    firings_.clear();
    const char* const row = state_.Observe(&firings_).row;
    Report({&batch, row});
  }
}

void Replay::AdvanceTo(int64_t time_ns) {
  now_ns_ = std::max(now_ns_, time_ns);
  firings_.clear();
  state_.Advance(now_ns_, &firings_);
  Report({});
}

void Replay::Report(const MatchRow& row) {
  for (const rules::Firing& firing : firings_) on_firing_(firing, row);
}

}  // namespace neurallog::detection
