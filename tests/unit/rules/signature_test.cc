// What a matcher remembers of rows like ones before, against the naive interpreter and plain counting.
#include <catch2/catch.hpp>

#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "support/naive_rules.h"
#include "support/random_rules.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

std::vector<uint32_t> Found(Matcher* matcher, const char* row) {
  const auto found = matcher->Match(row);
  return {found.begin(), found.end()};
}

std::vector<uint32_t> Expected(const std::vector<testing::NaiveRule>& rules,
                               const testing::TestRecord& record) {
  const testing::NaiveRecord naive(record, BuiltinPipeline());
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < rules.size(); ++i)
    if (rules[i].Matches(naive, BuiltinPipeline())) expected.push_back(i);
  return expected;
}

std::shared_ptr<const RuleSet> Compile(const std::vector<Rule>& rules) {
  std::vector<const Rule*> pointers;
  for (const Rule& rule : rules) pointers.push_back(&rule);
  CompileReport report;
  CompileOptions options;
  options.always_evaluated_max = rules.size();
  return RuleSet::Compile(pointers, {}, options, &report);
}

}  // namespace

TEST_CASE("rows like ones before match what the naive interpreter says") {
  const uint64_t seed = testing::RandomSeed();
  INFO("NL_SEED=" << seed);
  testing::RandomRules random(seed);
  const Lists lists{{"list", {"b", "abc", "x_"}}};
  std::vector<Rule> parsed;
  std::vector<testing::NaiveRule> naive;
  std::string text;
  for (size_t i = 0; i < 60; ++i) text += "---\n" + random.Rule(i);
  const Documents documents = ParseDocuments(text, {});
  for (const Node& document : documents.documents) {
    Parsed one = ParseRule(document, {.lists = &lists});
    REQUIRE(one.rule.has_value());
    parsed.push_back(std::move(*one.rule));
    naive.emplace_back(document, lists);
  }
  // Forty kinds of records; in some the value of `a` or `other` is another one each time.
  std::vector<testing::TestRecord> kinds, records;
  std::vector<std::vector<uint32_t>> of_kind, expected;
  for (size_t i = 0; i < 40; ++i) {
    kinds.push_back(random.Record());
    of_kind.push_back(Expected(naive, kinds.back()));
  }
  constexpr size_t kRows = 3000, kCheckedFrom = 2000;
  for (size_t i = 0; i < kRows; ++i) {
    const size_t kind = random.Below(kinds.size());
    records.push_back(kinds[kind]);
    expected.push_back(of_kind[kind]);
    if (random.Below(2) == 0) continue;
    for (testing::TestField& field : records.back().fields)
      if (field.name == "a" || field.name == "other")
        field = {field.name, ValueType::kString,
                 random.Record().fields.back().value + std::to_string(i)};
    if (i >= kCheckedFrom) expected.back() = Expected(naive, records.back());
  }
  Matcher matcher(Compile(parsed));
  const auto batch = testing::MakeBatch(records);
  matcher.Bind(*batch);
  size_t matches = 0;
  const auto rows = testing::RowsOf(*batch);
  for (size_t i = 0; i < kRows; ++i) {
    const std::vector<uint32_t> found = Found(&matcher, rows[i].row);
    if (i < kCheckedFrom) continue;
    INFO("row " << i);
    REQUIRE(found == expected[i]);
    matches += found.size();
  }
  CHECK(matches > kRows / 10);
  CHECK(matcher.signatures() > 1);
}

namespace {

Rule Parse(const std::string& text) {
  auto parsed = ParseRules(text, {});
  REQUIRE(parsed.at(0).rule.has_value());
  return *parsed[0].rule;
}

std::shared_ptr<const model::RecordBatch> Rows(
    size_t count, const std::function<std::vector<testing::TestField>(size_t)>& fields) {
  std::vector<testing::TestRecord> records;
  for (size_t i = 0; i < count; ++i) records.push_back({0, fields(i)});
  return testing::MakeBatch(records);
}

testing::TestField Text(const std::string& name, const std::string& value) {
  return {name, ValueType::kString, value};
}

size_t CountMatches(Matcher* matcher, const model::RecordBatch& batch) {
  matcher->Bind(batch);
  size_t matches = 0;
  const char* row = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    matches += matcher->Match(row).size();
    row = model::RowReader(row).next_row();
  }
  return matches;
}

}  // namespace

TEST_CASE("a rule that looks at steady fields is decided once for all rows of a kind") {
  std::vector<Rule> rules = {
      Parse("{name: a, detection: {s: {level: error, source: web}, condition: s}}"),
      Parse("{name: b, detection: {s: {level: error, n|gt: 500}, condition: s}}")};
  Matcher matcher(Compile(rules));
  const auto batch = Rows(4000, [](size_t i) {
    return std::vector{Text("level", i % 2 == 0 ? "error" : "info"),
                       Text("source", i % 4 == 0 ? "web" : "db"), Text("n", std::to_string(i))};
  });
  CHECK(CountMatches(&matcher, *batch) == 4000 / 4 + (4000 - 501) / 2);
  const uint64_t before = matcher.evaluated();
  CHECK(CountMatches(&matcher, *batch) == 4000 / 4 + (4000 - 501) / 2);
  CHECK(matcher.evaluated() - before < 3000);  // the second rule only, and where its number fits
}

TEST_CASE("too many combinations of steady values are given up, and matches stay right") {
  std::vector<Rule> rules = {
      Parse("{name: a, detection: {s: {a: v7, b: v3}, condition: s}}"),
      Parse("{name: b, detection: {s: {c|contains: v1, d: [v5, v6]}, condition: s}}")};
  Matcher matcher(Compile(rules));
  uint64_t state = 1;
  const auto next = [&state] {
    state = state * 6364136223846793005 + 1442695040888963407;
    return "v" + std::to_string((state >> 33) % 40);
  };
  size_t expected = 0;
  for (int round = 0; round < 12; ++round) {
    const auto batch = Rows(10'000, [&](size_t) {
      const std::string a = next(), b = next(), c = next(), d = next();
      expected += a == "v7" && b == "v3";
      expected += c.starts_with("v1") && (d == "v5" || d == "v6");
      return std::vector{Text("a", a), Text("b", b), Text("c", c), Text("d", d)};
    });
    const size_t found = CountMatches(&matcher, *batch);
    REQUIRE(found == expected);
    expected = 0;
  }
}

TEST_CASE("names with few values are steady, others vary") {
  SteadyNames names;
  names.Add(/*is_of_use=*/true, /*is_forced=*/false);
  names.Add(true, false);
  names.Add(false, false);
  names.Add(true, true);
  CHECK(names.use(2) == SteadyNames::Use::kNone);
  CHECK(names.use(3) == SteadyNames::Use::kSteady);
  size_t learned = 0;
  for (uint32_t i = 0; i < SteadyNames::kLearned; ++i) {
    CHECK(names.is_learning());
    if (names.Learn(0, std::to_string(i % 10))) names.Promote(0), ++learned;
    if (names.Learn(1, std::to_string(i))) ++learned;
  }
  CHECK(learned == 1);
  CHECK_FALSE(names.is_learning());
  CHECK(names.use(0) == SteadyNames::Use::kSteady);
  CHECK(names.use(1) == SteadyNames::Use::kVaried);
  CHECK(names.most_varied() == 0);
  names.Demote(0);
  CHECK(names.most_varied() == SteadyNames::kNoName);
  names.Add(true, false);
  CHECK_FALSE(names.Learn(4, std::string(SteadyNames::kValueBytesMax + 1, 'x')));
  CHECK_FALSE(names.is_learning());
}
