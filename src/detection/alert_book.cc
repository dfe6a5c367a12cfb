#include "detection/alert_book.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "detection/follower.h"
#include "storage/keyspace.h"

namespace neurallog::detection {
namespace {

using base::Hash128Value;
using rules::Condition;

// Later than any time, and still not too late to add to.
constexpr int64_t kNever = INT64_MAX - 2 * rules::kWindowMaxNs;
constexpr int64_t kAdvanceNs = base::kNsPerSecond;
constexpr int64_t kGraceMaxNs = 30 * base::kNsPerSecond;  // for what is late
constexpr int64_t kRewriteNs = 60 * base::kNsPerSecond;   // of an alert that only goes on

// Cuts no UTF-8 sequence.
std::string Cut(std::string_view text) {
  size_t bytes = std::min(text.size(), Alert::kTextBytesMax);
  while (bytes < text.size() && bytes > 0 &&
         (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80)
    --bytes;
  return std::string(text.substr(0, bytes));
}

uint64_t FingerprintOf(TenantId tenant, std::string_view rule_id, const base::Hash128Value& key) {
  std::string bytes;
  base::AppendLe(&bytes, static_cast<uint32_t>(tenant));
  base::AppendLengthPrefixed(&bytes, rule_id);
  base::AppendLe(&bytes, key.low);
  base::AppendLe(&bytes, key.high);
  return base::Hash64(bytes);
}

AlertId MakeAlertId(uint64_t fingerprint, const MatchId& match) {
  std::string bytes;
  base::AppendLe(&bytes, fingerprint);
  base::AppendLe(&bytes, match.hash);
  return {match.time_ns, base::Hash64(bytes)};
}

std::string KeyOf(TenantId tenant, const AlertId& id) {
  return storage::Keyspace(tenant, /*generation=*/0).AlertKey(id.time_ns, id.hash);
}

// Of all that alerts depend on: what is another one then begins anew.
base::Hash128Value FingerprintOf(const rules::RulePlan& plan, uint32_t place) {
  const rules::Rule& rule = plan.rules()[place];
  const base::Hash128Value state = rule.stateful ? rule.stateful->fingerprint : Hash128Value();
  std::string text;
  base::AppendLe(&text, state.low);
  base::AppendLe(&text, state.high);
  base::AppendLe(&text, rule.alerting.periods.period_ns);
  for (const std::string& field : plan.group_fields(place))
    base::AppendLengthPrefixed(&text, field);
  return base::Hash128(text);
}

storage::LogPosition BehindRow(storage::LogPosition row) { return {row.lsn, row.row + 1}; }

Status WrongState(const Alert& alert, std::string_view what) {
  return Conflict("alert " + ToString(alert.id) + " is " + std::string(StateName(alert.state)) +
                  ": " + std::string(what));
}

}  // namespace

AlertBook::AlertBook(TenantId tenant, const AlertLimits& limits, AlertMetrics* metrics)
    : tenant_(tenant), limits_(limits), metrics_(metrics) {}

AlertBook::~AlertBook() {
  for (const auto& [id, of] : rules_)
    for (const auto& [key, entry] : of.entries) metrics_->Leave(entry->alert.state);
}

// The rule's clock is that of the alert that was written last. Its first timer is due at once: then it is
// looked at.
void AlertBook::Restore(Alert alert) {
  OfRule& of = rules_[alert.rule_id];
  if (alert.clock.now_ns() > of.clock.now_ns()) of.clock = alert.clock;
  if (of.entries.empty() || alert.clock.now_ns() < of.retold.now_ns()) of.retold = alert.clock;
  const auto [found, is_new] = of.entries.try_emplace(alert.key);
  if (!is_new) return;
  found->second = std::make_unique<Entry>();
  found->second->alert = std::move(alert);
  found->second->restored = found->second->alert.seen;
  SetTimer(&of, found->second.get(), 0);
  metrics_->Enter(found->second->alert.state);
  ++size_;
}

void AlertBook::SetRules(const CompiledRules* rules, int64_t wall_ns) {
  by_place_.clear();
  std::map<std::string_view, uint32_t> places;
  for (uint32_t place = 0; rules != nullptr && place < rules->plan()->rules().size(); ++place)
    if (const RuleInfo& rule = rules->of_firing(place); rule.state == RuleState::kReady)
      places.emplace(rule.id, place);
  for (auto it = rules_.begin(); it != rules_.end();) {
    OfRule& of = it->second;
    const auto found = places.find(it->first);
    if (found == places.end()) {
      ResolveAll(&of, AlertEnd::kRuleGone, wall_ns);
      it = rules_.erase(it);
      continue;
    }
    const auto before = of.fingerprint;
    SetRule(*rules, found->second, &of);
    if (before && *before != *of.fingerprint) ResolveAll(&of, AlertEnd::kRuleChanged, wall_ns);
    ++it;
  }
}

void AlertBook::SetRule(const CompiledRules& rules, uint32_t place, OfRule* of) {
  of->place = place;
  of->timing = rules::TimingOf(rules.plan()->rules()[place]);
  of->fingerprint = FingerprintOf(*rules.plan(), place);
}

void AlertBook::ResolveAll(OfRule* of, AlertEnd end, int64_t wall_ns) {
  while (!of->entries.empty())
    Resolve(of, of->entries.begin()->second.get(), end, of->clock.edge_ns(), wall_ns);
}

AlertBook::OfRule* AlertBook::RuleOf(const CompiledRules& rules, uint32_t place) {
  if (by_place_.empty()) by_place_.resize(rules.plan()->rules().size());
  if (by_place_[place] != nullptr) return by_place_[place];
  const auto [found, is_new] = rules_.try_emplace(rules.of_firing(place).id);
  if (is_new) SetRule(rules, place, &found->second);
  return by_place_[place] = &found->second;
}

void AlertBook::Match(const CompiledRules& rules, const rules::Firing& firing, const MatchId& match,
                      std::optional<storage::LogPosition> at, int64_t received_ns, const Ask& ask,
                      const MatchTexts& enriched) {
  const RuleInfo& rule = rules.of_firing(firing.rule);
  OfRule* const of = RuleOf(rules, firing.rule);
  wall_ns_ = received_ns;
  of->clock.Reach(firing.at_ns, received_ns);
  RunTimers(of, ask);
  const auto found = of->entries.find(firing.key);
  Entry* const entry = found != of->entries.end()
                           ? found->second.get()
                           : Open(of, rule, rules.plan()->group_fields(firing.rule), firing, match);
  if (entry == nullptr) return metrics_->CountDropped();
  Update(*of, rule, firing, match, enriched, entry);
  if (at) entry->alert.seen = BehindRow(*at);
  else MarkUrgent(entry, *of);  // nothing tells it again
}

// What more than going on came of it is written already: alerts begin, and timers run, behind this.
void AlertBook::Retell(const CompiledRules& rules, const rules::Firing& firing,
                       const MatchId& match, storage::LogPosition at, int64_t received_ns) {
  const RuleInfo& rule = rules.of_firing(firing.rule);
  const auto found_rule = rules_.find(rule.id);
  if (found_rule == rules_.end()) return;
  OfRule* const of = &found_rule->second;
  for (rules::RuleClock* const clock : {&of->retold, &of->clock}) {
    clock->Pass(received_ns);
    clock->Reach(firing.at_ns, received_ns);
  }
  const auto found = of->entries.find(firing.key);
  if (found == of->entries.end() || at < found->second->restored) return;
  std::swap(of->clock, of->retold);
  Update(*of, rule, firing, match, {}, found->second.get());
  std::swap(of->clock, of->retold);
  found->second->alert.seen = BehindRow(at);
}

AlertBook::Entry* AlertBook::Open(OfRule* of, const RuleInfo& rule,
                                  const std::vector<std::string>& group_fields,
                                  const rules::Firing& firing, const MatchId& match) {
  if (size_ >= limits_.live_max || of->entries.size() >= limits_.live_per_rule_max) return nullptr;
  Alert alert;
  alert.fingerprint = FingerprintOf(tenant_, rule.id, firing.key);
  alert.id = MakeAlertId(alert.fingerprint, match);
  alert.rule_id = rule.id;
  alert.key = firing.key;
  for (size_t i = 0; i < group_fields.size() && i < firing.group.size(); ++i)
    alert.group.emplace_back(Cut(group_fields[i]), Cut(firing.group[i]));
  alert.start_ns = firing.at_ns;
  alert.since_ns = alert.active_ns = of->clock.edge_ns();
  const bool waits = of->timing.for_ns > 0 || of->timing.periods.n > 0;
  alert.state = waits ? AlertState::kPending : AlertState::kFiring;
  if (!waits) alert.fired_ns = firing.at_ns;
  return Insert(of, std::move(alert));
}

AlertBook::Entry* AlertBook::Insert(OfRule* of, Alert alert) {
  auto made = std::make_unique<Entry>();
  made->alert = std::move(alert);
  Entry* const entry = made.get();
  of->entries.emplace(entry->alert.key, std::move(made));
  ++size_;
  metrics_->Enter(entry->alert.state);
  SetTimer(of, entry, entry->alert.since_ns + 1);
  return entry;
}

void AlertBook::Update(const OfRule& of, const RuleInfo& rule, const rules::Firing& firing,
                       const MatchId& match, const MatchTexts& enriched, Entry* entry) {
  Alert& alert = entry->alert;
  if (alert.rule_version != rule.version) {
    alert.rule = Cut(rule.name);
    alert.rule_version = rule.version;
    alert.severity = rule.severity;
    alert.labels = rule.alerting.labels;
    for (const auto& [name, text] : enriched) alert.labels.emplace_back(Cut(name), Cut(text));
    alert.told = ToldOfAlerts(rule);
  }
  alert.active_ns = of.clock.edge_ns();
  alert.last_match_ns = std::max(alert.last_match_ns, firing.at_ns);
  if (alert.last_matches.size() == Alert::kMatchesKept)
    alert.last_matches.erase(alert.last_matches.begin());
  alert.last_matches.push_back(match);
  MarkChanged(entry, of);
  if (++alert.matches == 1)
    Report(alert.state == AlertState::kPending ? AlertChange::kPending : AlertChange::kFired, of,
           entry);
  if (of.timing.periods.n > 0)
    AddBreach(of, of.timing.is_of_window ? firing.start_ns : firing.at_ns, entry);
}

void AlertBook::Advance(int64_t wall_ns, const Ask& ask) {
  if (std::abs(wall_ns - advanced_ns_) < kAdvanceNs) return;
  wall_ns_ = advanced_ns_ = wall_ns;
  for (auto it = rules_.begin(); it != rules_.end();) {
    OfRule& of = it->second;
    of.clock.Pass(wall_ns);
    RunTimers(&of, ask);
    if (of.entries.empty() && of.place < by_place_.size()) by_place_[of.place] = nullptr;
    it = of.entries.empty() ? rules_.erase(it) : std::next(it);
  }
}

void AlertBook::RunTimers(OfRule* of, const Ask& ask) {
  const int64_t now_ns = of->clock.edge_ns();
  while (of->timers.is_due(now_ns)) {
    const rules::TimerQueue::Timer timer = of->timers.Pop();
    const auto found = of->entries.find(timer.key);
    if (found != of->entries.end() && found->second->timer_ns == timer.deadline_ns)
      Check(of, found->second.get(), ask);
  }
}

// The alert ends when no match came for the rule's time, or the rule says that it is over; `for` counts until
// then, keep_firing_for from then on.
void AlertBook::Check(OfRule* of, Entry* entry, const Ask& ask) {
  const rules::AlertTiming& timing = of->timing;
  Alert& alert = entry->alert;
  const int64_t now_ns = of->clock.edge_ns();
  const Condition condition = timing.ask_ns > 0 ? ask(of->place, alert.key) : Condition::kUnknown;
  if (timing.periods.n > 0) return CheckPeriods(of, entry, condition);
  if (condition == Condition::kHolds) {
    alert.active_ns = now_ns;
    if (now_ns - alert.clock.now_ns() >= kRewriteNs) MarkUrgent(entry, *of);
  }
  const bool is_cleared = condition == Condition::kEnded && !timing.is_timeout_given;
  const int64_t ends_ns = condition == Condition::kHolds
                              ? kNever
                              : alert.active_ns + (is_cleared ? 0 : timing.timeout_ns);
  const int64_t fires_ns = alert.since_ns + timing.for_ns;
  if (alert.state == AlertState::kPending && fires_ns <= now_ns && fires_ns < ends_ns) {
    alert.fired_ns = fires_ns;
    SetState(entry, AlertState::kFiring, AlertChange::kFired, *of);
  }
  const bool is_pending = alert.state == AlertState::kPending;
  const int64_t over_ns = ends_ns + (is_pending ? 0 : timing.keep_firing_for_ns);
  if (over_ns <= now_ns && is_pending) return Remove(of, entry);
  if (over_ns <= now_ns)
    return Resolve(of, entry, is_cleared ? AlertEnd::kCleared : AlertEnd::kQuiet, over_ns,
                   wall_ns_);
  int64_t next_ns = is_pending ? std::min(fires_ns, over_ns) : over_ns;
  if (timing.ask_ns > 0) next_ns = std::min(next_ns, now_ns + timing.ask_ns);
  SetTimer(of, entry, next_ns);
}

bool AlertBook::AddBreach(const OfRule& of, int64_t time_ns, Entry* entry) {
  const rules::PeriodsNeeded& needed = of.timing.periods;
  Alert& alert = entry->alert;
  alert.periods = needed.m;
  const bool is_new = alert.breaches.Add(time_ns / needed.period_ns);
  if (is_new) MarkChanged(entry, of);
  if (alert.state == AlertState::kPending &&
      alert.breaches.Count(alert.breaches.newest(), needed.m) >= needed.n) {
    alert.fired_ns = std::max(time_ns, alert.last_match_ns);
    SetState(entry, AlertState::kFiring, AlertChange::kFired, of);
  }
  return is_new;
}

// A period says nothing before it is over, and a grace for what is late, unless something was found in it. The
// alert ends with the first one as of which too few of the last do: none of them, if it does not fire yet.
void AlertBook::CheckPeriods(OfRule* of, Entry* entry, Condition condition) {
  const rules::PeriodsNeeded& needed = of->timing.periods;
  Alert& alert = entry->alert;
  const int64_t now_ns = of->clock.edge_ns();
  if (condition == Condition::kHolds && AddBreach(*of, now_ns, entry)) MarkUrgent(entry, *of);
  const bool is_pending = alert.state == AlertState::kPending;
  int64_t last = alert.breaches.newest();
  while (alert.breaches.Count(last, needed.m) >= (is_pending ? 1 : needed.n)) ++last;
  const int64_t over_ns =
      (last + 1) * needed.period_ns + (is_pending ? 0 : of->timing.keep_firing_for_ns);
  int64_t next_ns = over_ns + std::min(needed.period_ns / 10, kGraceMaxNs);
  if (next_ns <= now_ns && is_pending) return Remove(of, entry);
  if (next_ns <= now_ns) {
    Alert next = alert;
    next.breaches.ForgetBefore(last + 1 - needed.m);
    Resolve(of, entry, AlertEnd::kCleared, over_ns, wall_ns_);
    if (next.breaches.Count(last, needed.m) > 0) Reopen(of, std::move(next));
    return;
  }
  if (of->timing.ask_ns > 0) next_ns = std::min(next_ns, now_ns + of->timing.ask_ns);
  SetTimer(of, entry, next_ns);
}

void AlertBook::Reopen(OfRule* of, Alert alert) {
  alert.id = MakeAlertId(alert.fingerprint, {alert.last_match_ns, alert.id.hash});
  alert.state = AlertState::kPending;
  alert.start_ns = alert.last_match_ns;
  alert.since_ns = alert.active_ns = of->clock.edge_ns();
  alert.fired_ns = 0;
  alert.matches = 0;
  alert.last_matches.clear();
  alert.acknowledged.reset();
  MarkUrgent(Insert(of, std::move(alert)), *of);
}

void AlertBook::SetTimer(OfRule* of, Entry* entry, int64_t deadline_ns) {
  entry->timer_ns = deadline_ns;
  of->timers.Push(deadline_ns, entry->alert.key);
}

void AlertBook::Resolve(OfRule* of, Entry* entry, AlertEnd end, int64_t at_ns, int64_t wall_ns) {
  Alert& alert = entry->alert;
  if (alert.state == AlertState::kPending && end != AlertEnd::kUser) return Remove(of, entry);
  alert.end = end;
  alert.resolved_ns = std::max(at_ns, alert.last_match_ns);
  alert.ended_ns = wall_ns;
  SetState(entry, AlertState::kResolved, AlertChange::kResolved, *of);
  Remove(of, entry);
}

// What is left is to be written, as resolved or not at all.
void AlertBook::Remove(OfRule* of, Entry* entry) {
  if (entry->alert.state != AlertState::kResolved) {
    entry->is_lapsed = true;
    Report(AlertChange::kLapsed, *of, entry);
    metrics_->Leave(entry->alert.state);
  }
  const auto found = of->entries.find(entry->alert.key);
  removed_.push_back(std::move(found->second));
  of->entries.erase(found);
  --size_;
}

Status AlertBook::Obey(const AlertId& id, const AlertOrder& order) {
  for (auto& [rule_id, of] : rules_)
    for (auto& [key, entry] : of.entries)
      if (entry->alert.id == id) return Obey(&of, entry.get(), order);
  return NotFound("alert " + ToString(id) + " does not exist");
}

Status AlertBook::Obey(OfRule* of, Entry* entry, const AlertOrder& order) {
  Alert& alert = entry->alert;
  switch (order.kind) {
    case AlertOrder::Kind::kAcknowledge:
      if (alert.state == AlertState::kPending) return WrongState(alert, "it does not fire yet");
      alert.acknowledged = order.note;
      SetState(entry, AlertState::kAcknowledged, AlertChange::kAcknowledged, *of);
      return {};
    case AlertOrder::Kind::kUnacknowledge:
      if (alert.state != AlertState::kAcknowledged) return WrongState(alert, "not acknowledged");
      alert.acknowledged.reset();
      SetState(entry, AlertState::kFiring, AlertChange::kUnacknowledged, *of);
      return {};
    case AlertOrder::Kind::kResolve:
      alert.resolved = order.note;
      Resolve(of, entry, AlertEnd::kUser, of->clock.edge_ns(), order.note.at_ns);
      return {};
  }
  return {};
}

void AlertBook::SetState(Entry* entry, AlertState state, AlertChange change, const OfRule& of) {
  metrics_->Leave(entry->alert.state);
  entry->alert.state = state;
  if (state != AlertState::kResolved) metrics_->Enter(state);
  Report(change, of, entry);
}

void AlertBook::MarkChanged(Entry* entry, const OfRule& of) {
  entry->alert.clock = of.clock;
  if (entry->is_changed) return;
  entry->is_changed = true;
  changed_.push_back(entry);
}

void AlertBook::MarkUrgent(Entry* entry, const OfRule& of) {
  MarkChanged(entry, of);
  if (entry->is_urgent) return;
  entry->is_urgent = true;
  ++urgent_;
}

void AlertBook::Report(AlertChange change, const OfRule& of, Entry* entry) {
  MarkUrgent(entry, of);
  metrics_->Count(change);
  transitions_.push_back({tenant_, change, entry->alert});
}

void AlertBook::AddTo(bool with_going_on, storage::MetaChange* change) {
  adds_going_on_ = with_going_on;
  for (const Entry* entry : changed_) {
    if (!with_going_on && !entry->is_urgent) continue;
    std::string key = KeyOf(tenant_, entry->alert.id);
    if (entry->is_lapsed) change->remove.push_back(std::move(key));
    else change->put.emplace_back(std::move(key), EncodeAlert(entry->alert));
  }
}

size_t AlertBook::resolved() const {
  return static_cast<size_t>(std::count_if(removed_.begin(), removed_.end(),
                                           [](const auto& entry) { return !entry->is_lapsed; }));
}

void AlertBook::VisitFiring(const std::function<void(const Alert&)>& visit) const {
  for (const auto& [rule_id, of] : rules_)
    for (const auto& [key, entry] : of.entries)
      if (entry->alert.state != AlertState::kPending) visit(entry->alert);
}

void AlertBook::Written() {
  std::erase_if(changed_, [this](Entry* entry) {
    if (!adds_going_on_ && !entry->is_urgent) return false;
    entry->is_changed = entry->is_urgent = false;
    return true;
  });
  urgent_ = 0;
  removed_.clear();
  transitions_.clear();
}

}  // namespace neurallog::detection
