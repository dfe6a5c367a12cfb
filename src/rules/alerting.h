// How the matches of a rule make an alert: what the document says, and what follows for its type.
//
//   for: 5m                     # it must last so long before the alert fires
//   keep_firing_for: 10m        # and it fires on so long after that has ended
//   resolve_timeout: 15m        # a match counts for so long
//   n_of_m: {n: 3, m: 5, period: 1m}   # or: as long as there are matches in 3 of the last 5 minutes
//   group_by: [host]            # of type match: records of one host are one alert
//   labels: {team: payments}
//   actions: [{action: act_ops, when: {severity_gte: high}, send_resolved: true}]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/map_reader.h"

namespace neurallog::rules {

struct Rule;

// An action that is told what a rule finds.
struct RuleAction {
  enum class Of : uint8_t { kChosen, kMatches, kAlerts };  // chosen: by what the rule is
  std::string id;
  Of of = Of::kChosen;
  uint8_t severity_min = 0;    // rules::Severity
  bool send_resolved = false;  // also told when an alert is resolved
};

// 1 to 64 letters, digits, '_', '.' or '-'.
bool IsActionId(std::string_view text);

// So many of the last periods of time must have matches.
struct PeriodsNeeded {
  uint32_t n = 0;  // 0: an alert does not depend on periods
  uint32_t m = 0;
  int64_t period_ns = 0;  // 0: the size of the rule's window
};

// The table `lookup` says more about the value of `key`, which is added to matches as `as`.
struct Enrichment {
  std::string lookup;
  std::string key;
  std::string as;
};

struct Alerting {
  int64_t for_ns = 0;
  int64_t keep_firing_for_ns = 0;
  std::optional<int64_t> resolve_timeout_ns;
  PeriodsNeeded periods;
  std::vector<std::string> group_by;  // of rules that look at single records
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<RuleAction> actions;
  std::vector<Enrichment> enrich;

  // Whether its document says anything about how long an alert lasts.
  bool has_times() const {
    return for_ns > 0 || keep_firing_for_ns > 0 || resolve_timeout_ns.has_value() || periods.n > 0;
  }
};

// At most so many labels, of so many bytes; past it there is a problem.
inline constexpr size_t kLabelsMax = 32;
inline constexpr size_t kLabelBytesMax = 256;
inline constexpr size_t kRuleActionsMax = 16;
inline constexpr size_t kEnrichmentsMax = 16;
inline constexpr uint32_t kPeriodsMax = 64;

Alerting ParseAlerting(const MapReader& rule, std::vector<Problem>* problems);

// The times of a rule's alerts.
struct AlertTiming {
  int64_t for_ns = 0;
  int64_t keep_firing_for_ns = 0;
  int64_t timeout_ns = 0;         // after the last match, when the rule cannot say more
  bool is_timeout_given = false;  // it holds also when the rule says that it has ended
  int64_t ask_ns = 0;             // between asking RuleState::ConditionOf; 0: it never knows
  PeriodsNeeded periods;          // with a period, if any are needed; then the rest but ask_ns and
                                  // keep_firing_for_ns says nothing
  bool is_of_window = false;      // what fires belongs to the period in which its window begins
};
// Without resolve_timeout a match counts for five minutes, or as long as the rule can be silent while what it
// looks for goes on: its window, its time, its suppression. A rule that knows when its condition ends needs none.
AlertTiming TimingOf(const Rule& rule);

}  // namespace neurallog::rules
