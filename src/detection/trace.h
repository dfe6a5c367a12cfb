// What records are to one rule: which of its steps each meets and in which group, what fires, and how far groups have
// come when all have been told.
//
//   NL_TRY(BacktestRules rules, ChooseRules(detection, tenant, {}, {document}));
//   Trace trace(rules, rules.ids[0]);
//   trace.Tell(*batch);                      // records are numbered from 0 on, as they are told
//   for (const Trace::Told& told : trace.told()) ...
//
// Of a rule of type match only what fires is known. Costs what a replay does. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detection/backtest_rules.h"
#include "detection/replay.h"

namespace neurallog::detection {

class Trace {
 public:
  // `id` is among those that were asked for.
  Trace(const BacktestRules& rules, std::string_view id);

  void Tell(const model::RecordBatch& batch);
  // So long after the last record nothing has come.
  void Wait(int64_t ns);

  struct Told {
    uint64_t record;
    uint32_t steps;  // bits: which the record meets; of a rule without steps the first
    uint32_t group;  // its place in groups()
  };
  const std::vector<Told>& told() const { return told_; }
  // By the values of Firing::rows, which are records here. Without those that suppression held back.
  const std::vector<rules::Firing>& firings() const { return firings_; }

  struct Group {
    std::vector<std::string> values;  // of group_fields()
    base::Hash128Value key;
  };
  const std::vector<Group>& groups() const { return groups_; }
  std::optional<rules::Progress> ProgressOf(const Group& group);

  const std::vector<std::string>& group_fields() const {
    return replay_.rules().plan()->group_fields(rule_);
  }
  const RuleInfo& info() const { return replay_.rules().of_firing(rule_); }
  const rules::Rule& rule() const { return replay_.rules().plan()->rules()[rule_]; }
  bool has_state() const { return info().type != "match"; }

 private:
  static constexpr uint64_t kFirstRow = 1;  // of a replay

  void Note(const rules::Observation& observation);

  Replay replay_;
  uint32_t rule_ = 0;
  int64_t now_ns_ = 0;
  std::vector<Told> told_;
  std::vector<rules::Firing> firings_;
  std::vector<Group> groups_;
  std::map<std::string, uint32_t, std::less<>> places_;  // in groups_, by key text
};

}  // namespace neurallog::detection
