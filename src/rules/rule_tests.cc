#include "rules/rule_tests.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time_format.h"
#include "rules/map_reader.h"
#include "rules/matcher.h"
#include "rules/rule_state.h"

namespace neurallog::rules {
namespace {

constexpr int64_t kStartNs = int64_t{1'735'689'600} * 1'000'000'000;  // 2025-01-01T00:00:00Z
constexpr int64_t kStepNs = 1'000'000'000;

class TestRun {
 public:
  TestRun(std::shared_ptr<const RulePlan> plan, std::shared_ptr<const RuleSet> set, uint32_t rule,
          std::vector<Problem>* problems)
      : state_(std::move(plan)), matcher_(std::move(set)), rule_(rule), problems_(problems) {}

  void Tell(const Node& event) {
    const MapReader reader(event, problems_);
    if (reader.Find("advance") != nullptr) {
      reader.RefuseOthers({"advance"});
      now_ns_ += reader.Duration("advance");
      state_.Advance(now_ns_, &firings_);
    } else {
      TellRecord(event, TimeOf(reader));
    }
  }
  uint64_t Fired() const {
    return static_cast<uint64_t>(
        std::count_if(firings_.begin(), firings_.end(),
                      [&](const Firing& firing) { return firing.rule == rule_; }));
  }

 private:
  int64_t TimeOf(const MapReader& reader) {
    int64_t time_ns = now_ns_ + (rows_ > 0 ? kStepNs : 0);
    if (const Node* const node = reader.Find("_time")) {
      const auto given = base::ParseTimestamp(node->text);
      if (given) time_ns = *given;
      else reader.Fail(node->at, fmt::format("_time: \"{}\" is no time", node->text));
    }
    now_ns_ = std::max(now_ns_, time_ns);
    return time_ns;
  }

  void TellRecord(const Node& event, int64_t time_ns) {
    model::RecordBatchBuilder builder(1024);
    builder.BeginRow();
    for (size_t i = 0; i < event.items.size(); ++i) {
      const Node& value = event.items[i];
      const std::string& name = event.keys[i].text;
      if (value.is_list() || value.is_map())
        problems_->push_back({value.at, fmt::format("{}: expected a value", name)});
      else if (name != "_time")
        builder.AddField(builder.NameId(name),
                         value.is_null() ? ValueType::kNull : ValueType::kString, value.text);
    }
    builder.EndRow(time_ns);
    const auto batch = builder.Finish();
    matcher_.Bind(*batch);
    state_.Bind(*batch);
    state_.Observe(matcher_.Match(batch->first_row()), batch->first_row(), ++rows_, now_ns_,
                   &firings_);
  }

  RuleState state_;
  Matcher matcher_;
  const uint32_t rule_;
  std::vector<Problem>* const problems_;
  std::vector<Firing> firings_;
  int64_t now_ns_ = kStartNs;
  uint64_t rows_ = 0;
};

class TestRunner {
 public:
  explicit TestRunner(RuleTests* to) : to_(to) {}

  void Run(const Documents& documents, const ParseOptions& options) {
    std::vector<Rule> rules;
    std::vector<Correlation> correlations;
    std::vector<Filter> filters;
    std::vector<const Node*> tests;
    for (const Node& document : documents.documents) {
      Parsed parsed = ParseRule(document, options);
      to_->problems.insert(to_->problems.end(), parsed.problems.begin(), parsed.problems.end());
      if (parsed.correlation) correlations.push_back(std::move(*parsed.correlation));
      if (parsed.filter) filters.push_back(std::move(*parsed.filter));
      if (!parsed.rule) continue;
      tests.push_back(document.Find("tests"));
      rules.push_back(std::move(*parsed.rule));
    }
    if (!to_->problems.empty()) return;
    Compile(std::move(rules), correlations, filters);
    if (!to_->problems.empty()) return;
    for (uint32_t rule = 0; rule < tests.size(); ++rule)
      if (tests[rule] != nullptr && !tests[rule]->is_null()) RunTests(*tests[rule], rule);
  }

 private:
  void Compile(std::vector<Rule> rules, const std::vector<Correlation>& correlations,
               const std::vector<Filter>& filters) {
    std::vector<RulePlan::LeftOut> left_out;
    plan_ = RulePlan::Make(std::move(rules), correlations, &left_out);
    for (const RulePlan::LeftOut& one : left_out)
      to_->problems.push_back({{}, plan_->rules()[one.rule].title + ": " + one.reason});
    std::vector<const Filter*> pointers;
    for (const Filter& filter : filters) pointers.push_back(&filter);
    CompileReport report;
    set_ = RuleSet::Compile(plan_->inputs(), pointers, {}, &report);
    for (const CompileReport::LeftOut& one : report.left_out)
      to_->problems.push_back({{}, plan_->inputs()[one.rule]->title + ": " + one.reason});
  }

  void RunTests(const Node& tests, uint32_t rule) {
    if (!tests.is_list()) return to_->problems.push_back({tests.at, "tests: expected a list"});
    for (const Node& test : tests.items) {
      if (test.is_map()) RunTest(test, rule);
      else to_->problems.push_back({test.at, "tests: expected a map"});
    }
  }

  void RunTest(const Node& test, uint32_t rule) {
    const MapReader reader(test, &to_->problems);
    reader.RefuseOthers({"name", "events", "expect"});
    RuleTestResult result{plan_->rules()[rule].title, reader.Text("name"), test.at, 0, 0};
    TestRun run(plan_, set_, rule, &to_->problems);
    const Node* const events = reader.Find("events");
    if (events == nullptr || !events->is_list())
      return reader.Fail(test.at, "events: expected a list");
    for (const Node& event : events->items) {
      if (event.is_map()) run.Tell(event);
      else reader.Fail(event.at, "events: expected a map");
    }
    const Node* const expect = reader.Map("expect");
    if (expect == nullptr) return reader.Fail(test.at, "expect: is missing");
    const MapReader expected(*expect, &to_->problems);
    expected.RefuseOthers({"matches"});
    const auto matches = expected.Number("matches");
    if (!matches || *matches < 0) return reader.Fail(expect->at, "expect: no number of matches");
    result.expected = static_cast<uint64_t>(*matches);
    result.fired = run.Fired();
    to_->results.push_back(std::move(result));
  }

  RuleTests* const to_;
  std::shared_ptr<const RulePlan> plan_;
  std::shared_ptr<const RuleSet> set_;
};

}  // namespace

RuleTests RunRuleTests(std::string_view text, const ParseOptions& options) {
  RuleTests tests;
  const Documents documents = ParseDocuments(text, options.document);
  tests.problems = documents.problems;
  if (tests.problems.empty()) TestRunner(&tests).Run(documents, options);
  return tests;
}

}  // namespace neurallog::rules
