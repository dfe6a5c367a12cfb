#include "actions/outbox.h"

#include <fmt/format.h>

#include "actions/notice.h"
#include "base/hash.h"
#include "base/json_value.h"

namespace neurallog::actions {
namespace {

using detection::Alert;
using detection::AlertChange;
using detection::RuleInfo;

uint64_t HashOf(TenantId tenant, std::string_view action, std::string_view rule,
                std::string_view source, std::string_view event) {
  std::string bytes;
  base::AppendLe(&bytes, static_cast<uint32_t>(tenant));
  for (const std::string_view part : {action, rule, source, event})
    base::AppendLengthPrefixed(&bytes, part);
  return base::Hash64(bytes);
}

// What stays the same over the notices of a group.
std::string GroupName(uint64_t hash) { return fmt::format("group_{:016x}", hash); }

std::string RuleIdOf(std::string_view match) {
  const auto json = base::ParseJson(match);
  const base::JsonValue* const id = json.ok() ? json->Find("rule_id") : nullptr;
  return id == nullptr ? std::string() : id->text();
}

constexpr size_t kAlertsWithRecords = 10;  // of a group: the first ones

bool IsTold(const AlertChange change, const Alert::Told& told) {
  return change == AlertChange::kFired || (change == AlertChange::kResolved && told.send_resolved);
}

}  // namespace

void Outbox::Match(TenantId tenant, const RuleInfo& rule, const detection::MatchId& id,
                   std::string_view json) {
  for (const rules::RuleAction& action : rule.alerting.actions) {
    if (static_cast<uint8_t>(rule.severity) < action.severity_min) continue;
    if (IsToldOfMatches(rule, action)) AddMatch(tenant, rule, id, json, action.id);
    else recent_.try_emplace(id, json);
  }
}

void Outbox::AddMatch(TenantId tenant, const RuleInfo& rule, const detection::MatchId& id,
                      std::string_view json, const std::string& action_id) {
  if (const auto action = book_->Find(tenant, action_id)) {
    if (gate_.IsMuted(*action, rule, json)) return;
    if (auto match = NoticeGate::GroupOf(*action, rule, id, json)) {
      recent_.try_emplace(id, json);
      return grouped_.push_back(std::move(*match));
    }
  }
  Subject subject{tenant, rule.id, "match", ToString(id), 0, false};
  subject.group = HashOf(tenant, action_id, rule.id, "", "rule");
  Make(action_id, subject, MatchNotice(tenant_name_(tenant), rule, id, json, clock_->WallNs()),
       &of_matches_);
}

void Outbox::Make(const std::string& action_id, const Subject& subject, const std::string& notice,
                  std::vector<NewDelivery>* to) {
  const auto action = book_->Find(subject.tenant, action_id);
  if (action && !action->enabled && !action->is_disabled_by_us) return metrics_->skipped.Add();
  NewDelivery made;
  made.tenant = subject.tenant;
  made.notice = notice;
  Delivery& delivery = made.delivery;
  const int64_t now_ns = clock_->WallNs();
  last_ns_ = std::max(last_ns_ + 1, now_ns);
  delivery.id = {last_ns_,
                 HashOf(subject.tenant, action_id, subject.rule_id, subject.source, subject.event)};
  delivery.action_id = action_id;
  delivery.rule_id = subject.rule_id;
  delivery.event = subject.event;
  delivery.source = subject.source;
  delivery.has_dedup_key = subject.is_alert;
  delivery.due_ns = now_ns;
  const size_t unseen = of_matches_.size() + of_alerts_.size() + 1;
  if (!action) delivery.reason = DeadReason::kNoAction;
  else if (!action->enabled) delivery.reason = DeadReason::kDisabled;
  else if (action->sink == nullptr) delivery.reason = DeadReason::kUnusable;
  else if (!dispatcher_->HasRoom(subject.tenant, unseen)) delivery.reason = DeadReason::kOutboxFull;
  // What is said of one alert is never swapped.
  if (action && (action->is_ordered || subject.is_alert)) delivery.group = subject.group;
  if (delivery.reason != DeadReason::kNone) {
    delivery.state = DeliveryState::kDead;
    delivery.ended_ns = now_ns;
  }
  to->push_back(std::move(made));
}

std::vector<std::string> Outbox::MatchesOf(TenantId tenant,
                                           const std::vector<detection::MatchId>& ids) const {
  std::vector<std::string> matches;
  for (const detection::MatchId& id : ids) {
    if (const auto recent = recent_.find(id); recent != recent_.end())
      matches.push_back(recent->second);
    else if (auto stored = matches_->Get(tenant, id); stored.ok())
      matches.push_back(std::move(*stored));
  }
  return matches;
}

void Outbox::AddAlert(const detection::AlertTransition& transition, const RuleInfo* rule) {
  const Alert& alert = transition.alert;
  std::string notice;
  for (const Alert::Told& told : alert.told) {
    if (transition.change != AlertChange::kFired && transition.change != AlertChange::kResolved)
      continue;
    const auto action = book_->Find(transition.tenant, told.action);
    if (gate_.Takes(transition, told, action.get()) || !IsTold(transition.change, told)) continue;
    if (notice.empty())
      notice = AlertNotice(tenant_name_(transition.tenant), rule, transition,
                           MatchesOf(transition.tenant, alert.last_matches), clock_->WallNs());
    Subject subject{transition.tenant, alert.rule_id, "", ToString(alert.id), 0, true};
    subject.event = transition.change == AlertChange::kFired ? "firing" : "resolved";
    subject.group = HashOf(transition.tenant, told.action, alert.rule_id, subject.source, "alert");
    Make(told.action, subject, notice, &of_alerts_);
  }
}

void Outbox::AddAlone(const NoticeGate::GroupedMatch& match, const detection::Findings& findings) {
  const RuleInfo* const rule = findings.find_rule(match.key.tenant, match.rule_id);
  const auto json = recent_.find(match.id);
  if (rule == nullptr || json == recent_.end()) return;
  const Subject subject{match.key.tenant, match.rule_id, "match", ToString(match.id), 0, false};
  Make(match.key.action, subject,
       MatchNotice(tenant_name_(match.key.tenant), *rule, match.id, json->second, clock_->WallNs()),
       &of_alerts_);
}

GroupNoticeOf Outbox::NoticeOf(const GroupTelling& telling) const {
  GroupNoticeOf of;
  of.tenant = tenant_name_(telling.key.tenant);
  of.by = telling.by;
  of.items_max = telling.items_max;
  return of;
}

void Outbox::AddGroupOfAlerts(const GroupTelling& telling, const detection::Findings& findings) {
  const TenantId tenant = telling.key.tenant;
  GroupNoticeOf of = NoticeOf(telling);
  of.firing = telling.firing;
  for (const Alert& alert : telling.alerts) {
    of.alerts.push_back({findings.find_rule(tenant, alert.rule_id), alert});
    of.matches_total += alert.matches;
    if (of.alerts.size() > kAlertsWithRecords) continue;
    for (std::string& match : MatchesOf(tenant, alert.last_matches))
      of.matches.push_back(std::move(match));
  }
  const Alert& first = telling.alerts[0];
  Subject subject{tenant, first.rule_id, "", GroupName(telling.key.hash), telling.key.hash, true};
  subject.event = telling.firing > 0 ? "firing" : "resolved";
  if (telling.is_single) subject.source = ToString(first.id);
  Make(telling.key.action, subject, GroupNotice(of, clock_->WallNs()), &of_alerts_);
}

void Outbox::AddGroupOfMatches(const GroupTelling& telling, const detection::Findings& findings) {
  const TenantId tenant = telling.key.tenant;
  GroupNoticeOf of = NoticeOf(telling);
  of.matches = MatchesOf(tenant, telling.matches);
  of.matches_total = telling.matches_total;
  const std::string rule_id = of.matches.empty() ? std::string() : RuleIdOf(of.matches[0]);
  of.rule = findings.find_rule(tenant, rule_id);
  const Subject subject{tenant,           rule_id, "match", GroupName(telling.key.hash),
                        telling.key.hash, false};
  Make(telling.key.action, subject, GroupNotice(of, clock_->WallNs()), &of_alerts_);
}

void Outbox::AddTo(const detection::Findings& findings, storage::MetaChange* change) {
  of_alerts_.clear();  // of a write that failed
  gate_.Begin(findings);
  for (const detection::AlertTransition& transition : findings.transitions)
    if (!transition.alert.told.empty())
      AddAlert(transition, findings.find_rule(transition.tenant, transition.alert.rule_id));
  for (const NoticeGate::GroupedMatch& match : grouped_)
    if (!gate_.Takes(match)) AddAlone(match, findings);
  for (const GroupTelling& telling : gate_.TellDue()) {
    if (!telling.alerts.empty()) AddGroupOfAlerts(telling, findings);
    if (telling.matches_total > 0) AddGroupOfMatches(telling, findings);
  }
  gate_.AddTo(change);
  for (const auto* made : {&of_matches_, &of_alerts_})
    for (const NewDelivery& one : *made)
      DeliveryStore::AddNew(one.tenant, one.delivery, one.notice, change);
}

void Outbox::Written() {
  gate_.Written();
  recent_.clear();
  grouped_.clear();
  of_matches_.insert(of_matches_.end(), std::make_move_iterator(of_alerts_.begin()),
                     std::make_move_iterator(of_alerts_.end()));
  of_alerts_.clear();
  if (of_matches_.empty()) return;
  dispatcher_->Add(std::exchange(of_matches_, {}));
}

}  // namespace neurallog::actions
