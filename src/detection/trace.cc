#include "detection/trace.h"

#include <algorithm>

#include "rules/group_key.h"

namespace neurallog::detection {

Trace::Trace(const BacktestRules& rules, std::string_view id)
    : replay_(rules.compiled, [this](const rules::Firing& firing, const MatchRow&) {
        if (firing.rule != rule_) return;
        firings_.push_back(firing);
        for (uint64_t& row : firings_.back().rows) row -= kFirstRow;
      }) {
  while (replay_.rules().of_firing(rule_).id != id) ++rule_;
  replay_.mutable_state()->Watch([this](uint32_t rule, const rules::Observation& observation) {
    if (rule == rule_) Note(observation);
  });
}

void Trace::Tell(const model::RecordBatch& batch) {
  const char* row = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    const model::RowReader reader(row);
    now_ns_ = std::max(now_ns_, reader.timestamp_ns());
    row = reader.next_row();
  }
  replay_.Tell(batch);
}

void Trace::Wait(int64_t ns) { replay_.AdvanceTo(now_ns_ += ns); }

void Trace::Note(const rules::Observation& o) {
  const auto next = static_cast<uint32_t>(groups_.size());
  const std::string text(o.group->Get());
  const auto [found, is_new] = places_.try_emplace(text, next);
  if (is_new) groups_.push_back({rules::GroupValues(text), o.key});
  told_.push_back({o.row_id - kFirstRow, o.steps, found->second});
}

std::optional<rules::Progress> Trace::ProgressOf(const Group& group) {
  auto progress = replay_.mutable_state()->ProgressOf(rule_, group.key);
  if (progress)
    for (uint64_t& row : progress->rows) row -= kFirstRow;
  return progress;
}

}  // namespace neurallog::detection
