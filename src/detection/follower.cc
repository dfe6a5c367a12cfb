#include "detection/follower.h"

namespace neurallog::detection {

bool IsToldOfMatches(const RuleInfo& rule, const rules::RuleAction& action) {
  using Of = rules::RuleAction::Of;
  if (action.of != Of::kChosen) return action.of == Of::kMatches;
  return rule.type == "match" && !rule.alerting.has_times() && !action.send_resolved;
}

std::vector<Alert::Told> ToldOfAlerts(const RuleInfo& rule) {
  std::vector<Alert::Told> told;
  for (const rules::RuleAction& action : rule.alerting.actions)
    if (static_cast<uint8_t>(rule.severity) >= action.severity_min &&
        !IsToldOfMatches(rule, action))
      told.push_back({action.id, action.send_resolved});
  return told;
}

}  // namespace neurallog::detection
