// The compiled matcher against the naive interpreter: random rules on random records.
#include <catch2/catch.hpp>

#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "support/naive_rules.h"
#include "support/random_rules.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;

TEST_CASE("compiled rules match what the naive interpreter says") {
  const uint64_t seed = testing::RandomSeed();
  INFO("NL_SEED=" << seed);
  testing::RandomRules random(seed);
  const Lists lists{{"list", {"b", "abc", "x_"}}};
  std::string text;
  constexpr size_t kRules = 100;
  for (size_t i = 0; i < kRules; ++i) text += "---\n" + random.Rule(i);
  const Documents documents = ParseDocuments(text, {});
  REQUIRE(documents.problems.empty());
  std::vector<Rule> parsed;
  std::vector<testing::NaiveRule> naive;
  for (const Node& document : documents.documents) {
    Parsed one = ParseRule(document, {.lists = &lists});
    for (const Problem& problem : one.problems) UNSCOPED_INFO(ToString(problem));
    REQUIRE(one.rule.has_value());
    parsed.push_back(std::move(*one.rule));
    naive.emplace_back(document, lists);
  }
  std::vector<const Rule*> pointers;
  for (const Rule& rule : parsed) pointers.push_back(&rule);
  std::vector<testing::TestRecord> records;
  for (size_t i = 0; i < 30; ++i) records.push_back(random.Record());
  const auto batch = testing::MakeBatch(records);

  Statistics statistics;
  for (size_t i = 0; i < 20; ++i)
    statistics.AddRow(*batch, testing::RowsOf(*batch)[i].row, BuiltinPipeline());
  size_t matches = 0;
  for (const Statistics* known :
       {static_cast<const Statistics*>(nullptr), static_cast<const Statistics*>(&statistics)}) {
    CompileReport report;
    CompileOptions options;
    options.statistics = known;
    options.always_evaluated_max = kRules;
    const auto set = RuleSet::Compile(pointers, {}, options, &report);
    REQUIRE(report.left_out.empty());
    Matcher matcher(set);
    matcher.Bind(*batch);
    const auto rows = testing::RowsOf(*batch);
    for (size_t row = 0; row < rows.size(); ++row) {
      const testing::NaiveRecord record(records[row], BuiltinPipeline());
      std::vector<uint32_t> expected;
      for (uint32_t i = 0; i < naive.size(); ++i)
        if (naive[i].Matches(record, BuiltinPipeline())) expected.push_back(i);
      const auto found = matcher.Match(rows[row].row);
      const std::vector<uint32_t> got(found.begin(), found.end());
      for (uint32_t i = 0; i < naive.size(); ++i) {
        const bool in_expected = std::binary_search(expected.begin(), expected.end(), i);
        const bool in_got = std::binary_search(got.begin(), got.end(), i);
        if (in_expected == in_got) continue;
        UNSCOPED_INFO("rule " << i << (in_got ? " matched" : " missed") << " row " << row);
        size_t at = 0;
        for (uint32_t line = 0; line <= i; ++line) at = text.find("{title", at + 1);
        UNSCOPED_INFO(text.substr(at, text.find('\n', at) - at));
        for (const auto& field : records[row].fields) UNSCOPED_INFO(field.name + "=" + field.value);
      }
      REQUIRE(got == expected);
      matches += got.size();
    }
  }
  CHECK(matches > kRules);
}
