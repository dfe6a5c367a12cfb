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

class Follower {
 public:
  virtual ~Follower() = default;

  // The next write makes this match of a rule with actions durable.
  virtual void Match(TenantId tenant, const RuleInfo& rule, const MatchId& id,
                     std::string_view json) = 0;
  // Null when there is no such rule any more.
  using FindRule = std::function<const RuleInfo*(TenantId, std::string_view id)>;
  // Adds what follows from the matches so far and from these transitions. Called again when the write fails.
  virtual void AddTo(const std::vector<AlertTransition>& transitions, const FindRule& find_rule,
                     storage::MetaChange* change) = 0;
  virtual void Written() = 0;
};

// Whether the action is told of each match of the rule, and not of its alerts: when the rule says so, or
// looks at single records and says nothing about how long an alert lasts.
bool IsToldOfMatches(const RuleInfo& rule, const rules::RuleAction& action);
// Those that are told of the rule's alerts.
std::vector<Alert::Told> ToldOfAlerts(const RuleInfo& rule);

}  // namespace neurallog::detection
