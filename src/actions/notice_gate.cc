#include "actions/notice_gate.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace neurallog::actions {
namespace {

using detection::Alert;
using detection::AlertChange;
using detection::AlertState;
using detection::AlertTransition;

constexpr int64_t kLookNs = 5 * base::kNsPerSecond;  // between looks at an alert that is muted

// The values that a group has in common.
Labels ByOf(const Grouping& grouping, const Labels& labels) {
  Labels by;
  for (const std::string& name : grouping.by)
    by[name] = std::string(LabelOf(labels, name).substr(0, Alert::kTextBytesMax));
  return by;
}

uint64_t HashOf(const Labels& by) {
  std::string bytes;
  for (const auto& [name, value] : by) {
    base::AppendLengthPrefixed(&bytes, name);
    base::AppendLengthPrefixed(&bytes, value);
  }
  return base::Hash64(bytes);
}

uint64_t HashOf(const detection::AlertId& id) { return base::Hash64(ToString(id)); }

void AddMembers(const base::JsonValue* object, Labels* labels) {
  if (object == nullptr) return;
  for (size_t i = 0; i < object->names().size(); ++i)
    labels->emplace(object->names()[i], object->items()[i].text());
}

// A match is known by the fields of its record too.
Labels LabelsOf(const detection::RuleInfo& rule, std::string_view json) {
  Labels labels;
  labels["alertname"] = labels["rule"] = rule.name;
  labels["rule_id"] = rule.id;
  labels["severity"] = SeverityName(rule.severity);
  labels.insert(rule.alerting.labels.begin(), rule.alerting.labels.end());
  const auto match = base::ParseJson(json);
  if (!match.ok()) return labels;
  AddMembers(match->Find("group"), &labels);
  AddMembers(match->Find("enriched"), &labels);
  AddMembers(match->Find("record"), &labels);
  return labels;
}

}  // namespace

Status NoticeGate::Load() {
  NL_RETURN_IF_ERROR(groups_.Load());
  metrics_->groups = static_cast<int64_t>(groups_.size());
  return {};
}

std::optional<NoticeGate::GroupedMatch> NoticeGate::GroupOf(const Action& action,
                                                            const detection::RuleInfo& rule,
                                                            const detection::MatchId& id,
                                                            std::string_view json) {
  if (!action.quiet.grouping || action.quiet.grouping->by_each) return std::nullopt;
  GroupedMatch match{{action.tenant, action.id}, {}, id, rule.id};
  match.by = ByOf(*action.quiet.grouping, LabelsOf(rule, json));
  match.key.hash = HashOf(match.by);
  return match;
}

bool NoticeGate::IsMuted(const Action& action, const detection::RuleInfo& rule,
                         std::string_view json) const {
  const auto rules = noise_->Of(action.tenant);
  if (!rules) return false;
  const int64_t now_ns = clock_->WallNs();
  if (!action.quiet.IsMutedAt(now_ns, rules.get()) &&
      rules->MutedBy(LabelsOf(rule, json), now_ns).empty())
    return false;
  metrics_->muted.Add();
  return true;
}

void NoticeGate::Begin(const detection::Findings& findings) {
  groups_.Begin();
  muted_ = 0;
  findings_ = &findings;
  now_ns_ = clock_->WallNs();
  noise_of_.clear();
  changed_.clear();
  for (const AlertTransition& transition : findings.transitions)
    changed_[{transition.tenant, transition.alert.id}] = &transition.alert;
}

void NoticeGate::Written() {
  groups_.Written();
  metrics_->muted.Add(muted_);
  findings_ = nullptr;
  metrics_->groups = static_cast<int64_t>(groups_.size());
}

bool NoticeGate::IsMuted(const Action& action, const Alert& alert) {
  const auto [found, is_new] = noise_of_.try_emplace(action.tenant);
  OfTenant& of = found->second;
  if (is_new) of.rules = noise_->Of(action.tenant);
  if (!of.rules) return false;
  if (action.quiet.IsMutedAt(now_ns_, of.rules.get())) return true;
  const Labels labels = actions::LabelsOf(alert);
  if (!of.rules->MutedBy(labels, now_ns_).empty()) return true;
  if (!of.inhibitor)
    of.inhibitor.emplace(*of.rules,
                         [&](const auto& visit) { findings_->visit_firing(action.tenant, visit); });
  return !of.inhibitor->InhibitedBy(labels).empty();
}

Result<Alert> NoticeGate::FindAlert(TenantId tenant, const detection::AlertId& id) const {
  if (const auto found = changed_.find({tenant, id}); found != changed_.end())
    return *found->second;
  return findings_->find_alert(tenant, id);
}

bool NoticeGate::Takes(const AlertTransition& transition, const Alert::Told& told,
                       const Action* action) {
  if (action == nullptr) return false;
  return action->quiet.grouping ? TakesGrouped(transition, told, *action)
                                : TakesSingle(transition, told, *action);
}

// What is resolved is seen when the group is due.
bool NoticeGate::TakesGrouped(const AlertTransition& transition, const Alert::Told& told,
                              const Action& action) {
  const Grouping& grouping = *action.quiet.grouping;
  const Alert& alert = transition.alert;
  const Labels by = ByOf(grouping, actions::LabelsOf(alert));
  const GroupKey key{action.tenant, action.id, grouping.by_each ? HashOf(alert.id) : HashOf(by)};
  if (transition.change == AlertChange::kResolved) {
    NoticeGroup* const group = groups_.Find(key);
    return group != nullptr && group->Find(alert.id) != nullptr;
  }
  NoticeGroup* const group = groups_.Open(key, now_ns_ + grouping.wait_ns);
  if (group == nullptr || group->alerts.size() >= NoticeGroup::kAlertsMax) return false;
  group->by = grouping.by_each ? Labels() : by;
  group->alerts.push_back({alert.id, told.send_resolved, false});
  return true;
}

// Past the bound what is muted is not told later either.
bool NoticeGate::TakesSingle(const AlertTransition& transition, const Alert::Told& told,
                             const Action& action) {
  const Alert& alert = transition.alert;
  const bool is_over = transition.change == AlertChange::kResolved;
  const GroupKey key{action.tenant, action.id, HashOf(alert.id)};
  if (is_over && groups_.Find(key) != nullptr) return true;
  if (!IsMuted(action, alert)) return false;
  ++muted_;
  NoticeGroup* const group = groups_.Open(key, now_ns_ + kLookNs);
  if (group == nullptr) return true;
  group->is_single = true;
  group->alerts.push_back({alert.id, told.send_resolved, is_over});
  return true;
}

bool NoticeGate::Takes(const GroupedMatch& match) {
  const auto action = book_->Find(match.key.tenant, match.key.action);
  const Grouping grouping = action && action->quiet.grouping ? *action->quiet.grouping : Grouping();
  NoticeGroup* const group = groups_.Open(match.key, now_ns_ + grouping.wait_ns);
  if (group == nullptr) return false;
  group->by = match.by;
  ++group->matches_total;
  if (group->matches.size() < grouping.items_max) group->matches.push_back(match.id);
  return true;
}

std::vector<GroupTelling> NoticeGate::TellDue() {
  std::vector<GroupTelling> tellings;
  if (!findings_->is_caught_up) return tellings;
  for (const GroupKey& key : groups_.Due(now_ns_))
    if (auto telling = Tell(key, groups_.Find(key))) tellings.push_back(std::move(*telling));
  return tellings;
}

bool NoticeGate::Collect(const GroupKey& key, const Action& action, NoticeGroup* group,
                         GroupTelling* telling) {
  const Grouping* const grouping =
      action.quiet.grouping && !group->is_single ? &*action.quiet.grouping : nullptr;
  bool is_muted = false, is_new = false, is_ignored = true;
  std::vector<Alert> resolved;
  std::erase_if(group->alerts, [&](const NoticeGroup::Member& member) {
    auto alert = FindAlert(key.tenant, member.id);
    if (!alert.ok()) return true;
    const bool is_over = alert->state == AlertState::kResolved;
    if (is_over && (!member.is_told || !member.send_resolved)) return true;
    if (IsMuted(action, *alert)) return !(is_muted = true);
    is_new |= is_over || !member.is_told;
    is_ignored &= is_over || alert->state == AlertState::kAcknowledged;
    (is_over ? resolved : telling->alerts).push_back(std::move(*alert));
    return is_over;
  });
  const bool repeats = grouping != nullptr && grouping->repeat_ns > 0 && !is_ignored &&
                       group->told_ns != 0 && now_ns_ >= group->told_ns + grouping->repeat_ns;
  if (!is_new && !repeats) telling->alerts.clear();
  telling->firing = telling->alerts.size();
  for (const Alert& alert : telling->alerts) group->Find(alert.id)->is_told = true;
  for (Alert& alert : resolved) telling->alerts.push_back(std::move(alert));
  return is_muted;
}

// A group of which matches were told lasts until its next interval, so that it is not told sooner.
std::optional<GroupTelling> NoticeGate::Tell(const GroupKey& key, NoticeGroup* group) {
  const auto action = book_->Find(key.tenant, key.action);
  if (!action) {
    groups_.Remove(key);
    return std::nullopt;
  }
  GroupTelling telling{key, group->is_single, group->by, {}, 0, {}, 0, Grouping().items_max};
  const bool is_muted = Collect(key, *action, group, &telling);
  const bool groups = action->quiet.grouping && !group->is_single;
  if (groups) telling.items_max = action->quiet.grouping->items_max;
  const auto rules = noise_->Of(key.tenant);
  if (!action->quiet.IsMutedAt(now_ns_, rules.get())) {
    telling.matches = std::move(group->matches);
    telling.matches_total = std::exchange(group->matches_total, 0);
    group->matches.clear();
  }
  const bool tells = !telling.alerts.empty() || telling.matches_total > 0;
  if (tells) group->told_ns = now_ns_;
  const bool has_more =
      groups ? !group->alerts.empty() || group->matches_total > 0 || telling.matches_total > 0
             : is_muted || group->matches_total > 0;
  group->due_ns = now_ns_ + (groups ? action->quiet.grouping->interval_ns : kLookNs);
  if (!has_more) groups_.Remove(key);
  if (!tells) return std::nullopt;
  return telling;
}

}  // namespace neurallog::actions
