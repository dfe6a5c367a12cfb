// Which alerts of a tenant are not worth telling while others fire, at one moment: Alertmanager's inhibition.
//
//   Inhibitor inhibitor(rules, visit_firing);
//   inhibitor.InhibitedBy(labels)      // empty: it is told
//
// An alert that matches both sides of a rule is inhibited only by those that match its source alone. Costs one look at
// every alert that fires, then one per question and rule.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actions/noise_book.h"
#include "detection/alert.h"

namespace neurallog::actions {

// What silences, inhibitions and groups know an alert by.
Labels LabelsOf(const detection::Alert& alert);

class Inhibitor {
 public:
  using Visit = std::function<void(const std::function<void(const detection::Alert&)>&)>;

  // `rules` outlive it.
  Inhibitor(const NoiseRules& rules, const Visit& visit_firing);

  // The inhibitions that mute what is labelled so: "inhibition i1".
  std::vector<std::string> InhibitedBy(const Labels& labels) const;

 private:
  struct Sources {
    bool has_plain = false;  // one that is no target of the rule
  };
  struct OfRule {
    const NoiseRule* rule;
    std::unordered_map<std::string, Sources> sources;  // by the labels that must be equal
  };
  std::vector<OfRule> of_rules_;
};

}  // namespace neurallog::actions
