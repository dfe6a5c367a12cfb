// Rows as a query would give them, shown to rules by a Backtest.
#include "detection/backtest.h"

#include <catch2/catch.hpp>

#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::detection {
namespace {

using Value = query::RowVisitor::Value;

constexpr int64_t kStart = int64_t{1'750'000'000} * base::kNsPerSecond;

BacktestRules RulesOf(const std::vector<std::string>& documents) {
  std::map<std::string, StoredRule, std::less<>> stored;
  BacktestRules rules;
  for (const std::string& document : documents) {
    const std::string id = "r" + std::to_string(stored.size());
    stored[id].id = id;
    stored[id].document = document;
    rules.ids.push_back(id);
  }
  const rules::Lists lists;
  rules.compiled = CompiledRules::Compile({stored, lists});
  return rules;
}

class Rows {
 public:
  explicit Rows(const std::vector<std::string>& documents, size_t samples = 10)
      : backtest_(TenantId{1}, RulesOf(documents),
                  {.range = {kStart, kStart + base::kNsPerDay}, .samples_max = samples},
                  &base::Clock::System()) {}

  void Tell(int seconds, std::vector<std::string_view> names, std::vector<Value> values) {
    const std::string time = base::FormatRfc3339(kStart + seconds * base::kNsPerSecond);
    names.insert(names.begin(), "_time");
    values.insert(values.begin(), Value{time, ValueType::kString, true});
    backtest_.OnColumns(names);
    backtest_.OnRow(values);
  }
  BacktestReport Finish() {
    backtest_.Finish();
    return backtest_.Report();
  }

 private:
  Backtest backtest_;
};

Value Text(std::string_view text) { return {text, ValueType::kString, true}; }

const std::string kNeedle = "name: n\ndetection: {a: {message: needle}, condition: a}\n";

TEST_CASE("a text that is empty is a value, and a field that is not there is none") {
  Rows rows({"name: n\ndetection: {a: {note|exists: true}, condition: a}\n"});
  rows.Tell(0, {"_msg", "note"}, {Text("a"), Text("")});
  rows.Tell(1, {"_msg", "note"}, {Text("a"), Value()});
  rows.Tell(2, {"_msg"}, {Text("a")});
  const BacktestReport report = rows.Finish();
  REQUIRE(report.rows == 3);
  REQUIRE(report.rules[0].matches == 1);
}

TEST_CASE("matches are counted by the hour, and the first are shown") {
  Rows rows({kNeedle}, /*samples=*/2);
  for (int i = 0; i < 5'000; ++i) rows.Tell(i * 2, {"_msg", "i"}, {Text("needle"), Text("x")});
  const BacktestReport report = rows.Finish();
  const auto& rule = report.rules[0];
  REQUIRE(report.matches == 5'000);
  REQUIRE(rule.buckets.size() == 3);
  REQUIRE(rule.buckets.begin()->first % (3'600 * base::kNsPerSecond) == 0);
  REQUIRE(rule.samples.size() == 2);
  const base::JsonValue match = base::ParseJson(rule.samples[1]).value();
  REQUIRE(match.Find("record")->Find("timestamp")->text() ==
          base::FormatRfc3339(kStart + 2 * base::kNsPerSecond));
}

TEST_CASE("a batch of rows takes no more names than it may hold") {
  Rows rows({kNeedle});
  for (int i = 0; i < 900; ++i) {
    std::vector<std::string> names;
    for (int k = 0; k < 100; ++k) names.push_back("f" + std::to_string(i * 100 + k));
    std::vector<std::string_view> views(names.begin(), names.end());
    std::vector<Value> values(100, Text("x"));
    views.push_back("_msg");
    values.push_back(Text("needle"));
    rows.Tell(i, views, values);
  }
  REQUIRE(rows.Finish().matches == 900);
}

TEST_CASE("what the end of the range ends has fired") {
  Rows rows(
      {"name: t\ntype: threshold\ndetection: {a: {message: needle}, condition: a}\n"
       "window: {type: tumbling, size: 1m}\nthreshold: {lt: 3}\n"});
  for (int i = 0; i < 3; ++i) rows.Tell(i, {"_msg"}, {Text("needle")});
  rows.Tell(70, {"_msg"}, {Text("needle")});
  REQUIRE(rows.Finish().rules[0].matches == 1);
}

}  // namespace
}  // namespace neurallog::detection
