#include "rules/alerting.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/time_format.h"
#include "rules/rule.h"

namespace neurallog::rules {
namespace {

constexpr int64_t kTimeoutNs = 300 * base::kNsPerSecond;
constexpr int64_t kHourNs = 3600 * base::kNsPerSecond;

// A duration that may be 0, unlike others.
std::optional<int64_t> FindDuration(const MapReader& reader, std::string_view key) {
  const Node* const node = reader.Find(key);
  if (node == nullptr) return std::nullopt;
  if (node->text == "0" || node->text == "0s") return 0;
  const int64_t duration = reader.Duration(key);
  if (duration > kWindowMaxNs) reader.Fail(node->at, fmt::format("{}: longer than 400 days", key));
  return duration;
}

bool IsLabelName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_inner = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kLabelBytesMax && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), is_inner);
}

void ParseLabels(const MapReader& reader, Alerting* to) {
  const Node* const labels = reader.Map("labels");
  if (labels == nullptr) return;
  if (labels->items.size() > kLabelsMax)
    return reader.Fail(labels->at, fmt::format("labels: more than {}", kLabelsMax));
  for (size_t i = 0; i < labels->items.size(); ++i) {
    const Node& name = labels->keys[i];
    const Node& value = labels->items[i];
    if (!IsLabelName(name.text))
      reader.Fail(name.at, fmt::format("labels: \"{}\" is no name: letters, digits and '_'",
                                       name.text.substr(0, 40)));
    else if (!value.is_scalar() || value.text.size() > kLabelBytesMax)
      reader.Fail(value.at, fmt::format("labels: {}: expected a text of at most {} bytes",
                                        name.text, kLabelBytesMax));
    else to->labels.emplace_back(name.text, value.text);
  }
}

uint32_t CountOfPeriods(const MapReader& reader, std::string_view key, uint32_t otherwise) {
  const auto number = reader.Number(key);
  if (number && *number >= 1 && *number <= kPeriodsMax && *number == std::floor(*number))
    return static_cast<uint32_t>(*number);
  const Node* const node = reader.Find(key);
  reader.Fail(node != nullptr ? node->at : reader.at(),
              fmt::format("{}: expected a number from 1 to {}", key, kPeriodsMax));
  return otherwise;
}

// The period may be left out when there is a window, whose size it is then.
bool HasWindowSize(const MapReader& rule) {
  const Node* const window = rule.Find("window");
  return rule.Find("correlation") != nullptr ||
         (window != nullptr && window->is_map() && window->Find("size") != nullptr);
}

void ParsePeriods(const MapReader& rule, std::vector<Problem>* problems, Alerting* to) {
  const Node* const node = rule.Map("n_of_m");
  if (node == nullptr) return;
  const MapReader reader(*node, problems);
  reader.RefuseOthers({"n", "m", "period"});
  to->periods.n = CountOfPeriods(reader, "n", 1);
  to->periods.m = CountOfPeriods(reader, "m", kPeriodsMax);
  if (to->periods.n > to->periods.m) reader.Fail(node->at, "n_of_m: n is more than m");
  if (reader.Find("period") != nullptr || !HasWindowSize(rule))
    to->periods.period_ns = reader.Duration("period");
  if (to->periods.period_ns > kWindowMaxNs / kPeriodsMax)
    reader.Fail(node->at, "period: longer than 6 days");
  for (const std::string_view other : {"for", "resolve_timeout"})
    if (rule.Find(other) != nullptr)
      rule.Fail(rule.Find(other)->at, fmt::format("{}: is not for alerts of n_of_m", other));
}

void ParseWhen(const MapReader& when, RuleAction* to) {
  when.RefuseOthers({"severity_gte"});
  const Node* const severity = when.Find("severity_gte");
  if (severity == nullptr) return;
  for (int value = 0; value <= static_cast<int>(Severity::kCritical); ++value) {
    to->severity_min = static_cast<uint8_t>(value);
    if (severity->text == SeverityName(static_cast<Severity>(value))) return;
  }
  when.Fail(severity->at, "severity_gte: expected info, low, medium, high or critical");
}

RuleAction ParseAction(const MapReader& reader) {
  reader.RefuseOthers({"action", "on", "when", "send_resolved"});
  RuleAction action;
  action.id = reader.Text("action");
  if (!IsActionId(action.id)) reader.Fail(reader.at(), "action: expected the id of an action");
  const std::string of = reader.Text("on");
  action.send_resolved = reader.Bool("send_resolved", false);
  if (of == "match") action.of = RuleAction::Of::kMatches;
  else if (of == "alert") action.of = RuleAction::Of::kAlerts;
  else if (!of.empty()) reader.Fail(reader.Find("on")->at, "on: expected match or alert");
  if (action.of == RuleAction::Of::kMatches && action.send_resolved)
    reader.Fail(reader.at(), "send_resolved: a match is not resolved; expected on: alert");
  return action;
}

void ParseActions(const MapReader& reader, std::vector<Problem>* problems, Alerting* to) {
  const Node* const list = reader.Find("actions");
  if (list == nullptr) return;
  if (!list->is_list() || list->items.size() > kRuleActionsMax)
    return reader.Fail(list->at,
                       fmt::format("actions: expected a list of at most {}", kRuleActionsMax));
  for (const Node& item : list->items) {
    if (!item.is_map()) {
      reader.Fail(item.at, "actions: expected {action: id}");
      continue;
    }
    const MapReader action(item, problems);
    to->actions.push_back(ParseAction(action));
    if (const Node* const when = action.Map("when"))
      ParseWhen(MapReader(*when, problems), &to->actions.back());
  }
}

void ParseEnrich(const MapReader& reader, std::vector<Problem>* problems, Alerting* to) {
  const Node* const list = reader.Find("enrich");
  if (list == nullptr) return;
  if (!list->is_list() || list->items.size() > kEnrichmentsMax)
    return reader.Fail(list->at,
                       fmt::format("enrich: expected a list of at most {}", kEnrichmentsMax));
  for (const Node& item : list->items) {
    if (!item.is_map()) {
      reader.Fail(item.at, "enrich: expected {lookup: name, key: field, as: name}");
      continue;
    }
    const MapReader one(item, problems);
    one.RefuseOthers({"lookup", "key", "as"});
    Enrichment enrichment{one.Text("lookup"), one.Text("key"), one.Text("as")};
    if (enrichment.as.empty()) enrichment.as = enrichment.lookup;
    if (enrichment.lookup.empty() || enrichment.key.empty())
      reader.Fail(item.at, "enrich: expected {lookup: name, key: field, as: name}");
    else if (!IsLabelName(enrichment.as))
      reader.Fail(item.at, fmt::format("enrich: \"{}\" is no name: letters, digits and '_'",
                                       enrichment.as.substr(0, 40)));
    to->enrich.push_back(std::move(enrichment));
  }
}

// Who looks after the rule is a label like others.
void ParseOwner(const MapReader& reader, Alerting* to) {
  std::string owner = reader.Text("owner");
  if (owner.empty()) return;
  if (owner.size() > kLabelBytesMax)
    return reader.Fail(reader.Find("owner")->at,
                       fmt::format("owner: expected a text of at most {} bytes", kLabelBytesMax));
  for (const auto& [name, value] : to->labels)
    if (name == "owner") return reader.Fail(reader.Find("owner")->at, "owner: is a label already");
  to->labels.emplace_back("owner", std::move(owner));
}

// As long as firings may be held back.
int64_t QuietOf(const Suppression& suppression) {
  const int64_t cooldown_ns = std::max(suppression.cooldown_ns, suppression.cooldown_max_ns);
  return suppression.per_hour_max > 0 ? std::max(cooldown_ns, kHourNs) : cooldown_ns;
}

// As long as a rule can go without firing though what it looks for goes on.
int64_t SilenceOf(const Stateful& rule) {
  if (rule.type == RuleType::kMatch) return 0;
  if (rule.type == RuleType::kSequence || rule.type == RuleType::kAbsence) return rule.within_ns;
  if (rule.type == RuleType::kChange || rule.type == RuleType::kNewTerm) return 0;
  const Window& window = rule.window;
  return window.type == WindowType::kTumbling ? 2 * window.size_ns
                                              : std::max(window.size_ns, window.gap_ns);
}

bool HasMoments(RuleType type) {
  return type == RuleType::kMatch || type == RuleType::kSequence || type == RuleType::kChange ||
         type == RuleType::kNewTerm;
}
bool IsSilentSource(const Stateful& rule) {
  return rule.type == RuleType::kAbsence && rule.steps.empty();
}

// Whether the state of a group tells what holds; of an absence also by an answer that came late.
bool KnowsCondition(const Stateful& rule) {
  if (rule.type == RuleType::kAbsence) return true;
  return !HasMoments(rule.type) && rule.window.type == WindowType::kSliding;
}

}  // namespace

bool IsActionId(std::string_view text) {
  const auto is_inner = [](char c) { return base::IsWordByte(c) || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_inner);
}

Alerting ParseAlerting(const MapReader& rule, std::vector<Problem>* problems) {
  Alerting alerting;
  alerting.for_ns = FindDuration(rule, "for").value_or(0);
  alerting.keep_firing_for_ns = FindDuration(rule, "keep_firing_for").value_or(0);
  alerting.resolve_timeout_ns = FindDuration(rule, "resolve_timeout");
  ParsePeriods(rule, problems, &alerting);
  alerting.group_by = rule.Texts("group_by");
  if (alerting.group_by.size() > kGroupFieldsMax)
    rule.Fail(rule.Find("group_by")->at,
              fmt::format("group_by: more than {} values", kGroupFieldsMax));
  ParseLabels(rule, &alerting);
  ParseOwner(rule, &alerting);
  ParseActions(rule, problems, &alerting);
  ParseEnrich(rule, problems, &alerting);
  return alerting;
}

AlertTiming TimingOf(const Rule& rule) {
  AlertTiming timing;
  timing.for_ns = rule.alerting.for_ns;
  timing.keep_firing_for_ns = rule.alerting.keep_firing_for_ns;
  timing.timeout_ns = rule.alerting.resolve_timeout_ns.value_or(kTimeoutNs);
  timing.is_timeout_given = rule.alerting.resolve_timeout_ns.has_value();
  timing.periods = rule.alerting.periods;
  if (rule.stateful == nullptr) return timing;
  const Stateful& stateful = *rule.stateful;
  if (timing.periods.period_ns == 0) timing.periods.period_ns = stateful.window.size_ns;
  timing.is_of_window = stateful.type != RuleType::kMatch && stateful.type != RuleType::kSequence &&
                        stateful.window.type == WindowType::kTumbling;
  if (KnowsCondition(stateful)) {
    int64_t span_ns = std::max(stateful.window.size_ns, stateful.within_ns);
    if (timing.periods.n > 0) span_ns = std::min(span_ns, timing.periods.period_ns);
    timing.ask_ns = std::clamp<int64_t>(span_ns / 12, base::kNsPerSecond, 30 * base::kNsPerSecond);
  }
  if (timing.is_timeout_given) return timing;
  const bool always_knows =
      timing.ask_ns > 0 && (stateful.type != RuleType::kAbsence || IsSilentSource(stateful));
  timing.timeout_ns =
      always_knows ? 0 : std::max(kTimeoutNs, SilenceOf(stateful)) + QuietOf(stateful.suppression);
  return timing;
}

}  // namespace neurallog::rules
