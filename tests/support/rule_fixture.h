// Rules with state, from a text, told of records one at a time.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "rules/rule_state.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kStart = 1'748'736'000 * kSecond;  // 2025-06-01T00:00:00Z

class RuleFixture {
 public:
  explicit RuleFixture(const std::string& text, rules::RuleStateOptions options = {})
      : options_(options) {
    std::vector<rules::Rule> rules;
    std::vector<rules::Correlation> correlations;
    std::vector<rules::Filter> filters;
    for (rules::Parsed& parsed : rules::ParseRules(text, {})) {
      for (const rules::Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
      REQUIRE(parsed.problems.empty());
      if (parsed.rule) rules.push_back(std::move(*parsed.rule));
      if (parsed.correlation) correlations.push_back(std::move(*parsed.correlation));
      if (parsed.filter) filters.push_back(std::move(*parsed.filter));
    }
    plan_ = rules::RulePlan::Make(std::move(rules), correlations, &left_out_);
    std::vector<const rules::Filter*> pointers;
    for (const rules::Filter& filter : filters) pointers.push_back(&filter);
    rules::CompileReport report;
    matcher_ = std::make_unique<rules::Matcher>(
        rules::RuleSet::Compile(plan_->inputs(), pointers, {}, &report));
    REQUIRE(report.left_out.empty());
    state_ = std::make_unique<rules::RuleState>(plan_, options_);
  }

  // A record `at_ns` after kStart, which arrives then unless said otherwise.
  std::vector<rules::Firing> Tell(int64_t at_ns, std::vector<TestField> fields,
                                  int64_t received_ns = -1) {
    TestRecord record;
    record.timestamp_ns = kStart + at_ns;
    record.fields = std::move(fields);
    const auto batch = MakeBatch({record});
    std::vector<rules::Firing> firings;
    matcher_->Bind(*batch);
    state_->Bind(*batch);
    state_->Observe(matcher_->Match(batch->first_row()), batch->first_row(), ++rows_,
                    kStart + (received_ns < 0 ? at_ns : received_ns), &firings);
    return firings;
  }
  std::vector<rules::Firing> Advance(int64_t to_ns) {
    std::vector<rules::Firing> firings;
    state_->Advance(kStart + to_ns, &firings);
    return firings;
  }
  // What a restart does: the state goes through its bytes.
  void Restart() {
    const std::string bytes = state_->Encode();
    state_ = std::make_unique<rules::RuleState>(plan_, options_);
    const Status status = state_->Decode(bytes);
    INFO(status.ToString());
    REQUIRE(status.ok());
    REQUIRE(state_->Encode() == bytes);
  }

  rules::RuleState& state() { return *state_; }
  const rules::RulePlan& plan() const { return *plan_; }
  const std::vector<rules::RulePlan::LeftOut>& left_out() const { return left_out_; }
  uint64_t rows() const { return rows_; }

 private:
  const rules::RuleStateOptions options_;
  std::vector<rules::RulePlan::LeftOut> left_out_;
  std::shared_ptr<const rules::RulePlan> plan_;
  std::unique_ptr<rules::Matcher> matcher_;
  std::unique_ptr<rules::RuleState> state_;
  uint64_t rows_ = 0;
};

}  // namespace neurallog::testing
