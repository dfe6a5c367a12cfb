// SigmaHQ's own rules. Needs /work/shared/data; passes without a check where that is absent.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "support/json_records.h"
#include "support/naive_rules.h"
#include "support/sigma_data.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

struct Case {
  std::string rule_id;
  std::optional<size_t> expected_matches;
  std::vector<testing::TestRecord> events;
};

std::vector<Case> RegressionCases() {
  const std::string text = testing::SigmaRegression();
  std::vector<Case> cases;
  simdjson::ondemand::parser parser;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const simdjson::padded_string line(std::string_view(text).substr(at, end - at));
    at = end + 1;
    simdjson::ondemand::document document = parser.iterate(line);
    Case one;
    one.rule_id = std::string(std::string_view(document["rule_id"].get_string()));
    simdjson::ondemand::value expected = document["expected_match_count"];
    const bool has_count = !expected.is_null();
    if (has_count) one.expected_matches = expected.get_uint64();
    for (auto event : document["events"].get_array())
      one.events.push_back(
          testing::ParseJsonRecord(std::string_view(simdjson::to_json_string(event.value()))));
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace

// The naive interpreter is asked about the rules of each event's case, and for some events about all
// rules: for every event that takes minutes. Four rules hold in more events than SigmaHQ's tool counts, as
// their values show.
constexpr size_t kEventsPerFullCheck = 120;

TEST_CASE("SigmaHQ's regression events match their rules and no others") {
  std::vector<Node> documents;
  for (const auto& [path, text] : testing::SigmaRules())
    for (Node& document : ParseDocuments(text, {}).documents)
      documents.push_back(std::move(document));
  if (documents.empty()) return;
  const Lists lists;
  std::vector<Rule> rules;
  std::vector<testing::NaiveRule> naive;
  for (const Node& document : documents) {
    Parsed parsed = ParseRule(document, {});
    if (!parsed.rule) continue;
    rules.push_back(std::move(*parsed.rule));
    naive.emplace_back(document, lists);
  }
  std::vector<const Rule*> pointers;
  for (const Rule& rule : rules) pointers.push_back(&rule);
  CompileReport report;
  Matcher matcher(RuleSet::Compile(pointers, {}, {}, &report));
  CHECK(report.left_out.empty());
  CHECK(report.always_evaluated.size() < 50);
  const std::vector<Case> cases = RegressionCases();
  size_t matched = 0, as_counted = 0, events = 0;
  for (const Case& one : cases) {
    const auto batch = testing::MakeBatch(one.events);
    matcher.Bind(*batch);
    size_t matches = 0;
    const auto rows = testing::RowsOf(*batch);
    for (size_t row = 0; row < rows.size(); ++row) {
      const testing::NaiveRecord record(one.events[row], BuiltinPipeline());
      const auto found = matcher.Match(rows[row].row);
      INFO(one.rule_id << " event " << row);
      const bool is_asked_all = events++ % kEventsPerFullCheck == 0;
      for (uint32_t i = 0; i < naive.size(); ++i) {
        if (!is_asked_all && rules[i].id != one.rule_id) continue;
        const bool is_found = std::binary_search(found.begin(), found.end(), i);
        if (is_found != naive[i].Matches(record, BuiltinPipeline())) FAIL(rules[i].id);
      }
      for (const uint32_t rule : found) matches += rules[rule].id == one.rule_id;
    }
    matched += matches >= 1;
    as_counted += !one.expected_matches || matches == *one.expected_matches;
  }
  CHECK(cases.size() == 202);
  CHECK(matched == 202);
  CHECK(as_counted == 198);
}

TEST_CASE("of SigmaHQ's active rules all parse but those whose lists are missing") {
  const auto& files = testing::SigmaRules();
  if (files.empty()) return;
  std::map<Parsed::State, size_t> states;
  Lists lists;
  for (const auto& [path, text] : files) {
    for (const Parsed& parsed : ParseRules(text, {})) {
      ++states[parsed.state()];
      for (const std::string& name : parsed.missing_lists) lists[name] = {"one", "two"};
      for (const Problem& problem : parsed.problems) UNSCOPED_INFO(path + ":" + ToString(problem));
    }
  }
  CHECK(states[Parsed::State::kReady] == 3755);
  CHECK(states[Parsed::State::kNeedsLists] == 25);
  CHECK(states[Parsed::State::kFailed] == 0);
  CHECK(lists.size() == 25);
  for (const auto& [path, text] : files) {
    for (const Parsed& parsed : ParseRules(text, {.lists = &lists})) {
      INFO(path);
      CHECK(parsed.state() == Parsed::State::kReady);
    }
  }
}
