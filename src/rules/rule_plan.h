// How rules depend on one another: which conditions are matched against each record, and which rules
// with state the records that match are told to.
//
//   std::vector<RulePlan::LeftOut> left_out;
//   auto plan = RulePlan::Make(std::move(rules), correlations, &left_out);
//   auto set = RuleSet::Compile(plan->inputs(), filters, options, &report);   // places are inputs
//   RuleState state(plan);
//
// Inputs are the conditions of rules and of their steps. Sigma's correlations are rules behind the given
// ones. A correlation may count the firings of another one, at most kDepthMax deep. Immutable; thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rules/row_fields.h"
#include "rules/rule.h"

namespace neurallog::rules {

class RulePlan {
 public:
  static constexpr uint32_t kDepthMax = 8;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct LeftOut {
    uint32_t rule;  // its place in rules()
    std::string reason;
  };
  // Rules that are not enabled are left out silently.
  static std::shared_ptr<const RulePlan> Make(std::vector<Rule> rules,
                                              const std::vector<Correlation>& correlations,
                                              std::vector<LeftOut>* left_out);

  // To be compiled, in this order.
  std::span<const Rule* const> inputs() const { return inputs_; }
  const std::vector<Rule>& rules() const { return rules_; }
  // What a firing's group holds the values of.
  const std::vector<std::string>& group_fields(uint32_t rule) const { return group_fields_[rule]; }

  // A rule with state that is told of records or firings.
  struct Feed {
    uint32_t rule;
    uint32_t steps;                  // bits
    std::vector<uint32_t> keys;      // fields() to group by
    std::vector<uint32_t> values;    // and to look at
    std::vector<std::string> names;  // of the keys, for firings of other rules
  };
  // Of an input: whom its records are told to, and the rule that reports them, or kNone.
  struct Input {
    std::vector<Feed> feeds;
    uint32_t reports = kNone;
    std::vector<uint32_t> keys;  // of the rule that reports
  };
  const std::vector<Input>& targets() const { return targets_; }
  // Of a rule: whom its firings are told to, and whether they are reported.
  const std::vector<Feed>& listeners(uint32_t rule) const { return listeners_[rule]; }
  bool reports(uint32_t rule) const { return reports_[rule]; }
  // All that feeds look for in records.
  const std::vector<WantedField>& fields() const { return fields_; }
  size_t memory_bytes() const;  // estimated
  // Rules with a machine.
  const std::vector<uint32_t>& stateful() const { return stateful_; }

 private:
  friend class RulePlanner;
  RulePlan() = default;

  std::vector<Rule> rules_;
  std::vector<std::vector<std::string>> group_fields_;
  std::vector<std::unique_ptr<Rule>> steps_;  // conditions of steps as rules
  std::vector<const Rule*> inputs_;
  std::vector<Input> targets_;
  std::vector<std::vector<Feed>> listeners_;
  std::vector<bool> reports_;
  std::vector<WantedField> fields_;
  std::vector<uint32_t> stateful_;
};

}  // namespace neurallog::rules
