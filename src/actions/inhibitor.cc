#include "actions/inhibitor.h"

#include "base/bytes.h"

namespace neurallog::actions {
namespace {

std::string ValuesOf(const Labels& labels, const std::vector<std::string>& names) {
  std::string values;
  for (const std::string& name : names) base::AppendLengthPrefixed(&values, LabelOf(labels, name));
  return values;
}

}  // namespace

Labels LabelsOf(const detection::Alert& alert) {
  Labels labels;
  labels["alertname"] = labels["rule"] = alert.rule;
  labels["rule_id"] = alert.rule_id;
  labels["severity"] = SeverityName(alert.severity);
  labels.insert(alert.labels.begin(), alert.labels.end());
  labels.insert(alert.group.begin(), alert.group.end());
  return labels;
}

Inhibitor::Inhibitor(const NoiseRules& rules, const Visit& visit_firing) {
  for (const auto& [id, rule] : rules.of(NoiseKind::kInhibition)) of_rules_.push_back({&rule, {}});
  if (of_rules_.empty()) return;
  visit_firing([this](const detection::Alert& alert) {
    const Labels labels = LabelsOf(alert);
    for (OfRule& of : of_rules_) {
      if (!of.rule->sources.Hold(labels)) continue;
      Sources& sources = of.sources[ValuesOf(labels, of.rule->equal)];
      if (!of.rule->matchers.Hold(labels)) sources.has_plain = true;
    }
  });
}

std::vector<std::string> Inhibitor::InhibitedBy(const Labels& labels) const {
  std::vector<std::string> inhibited_by;
  for (const OfRule& of : of_rules_) {
    if (!of.rule->matchers.Hold(labels)) continue;
    const auto found = of.sources.find(ValuesOf(labels, of.rule->equal));
    if (found == of.sources.end()) continue;
    if (found->second.has_plain || !of.rule->sources.Hold(labels))
      inhibited_by.push_back(std::string(KindName(of.rule->kind)).append(" ").append(of.rule->id));
  }
  return inhibited_by;
}

}  // namespace neurallog::actions
