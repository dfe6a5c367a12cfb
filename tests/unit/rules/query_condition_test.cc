// Conditions in LogsQL: as rules they hold for the records that the filter finds. NL_SEED repeats a run.
#include "rules/query_condition.h"

#include <catch2/catch.hpp>

#include "filter/parser.h"
#include "filter/row_view.h"
#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "support/random_queries.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;
using testing::TestRecord;

namespace {

std::vector<bool> Found(const filter::Program& program, const model::RecordBatch& batch) {
  std::vector<bool> found;
  filter::RowView view;
  for (const block::RowRef& row : testing::RowsOf(batch)) {
    view.Reset(batch, row.row);
    found.push_back(program.MatchRecord(view));
  }
  return found;
}

// For each rule the rows that it matches.
std::vector<std::vector<bool>> Matched(const std::vector<Rule>& rules,
                                       const model::RecordBatch& batch, CompileReport* report) {
  std::vector<const Rule*> pointers;
  for (const Rule& rule : rules) pointers.push_back(&rule);
  CompileOptions options;
  options.always_evaluated_max = rules.size();
  Matcher matcher(RuleSet::Compile(pointers, {}, options, report));
  matcher.Bind(batch);
  std::vector<std::vector<bool>> matched(rules.size(), std::vector<bool>(batch.rows()));
  size_t row = 0;
  for (const block::RowRef& at : testing::RowsOf(batch)) {
    for (const uint32_t rule : matcher.Match(at.row)) matched[rule][row] = true;
    ++row;
  }
  return matched;
}

Rule RuleOf(const std::string& query) {
  Rule rule;
  auto condition = ParseQueryCondition(query);
  INFO(query);
  REQUIRE(condition.status().ToString() == "ok");
  rule.condition = std::move(condition).value();
  return rule;
}

std::shared_ptr<const model::RecordBatch> ListRecord(const std::string& list) {
  TestRecord record;
  record.fields = {{"tags", ValueType::kArray, list}};
  return testing::MakeBatch({record});
}

std::string ProblemOf(const std::string& document) {
  const std::vector<Parsed> parsed = ParseRules(document, {});
  REQUIRE(parsed.size() == 1);
  return parsed[0].problems.empty() ? "" : ToString(parsed[0].problems[0]);
}

}  // namespace

TEST_CASE("rules of random filters match the records that the filters find") {
  const uint64_t seed = testing::RandomSeed();
  for (uint64_t round = 0; round < 12; ++round) {
    testing::RandomQueries random(seed + round);
    const auto batch = testing::MakeBatch(random.Records(150));
    std::vector<Rule> rules;
    std::vector<std::string> texts;
    std::vector<std::vector<bool>> expected;
    for (int i = 0; i < 120; ++i) {
      const auto filter = random.Filter();
      const std::string text = ToText(*filter);
      auto condition = ParseQueryCondition(text);
      if (!condition.ok()) continue;  // of searches only
      rules.emplace_back().condition = std::move(condition).value();
      texts.push_back(text);
      expected.push_back(Found(**filter::Program::Compile(*filter, {}), *batch));
    }
    REQUIRE(rules.size() > 60);
    CompileReport report;
    const auto matched = Matched(rules, *batch, &report);
    REQUIRE(report.left_out.empty());
    REQUIRE(report.always_evaluated.size() < rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      CAPTURE(seed, round, texts[i]);
      REQUIRE(matched[i] == expected[i]);
    }
  }
}

TEST_CASE("what stands in lists is found as in searches, with escapes and null") {
  const std::vector<std::string> queries = {
      "tags:nfoo", "tags:u0061bcd",      "tags:null", "tags:*ull*",
      "tags:foo",  "tags:=\"[null,1]\"", "tags:abcd", "tags:\"b\\\",\\\"c\""};
  const std::vector<std::string> lists = {R"(["a\nfoo"])", R"(["\u0061bcd"])", "[null,1]",
                                          R"(["foo"])", R"(["b","c"])"};
  std::vector<Rule> rules;
  for (const std::string& query : queries) rules.push_back(RuleOf(query));
  for (const std::string& list : lists) {
    const auto batch = ListRecord(list);
    CompileReport report;
    const auto matched = Matched(rules, *batch, &report);
    for (size_t i = 0; i < queries.size(); ++i) {
      CAPTURE(list, queries[i]);
      const auto filter = filter::ParseFilter(queries[i]).value();
      REQUIRE(matched[i] == Found(**filter::Program::Compile(*filter, {}), *batch));
    }
  }
}

TEST_CASE("a word that must be there keeps a query from being evaluated for every record") {
  CompileReport report;
  const auto batch = ListRecord("[]");
  Matched({RuleOf("level:error timeout"), RuleOf("source:in(api,gateway) or _msg:\"disk full\"")},
          *batch, &report);
  REQUIRE(report.always_evaluated.empty());
  Matched({RuleOf("!level:error")}, *batch, &report);
  REQUIRE(report.always_evaluated.size() == 1);
}

TEST_CASE("what has no meaning for one record is refused, and where it stands is said") {
  REQUIRE(ProblemOf("name: x\nquery: level:error timeout\n") == "");
  REQUIRE(ProblemOf("name: x\nquery: 'a:in(b | fields c)'\n").find("2:8: query: ") == 0);
  REQUIRE(ProblemOf("name: x\nquery: '_time:5m error'\n") ==
          "2:8: query: a time that depends on now is for searches, not for rules");
  REQUIRE(ProblemOf("name: x\nquery: '_stream:a'\n").find("only stored records have") !=
          std::string::npos);
  REQUIRE(ProblemOf("name: x\nquery: 'a | stats count()'\n").find("2:8: query: 1:3: ") == 0);
  REQUIRE(ProblemOf("name: x\nquery: a\ndetection: {b: {c: d}, condition: b}\n") ==
          "2:8: query: there is a detection already");
  REQUIRE(ProblemOf("title: x\nlogsource: {}\nquery: a\n").find("none of detection") !=
          std::string::npos);
}

TEST_CASE("steps of rules may be queries") {
  REQUIRE(ProblemOf("name: s\ntype: sequence\nsequence:\n  within: 1m\n  steps: [{query: login}, "
                    "{query: 'status:>499'}]\n") == "");
  REQUIRE(ProblemOf("name: s\ntype: percentage\nquery: '*'\nwindow: {size: 1m}\nthreshold: {gt: "
                    "5}\npercentage: {query: level:error}\n") == "");
  REQUIRE(ProblemOf("name: s\ntype: sequence\nsequence:\n  within: 1m\n  steps: [{query: a, rule: "
                    "b}]\n") == "5:11: expected one of detection, query and rule");
}

TEST_CASE("a list in a condition stands for any of its filters") {
  const std::string text =
      "name: x\ndetection:\n  a: {level: error}\n  condition: a and not %noise%\n";
  const Lists lists{{"noise", {"source:probe", "message:\"warm up\""}}, {"bad", {"a | b"}}};
  ParseOptions options;
  options.lists = &lists;
  std::vector<Parsed> parsed = ParseRules(text, options);
  REQUIRE(parsed[0].rule);
  std::vector<TestRecord> records(3);
  for (TestRecord& record : records) record.fields = {{"level", ValueType::kString, "error"}};
  records[1].fields.push_back({"source", ValueType::kString, "probe"});
  records[2].fields.push_back({"message", ValueType::kString, "to warm up"});
  CompileReport report;
  std::vector<Rule> rules;
  rules.push_back(std::move(*parsed[0].rule));
  REQUIRE(Matched(rules, *testing::MakeBatch(records), &report)[0] ==
          std::vector<bool>{true, false, false});
  parsed = ParseRules(text, {});
  REQUIRE(parsed[0].state() == Parsed::State::kNeedsLists);
  REQUIRE(parsed[0].missing_lists == std::set<std::string>{"noise"});
  parsed = ParseRules("name: x\ndetection: {a: {b: c}, condition: a or %bad%}\n", options);
  REQUIRE(ToString(parsed[0].problems.at(0)).find("2:40: %bad%: \"a | b\": 1:3: ") == 0);
}

TEST_CASE("a search is known for conditions that are queries in all their alternatives") {
  const auto search_of = [](const std::string& members) {
    const Lists lists{{"noise", {"source:probe", "took:>5"}}};
    ParseOptions options;
    options.lists = &lists;
    std::vector<Parsed> parsed = ParseRules("name: x\n" + members, options);
    return SearchOf(parsed.at(0).rule.value().condition).value_or("none");
  };
  REQUIRE(search_of("query: b a\n") == search_of("query: a b\n"));
  REQUIRE(search_of("scope: {streams: [s]}\nquery: a\n") == search_of("query: a\n"));
  REQUIRE(search_of("detection: {a: {b: c}, condition: a and %noise%}\n") ==
          "(" + search_of("query: source:probe\n") + ") or (" + search_of("query: took:>5\n") +
              ")");
  REQUIRE(search_of("detection: {a: {b: c}, condition: a or %noise%}\n") == "none");
  REQUIRE(search_of("detection: {a: {b: c}, condition: a and not %noise%}\n") == "none");
}
