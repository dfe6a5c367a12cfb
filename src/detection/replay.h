// Shows records to rules as if each arrived at its own time.
//
//   Replay replay(rules, [&](const rules::Firing& firing, const MatchRow& row) { ... });
//   replay.Tell(*batch);            // in the order of time
//   replay.AdvanceTo(end_ns);       // what does not come by then
//
// State begins empty. Rules fire as in the rule stage; `row` is empty for what time brings about. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "detection/compiled_rules.h"
#include "detection/match.h"
#include "rules/matcher.h"
#include "rules/rule_state.h"

namespace neurallog::detection {

class Replay {
 public:
  using OnFiring = std::function<void(const rules::Firing&, const MatchRow&)>;

  Replay(std::shared_ptr<const CompiledRules> rules, OnFiring on_firing);

  void Tell(const model::RecordBatch& batch);
  // Not back.
  void AdvanceTo(int64_t time_ns);

  const rules::RuleState& state() const { return state_; }
  rules::RuleState* mutable_state() { return &state_; }
  const CompiledRules& rules() const { return *rules_; }

 private:
  static constexpr int64_t kAdvanceNs = base::kNsPerSecond;  // between two looks at the clock

  // Those that the state expects.
  void ObserveRows(const model::RecordBatch& batch);
  void Report(const MatchRow& row);

  const std::shared_ptr<const CompiledRules> rules_;
  const OnFiring on_firing_;
  rules::Matcher matcher_;
  rules::RuleState state_;
  uint64_t next_row_ = 1;
  int64_t now_ns_;
  std::vector<rules::Firing> firings_;
};

}  // namespace neurallog::detection
