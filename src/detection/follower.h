// Whoever is to act on what rules find: what it keeps for that is written as one with the finding.
//
//   match ── Match ──┐
//                    ├── AddTo(change) ... written ... Written()
//   alerts' transitions ┘
//
// Called by the stage's thread.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "detection/alert.h"
#include "detection/compiled_rules.h"
#include "storage/store.h"

namespace neurallog::detection {

// What the stage knows as it writes.
struct Findings {
  const std::vector<AlertTransition>& transitions;
  bool
      is_caught_up;  // else records of before the start are still to come, and alerts may be missing
  // Null when there is no such rule any more.
  std::function<const RuleInfo*(TenantId, std::string_view id)> find_rule;
  // Those that are firing or acknowledged.
  std::function<void(TenantId, const std::function<void(const Alert&)>&)> visit_firing;
  // As it is after the last write; NotFound.
  std::function<Result<Alert>(TenantId, const AlertId&)> find_alert;
};

class Follower {
 public:
  virtual ~Follower() = default;

  // The next write makes this match of a rule with actions durable.
  virtual void Match(TenantId tenant, const RuleInfo& rule, const MatchId& id,
                     std::string_view json) = 0;
  // Adds what follows from the matches so far, from these findings and from the passing of time. Called again when the
  // write fails.
  virtual void AddTo(const Findings& findings, storage::MetaChange* change) = 0;
  virtual void Written() = 0;
  // Whether something follows by now from the passing of time.
  virtual bool IsDue() const = 0;
};

// Whether the action is told of each match of the rule, and not of its alerts: when the rule says so, or
// looks at single records and says nothing about how long an alert lasts.
bool IsToldOfMatches(const RuleInfo& rule, const rules::RuleAction& action);
// Those that are told of the rule's alerts.
std::vector<Alert::Told> ToldOfAlerts(const RuleInfo& rule);

}  // namespace neurallog::detection
