// Compiled rules: everything that matching needs and that does not change while it runs.
//
//   CompileReport report;
//   auto set = RuleSet::Compile(rules, filters, {}, &report);
//   Matcher matcher(set);                       // one per thread
//
// Rules are known by their places in the given list. Tests that several rules share exist once. Rules
// of one log source form a group with one index per field; an index watches, for each rule, tests of
// which one must pass for the rule to match, chosen to pass rarely. What is left to do for a record is to
// evaluate the few rules of which such a test fired. Rules without such a test ("always evaluated": only
// negations, null tests and the like) are evaluated for each record of their log source; their number is bounded.
// Immutable; thread-safe; shared by the matchers and whoever swaps in the next one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rules/compiled_test.h"
#include "rules/field_index.h"
#include "rules/pipeline.h"
#include "rules/route_table.h"
#include "rules/rule.h"
#include "rules/statistics.h"

namespace neurallog::rules {

struct CompileOptions {
  const Pipeline* pipeline = nullptr;      // none: BuiltinPipeline()
  const Statistics* statistics = nullptr;  // none: guesses
  bool ignore_sources = false;             // every rule for every record
  size_t always_evaluated_max = 256;       // rules; more are left out and reported
  size_t steps_max = 4'000'000;            // of all programs; rules past it are left out
};

struct CompileReport {
  struct LeftOut {
    uint32_t rule;
    std::string reason;
  };
  std::vector<LeftOut> left_out;
  std::vector<uint32_t> always_evaluated;  // rules
  size_t tests = 0;                        // distinct
  size_t groups = 0;
};

class RuleSet {
 public:
  // One test of a rule's program, and where to go on.
  struct Step {
    uint32_t test;
    int32_t if_true;
    int32_t if_false;
  };
  static constexpr int32_t kMatch = -1;
  static constexpr int32_t kNoMatch = -2;

  // A watched test of a group, and the rules to evaluate when it fires.
  struct Trigger {
    uint32_t test;
    uint32_t first_posting;
    uint32_t postings;
    bool is_exact;
  };
  struct Group {
    std::vector<int32_t> index_of_field;  // -1: none
    std::vector<FieldIndex> indexes;
    int32_t keyword_index = -1;  // of tests of every field
    std::vector<Trigger> triggers;
    std::vector<uint32_t> postings;     // rules
    std::vector<uint32_t> always;       // rules
    std::vector<uint32_t> exact_tests;  // sorted: false unless they fired
  };

  static std::shared_ptr<const RuleSet> Compile(std::span<const Rule* const> rules,
                                                std::span<const Filter* const> filters,
                                                const CompileOptions& options,
                                                CompileReport* report);

  const std::vector<CompiledTest>& tests() const { return tests_; }
  const std::vector<Group>& groups() const { return groups_; }
  const RouteTable& routes() const { return routes_; }
  const std::vector<Step>& steps() const { return steps_; }
  // Of a rule: its first step, kNoMatch when it was left out.
  int32_t entry(uint32_t rule) const { return entries_[rule]; }
  size_t rules() const { return entries_.size(); }
  size_t triggers_max() const { return triggers_max_; }
  size_t memory_bytes() const;

  // What a record's field is to the rules: their fields that it gives a value, always or on routes
  // with a set of aliases.
  struct Binding {
    uint32_t field;
    int32_t aliases;  // RouteTable::kNoAliases: always
  };
  std::vector<Binding> BindingsOf(std::string_view name) const;
  size_t alias_sets() const { return alias_sets_.size(); }
  size_t fields() const { return field_names_.size(); }
  // Some group looks into every value of a record.
  bool needs_all_values() const { return needs_all_values_; }
  // The number of the record's time as a field; CompiledTest::kAnyField when no rule names it.
  uint32_t time_field() const { return time_field_; }

 private:
  friend class RuleCompiler;
  RuleSet() = default;

  Pipeline pipeline_;  // its names, for records to come
  std::map<std::string, uint32_t, std::less<>> field_names_;
  std::vector<std::vector<FieldAlias>> alias_sets_;
  std::vector<CompiledTest> tests_;
  std::vector<Step> steps_;
  std::vector<int32_t> entries_;
  std::vector<Group> groups_;
  RouteTable routes_;
  size_t triggers_max_ = 0;
  bool needs_all_values_ = false;
  uint32_t time_field_ = CompiledTest::kAnyField;
};

}  // namespace neurallog::rules
