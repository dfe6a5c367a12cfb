// The alerts of one tenant that are not resolved: the state machine of alert.h.
//
//   book.Match(rules, firing, match_id, received_ns, ask);     // transitions come out in order
//   book.Advance(now_ns, ask);                                  // what follows from the passing of time
//   book.AddTo(&change);  ... written ...  book.Written();
//
// The timers run by each rule's clock: the time of its matches, which goes on as on the wall while none come. The
// clock is written with the alerts, so that a restart goes on with it. Nothing is read from the wall here.
//
// transitions() and changed alerts stay until Written: whoever writes them does so as one with what they follow
// from. Alerts that only go on may be written later than that, if their matches are told again after a crash (Retell).
// At AlertLimits a match makes no alert, which is counted. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "detection/alert_metrics.h"
#include "detection/compiled_rules.h"
#include "detection/options.h"
#include "rules/machine.h"
#include "rules/timer_queue.h"
#include "storage/store.h"

namespace neurallog::detection {

// What somebody wants of an alert.
struct AlertOrder {
  enum class Kind : uint8_t { kAcknowledge, kUnacknowledge, kResolve };
  Kind kind;
  AlertNote note;
};

class AlertBook {
 public:
  // What the state of a rule of the plan says of a group.
  using Ask = std::function<rules::Condition(uint32_t rule, const base::Hash128Value& key)>;

  AlertBook(TenantId tenant, const AlertLimits& limits, AlertMetrics* metrics);
  ~AlertBook();
  AlertBook(const AlertBook&) = delete;
  AlertBook& operator=(const AlertBook&) = delete;

  // An alert that was written and is not resolved; before SetRules.
  void Restore(Alert alert);
  // From now on these are the rules; null: none. Alerts of rules that do not run are resolved, and those of rules
  // the state of which begins anew.
  void SetRules(const CompiledRules* rules, int64_t wall_ns);

  // `firing`, of one of the rules that were set, became this match of the record `at`, or of the passing of time;
  // `enriched` is added to the labels of a new alert.
  void Match(const CompiledRules& rules, const rules::Firing& firing, const MatchId& match,
             std::optional<storage::LogPosition> at, int64_t received_ns, const Ask& ask,
             const MatchTexts& enriched = {});
  // The same of a record that was seen before the start: for an alert that was restored as of before it.
  void Retell(const CompiledRules& rules, const rules::Firing& firing, const MatchId& match,
              storage::LogPosition at, int64_t received_ns);
  // Does nothing within a second of the last time.
  void Advance(int64_t wall_ns, const Ask& ask);
  // NotFound when the alert is not here; Conflict when its state does not allow that.
  Status Obey(const AlertId& id, const AlertOrder& order);

  bool is_changed() const { return !changed_.empty(); }
  // Something has happened to an alert since Written.
  bool is_urgent() const { return urgent_ > 0; }
  // Alerts that have only gone on since.
  size_t going_on() const { return changed_.size() - urgent_; }
  // In the order in which they came to be, since Written.
  const std::vector<AlertTransition>& transitions() const { return transitions_; }
  // Those that only go on: if `with_going_on`.
  void AddTo(bool with_going_on, storage::MetaChange* change);
  // How many have been resolved since Written.
  size_t resolved() const;
  // What AddTo has added.
  void Written();

  size_t size() const { return size_; }
  // Those that are firing or acknowledged.
  void VisitFiring(const std::function<void(const Alert&)>& visit) const;

 private:
  using Key = base::Hash128Value;
  struct KeyHash {
    size_t operator()(const Key& key) const { return key.low; }
  };
  struct Entry {
    Alert alert;
    int64_t timer_ns = -1;  // the deadline that is in the rule's timers; -1: none
    bool is_changed = false;
    bool is_urgent = false;  // and more than going on
    bool is_lapsed = false;
    storage::LogPosition restored;  // as `seen` was then
  };
  // The alerts of one rule.
  struct OfRule {
    uint32_t place = 0;  // in the plan
    rules::AlertTiming timing;
    std::optional<base::Hash128Value> fingerprint;  // of the rule's state; none: it was not set yet
    rules::RuleClock clock{false, 0};
    rules::RuleClock retold{false, 0};  // as it was when what is retold happened
    rules::TimerQueue timers;
    std::unordered_map<Key, std::unique_ptr<Entry>, KeyHash> entries;
  };

  OfRule* RuleOf(const CompiledRules& rules, uint32_t place);
  static void SetRule(const CompiledRules& rules, uint32_t place, OfRule* of);
  void ResolveAll(OfRule* of, AlertEnd end, int64_t wall_ns);
  // Null: there is no room.
  Entry* Open(OfRule* of, const RuleInfo& rule, const std::vector<std::string>& group_fields,
              const rules::Firing& firing, const MatchId& match);
  void Update(const OfRule& of, const RuleInfo& rule, const rules::Firing& firing,
              const MatchId& match, const MatchTexts& enriched, Entry* entry);
  void RunTimers(OfRule* of, const Ask& ask);
  void Check(OfRule* of, Entry* entry, const Ask& ask);
  // The same for rules whose alerts need some of the last periods.
  void CheckPeriods(OfRule* of, Entry* entry, rules::Condition condition);
  // Something was found at this time; the alert may fire. False: in this period something was found before.
  bool AddBreach(const OfRule& of, int64_t time_ns, Entry* entry);
  // Those of the last periods that still count are the next alert's, which has no match yet.
  void Reopen(OfRule* of, Alert alert);
  Entry* Insert(OfRule* of, Alert alert);
  void SetTimer(OfRule* of, Entry* entry, int64_t deadline_ns);
  void Resolve(OfRule* of, Entry* entry, AlertEnd end, int64_t at_ns, int64_t wall_ns);
  void Remove(OfRule* of, Entry* entry);
  Status Obey(OfRule* of, Entry* entry, const AlertOrder& order);
  void SetState(Entry* entry, AlertState state, AlertChange change, const OfRule& of);
  void MarkChanged(Entry* entry, const OfRule& of);
  void MarkUrgent(Entry* entry, const OfRule& of);
  void Report(AlertChange change, const OfRule& of, Entry* entry);

  const TenantId tenant_;
  const AlertLimits limits_;
  AlertMetrics* const metrics_;
  std::map<std::string, OfRule, std::less<>> rules_;  // those that have alerts, by id
  std::vector<OfRule*> by_place_;  // in the plan; null: has none, or was not asked for yet
  size_t size_ = 0;
  int64_t wall_ns_ = 0;      // of the last Match or Advance
  int64_t advanced_ns_ = 0;  // of the last Advance that did something
  // Since Written.
  std::vector<Entry*> changed_;
  size_t urgent_ = 0;  // of these
  bool adds_going_on_ = false;
  std::vector<std::unique_ptr<Entry>> removed_;
  std::vector<AlertTransition> transitions_;
};

}  // namespace neurallog::detection
