// What a rule says about many records: its type, window, bounds and steps. Plain data; made by the
// parser, read by RulePlan and the machines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"
#include "rules/expression.h"

namespace neurallog::rules {

enum class RuleType : uint8_t {
  kMatch,       // each record that matches
  kThreshold,   // the number of records in a window
  kDistinct,    // of different values of fields
  kMetric,      // sum, average, ... of a field
  kSequence,    // steps within a time, in order or not
  kAbsence,     // a record that is not followed by another one, or by none at all
  kChange,      // another value than before
  kNewTerm,     // a value that was not seen for long
  kSpike,       // many times as many records as in the window before
  kPercentage,  // the share of records that also match a second condition
};

enum class Comparison : uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual };

struct Bound {
  Comparison comparison;
  double number;
};
bool HoldAll(const std::vector<Bound>& bounds, double value);

enum class WindowType : uint8_t {
  kSliding,   // the last `size`, in steps of an eleventh: never less, at most one step more
  kTumbling,  // fixed pieces of `size` since 1970
  kSession,   // until no record came for `gap`, or `size` is reached
};

struct Window {
  WindowType type = WindowType::kSliding;
  int64_t size_ns = 0;
  int64_t gap_ns = 0;
  std::vector<std::string>
      group_by;  // records of equal values share a window; a missing one is empty
  bool by_received_time = false;
  int64_t lateness_ns =
      30'000'000'000;             // records so much older than the newest one count for nothing
  uint32_t groups_max = 100'000;  // past it the stalest are let go
};

enum class Aggregate : uint8_t { kSum, kAverage, kMin, kMax, kPercentile };

// Records that a rule waits for: those that match another rule, or a condition of its own.
struct Step {
  std::string rule;  // id or name; empty: `condition`
  Expression condition;
  uint32_t min = 1;
  bool is_not = false;  // none of them may come
};

// Another name of a field for grouping: `field` of records that match `rule`.
struct FieldOfRule {
  std::string name;
  std::string rule;
  std::string field;
};

// Firings of one key are held back for a while after one was let through. All zero: never.
struct Suppression {
  std::vector<std::string> key;  // of group_by; empty: all of it
  int64_t cooldown_ns = 0;
  int64_t cooldown_max_ns = 0;  // more than cooldown: doubles while firings go on, up to this
  uint32_t per_hour_max = 0;

  bool empty() const { return cooldown_ns == 0 && per_hour_max == 0; }
};

struct Stateful {
  RuleType type = RuleType::kMatch;
  Window window;
  std::vector<Bound> bounds;  // all must hold
  // kDistinct, kMetric, kChange, kNewTerm: what is looked at.
  std::vector<std::string> fields;
  Aggregate aggregate = Aggregate::kSum;
  double percentile = 50;
  // Sequence: what is awaited. Percentage: the part. Absence: the answer, none for any record at all.
  // Otherwise rules whose records count in place of the rule's own condition.
  std::vector<Step> steps;
  bool is_ordered = true;
  int64_t within_ns = 0;  // kSequence, kAbsence
  // kPercentage: records in the window; kSpike: in the window before. Fewer say nothing.
  uint64_t min_count = 0;
  uint64_t min_current = 0;  // kSpike: records in the window
  int64_t learn_ns = 0;      // kNewTerm: so long after the first record all is known
  std::vector<FieldOfRule> aliases;
  bool hides_rules = false;  // the rules of the steps do not report their own matches
  Suppression suppression;
  // Of all that the state of the rule depends on; a rule that has it unchanged keeps its state.
  base::Hash128Value fingerprint;
};

// What holds for more records when it holds for some: a window need not end to know.
bool IsMonotone(const Stateful& rule);

// At a limit the rule is refused with a problem.
inline constexpr size_t kGroupFieldsMax = 16;
inline constexpr size_t kStepsMax = 32;
inline constexpr size_t kPositionsMax = 64;  // of a sequence: the sum of its steps' min
inline constexpr int64_t kWindowMaxNs = int64_t{400} * 86'400 * 1'000'000'000;
inline constexpr int64_t kTumblingLatenessMaxNs = int64_t{86'400} * 1'000'000'000;
inline constexpr uint32_t kGroupsMax = 10'000'000;

}  // namespace neurallog::rules
