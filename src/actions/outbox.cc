#include "actions/outbox.h"

#include "actions/notice.h"
#include "base/hash.h"

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

bool IsTold(const AlertChange change, const Alert::Told& told) {
  return change == AlertChange::kFired || (change == AlertChange::kResolved && told.send_resolved);
}

}  // namespace

void Outbox::Match(TenantId tenant, const RuleInfo& rule, const detection::MatchId& id,
                   std::string_view json) {
  std::string notice;
  for (const rules::RuleAction& action : rule.alerting.actions) {
    if (static_cast<uint8_t>(rule.severity) < action.severity_min) continue;
    if (!IsToldOfMatches(rule, action)) {
      recent_.try_emplace(id, json);
      continue;
    }
    if (notice.empty())
      notice = MatchNotice(tenant_name_(tenant), rule, id, json, clock_->WallNs());
    Subject subject{tenant, rule.id, "match", ToString(id), 0, false};
    subject.group = HashOf(tenant, action.id, rule.id, "", "rule");
    Make(action.id, subject, notice, &of_matches_);
  }
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

std::vector<std::string> Outbox::MatchesOf(TenantId tenant, const Alert& alert) const {
  std::vector<std::string> matches;
  for (const detection::MatchId& id : alert.last_matches) {
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
    if (!IsTold(transition.change, told)) continue;
    if (notice.empty())
      notice = AlertNotice(tenant_name_(transition.tenant), rule, transition,
                           MatchesOf(transition.tenant, alert), clock_->WallNs());
    Subject subject{transition.tenant, alert.rule_id, "", ToString(alert.id), 0, true};
    subject.event = transition.change == AlertChange::kFired ? "firing" : "resolved";
    subject.group = HashOf(transition.tenant, told.action, alert.rule_id, subject.source, "alert");
    Make(told.action, subject, notice, &of_alerts_);
  }
}

void Outbox::AddTo(const std::vector<detection::AlertTransition>& transitions,
                   const FindRule& find_rule, storage::MetaChange* change) {
  of_alerts_.clear();  // of a write that failed
  for (const detection::AlertTransition& transition : transitions)
    if (!transition.alert.told.empty())
      AddAlert(transition, find_rule(transition.tenant, transition.alert.rule_id));
  for (const auto* made : {&of_matches_, &of_alerts_})
    for (const NewDelivery& one : *made)
      DeliveryStore::AddNew(one.tenant, one.delivery, one.notice, change);
}

void Outbox::Written() {
  recent_.clear();
  of_matches_.insert(of_matches_.end(), std::make_move_iterator(of_alerts_.begin()),
                     std::make_move_iterator(of_alerts_.end()));
  of_alerts_.clear();
  if (of_matches_.empty()) return;
  dispatcher_->Add(std::exchange(of_matches_, {}));
}

}  // namespace neurallog::actions
