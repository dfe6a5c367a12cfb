// The state of a tenant's rules over many records: counts in windows, sequences, what is awaited.
//
//   RuleState state(plan);
//   state.Bind(*batch);
//   for (...) state.Observe(matcher.Match(row), row, row_id, received_ns, &firings);
//   state.Advance(now_ns, &firings);            // now and then: what did not come by now
//
// Of many groups each row needs some that are in no cache. Rows that are expected together wait for them together; at a
// million groups a row costs a third then (window_bench):
//
//   for (...) {
//     state.Expect(matcher.Match(row), row, row_id, received_ns);
//     if (state.is_full()) while (state.expects()) state.Observe(&firings);      // the first of them
//   }
//   while (state.expects()) state.Observe(&firings);
//
// Every match of the set goes in and every firing comes out, also of rules of type match. What comes out
// depends on the sequence of calls and nothing else: not on the borders of batches, nor on Encode and Decode
// between them. For a replay to fire the same again, Advance is called with times that a replay knows too,
// such as the time of arrival of each batch before its rows.
//
// Time is each rule's own: the newest of its records, which goes on with the wall clock while none come.
// A record from more than ten minutes after its arrival, or from before 1970, counts as of its arrival.
// Not thread-safe; one per tenant, and the batch that was bound outlives its rows' Observe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/record_batch.h"
#include "neurallog/status.h"
#include "rules/firing.h"
#include "rules/machine.h"
#include "rules/row_fields.h"
#include "rules/rule_clock.h"
#include "rules/rule_plan.h"
#include "rules/suppressor.h"

namespace neurallog::rules {

struct RuleStateOptions {
  size_t groups_max =
      1'000'000;  // of all rules; past it the rule with the most lets its stalest go
};

class RuleState {
 public:
  explicit RuleState(std::shared_ptr<const RulePlan> plan, RuleStateOptions options = {});

  // Rows that are expected are forgotten.
  void Bind(const model::RecordBatch& batch);
  // `inputs` match the row (Matcher::Match), in ascending order; empty ones cost nothing. `row_id` is not 0 and
  // greater than those before it. Firings are added, in an order that is part of the result.
  void Observe(std::span<const uint32_t> inputs, const char* row, uint64_t row_id,
               int64_t received_ns, std::vector<Firing>* firings);
  // The same in two steps: rows are observed as they were expected, all of them before others are expected.
  void Expect(std::span<const uint32_t> inputs, const char* row, uint64_t row_id,
              int64_t received_ns);
  struct ExpectedRow {
    const char* row;
    uint64_t row_id;
  };
  ExpectedRow Observe(std::vector<Firing>* firings);  // which one it was
  bool expects() const { return next_row_ < rows_.size(); }
  bool is_full() const { return told_.size() >= kToldMax || rows_.size() >= kToldMax; }
  void Advance(int64_t now_ns, std::vector<Firing>* firings);

  // Of a group that has fired: Firing::key.
  Condition ConditionOf(uint32_t rule, const base::Hash128Value& key) {
    Machine* const machine = machines_[rule].get();
    return machine != nullptr ? machine->ConditionOf(key) : Condition::kUnknown;
  }

  // For somebody who looks at a rule with state: how far a group has come, and a call for each record, or firing of
  // another rule, that one is told of.
  std::optional<Progress> ProgressOf(uint32_t rule, const base::Hash128Value& key) {
    return machines_[rule]->ProgressOf(key);
  }
  using OnTold = std::function<void(uint32_t rule, const Observation& told)>;
  void Watch(OnTold on_told) { on_told_ = std::move(on_told); }

  // Lets the stalest groups of the rule with the most go.
  void Evict();

  // Takes over the state of rules that both have unchanged; `previous` is of no use afterwards.
  void Adopt(RuleState* previous);
  // Whether something may fire though no record comes; the second of what Encode made.
  bool waits() const;
  static bool Waits(std::string_view encoded);
  // docs/formats/rule_state.md. Rules that the plan does not have as they were begin anew.
  std::string Encode() const;
  // On an error the state is as new.
  Status Decode(std::string_view bytes);

  // Of a rule with state; zeros for others.
  struct Counts {
    uint64_t groups = 0;
    uint64_t evicted = 0;     // groups that were let go while they were of use
    uint64_t late = 0;        // records that came too late
    uint64_t suppressed = 0;  // firings that were held back
  };
  Counts counts(uint32_t rule) const;
  size_t groups() const { return groups_; }
  size_t memory_bytes() const;
  const RulePlan& plan() const { return *plan_; }

 private:
  // So many observations of expected rows are enough to wait for together (window_bench).
  static constexpr size_t kToldMax = 32;

  // What a row tells a rule; feeds of one rule and key become one observation.
  struct Told {
    explicit Told(const RulePlan::Feed* of) : feed(of) { observation.steps = of->steps; }
    const RulePlan::Feed* feed;
    Observation observation;
  };
  struct Row {
    const char* row;
    uint64_t row_id;
    int64_t received_ns;
    size_t reports_end;  // in reports_
    size_t told_end;     // in told_
  };
  class TextOfRow;

  void Reset();
  void ForgetRows();
  void Load(const char* row);
  void ReportMatches(const Row& row);
  void CollectFeeds(std::span<const uint32_t> inputs, const Observation& observation);
  void MergeFeeds(size_t first);
  void SetKey(const std::vector<uint32_t>& keys);
  void SetValue(const std::vector<uint32_t>& values, Observation* observation);
  void FetchGroups();
  void Tell(uint32_t rule, const Observation& observation, std::vector<Firing>* fired);
  void TellFiring(const RulePlan::Feed& feed, const Firing& firing, int64_t received_ns,
                  std::vector<Firing>* fired);
  // To other rules, and those that are reported to `to`.
  void PassOn(std::vector<Firing> fired, int64_t received_ns, std::vector<Firing>* to);
  bool Admits(const Firing& firing);
  Status DecodeRules(base::ByteReader* reader);

  const std::shared_ptr<const RulePlan> plan_;
  const RuleStateOptions options_;
  RowFields fields_;
  std::vector<std::unique_ptr<Machine>> machines_;        // by rule; none: without state
  std::vector<std::unique_ptr<Suppressor>> suppressors_;  // by rule; none: nothing is held back
  size_t groups_ = 0;
  OnTold on_told_;

  // Rows that are expected, the inputs that report them and what they tell; of each the next to be observed.
  std::vector<Row> rows_;
  std::vector<uint32_t> reports_;
  std::vector<Told> told_;
  size_t next_row_ = 0;
  size_t next_report_ = 0;
  size_t next_told_ = 0;
  const char* loaded_ = nullptr;  // the row whose values are in fields_

  // Of one call.
  std::vector<Firing> fired_;
  std::string key_text_;
  std::string value_text_;
};

}  // namespace neurallog::rules
