#include "rules/matcher.h"

#include <catch2/catch.hpp>

#include "rules/rule_parser.h"
#include "support/memory_blocks.h"

using namespace neurallog;
using namespace neurallog::rules;
using testing::TestRecord;

namespace {

// Rules from a text, compiled, asked about one record at a time.
class Fixture {
 public:
  explicit Fixture(const std::string& text, CompileOptions options = {}) {
    for (Parsed& parsed : ParseRules(text, {})) {
      for (const Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
      REQUIRE((parsed.rule.has_value() || parsed.filter.has_value()));
      if (parsed.rule) rules_.push_back(std::move(*parsed.rule));
      if (parsed.filter) filters_.push_back(std::move(*parsed.filter));
    }
    std::vector<const Rule*> rules;
    std::vector<const Filter*> filters;
    for (const Rule& rule : rules_) rules.push_back(&rule);
    for (const Filter& filter : filters_) filters.push_back(&filter);
    matcher_ = std::make_unique<Matcher>(RuleSet::Compile(rules, filters, options, &report_));
  }

  std::vector<uint32_t> Match(std::vector<testing::TestField> fields) {
    TestRecord record;
    record.timestamp_ns = 1'748'736'000'000'000'000;  // 2025-06-01T00:00:00Z
    record.fields = std::move(fields);
    const auto batch = testing::MakeBatch({record});
    matcher_->Bind(*batch);
    const auto found = matcher_->Match(batch->first_row());
    return {found.begin(), found.end()};
  }
  const CompileReport& report() const { return report_; }
  const Matcher& matcher() const { return *matcher_; }

 private:
  std::vector<Rule> rules_;
  std::vector<Filter> filters_;
  CompileReport report_;
  std::unique_ptr<Matcher> matcher_;
};

std::string Native(const std::string& detection) {
  return "---\nname: r\ndetection: {" + detection + "}\n";
}

testing::TestField Text(const char* name, const char* value) {
  return {name, ValueType::kString, value};
}

using Rules = std::vector<uint32_t>;

}  // namespace

TEST_CASE("a Windows rule sees only records of its log source, under each of their field names") {
  const std::string sigma =
      "title: t\nlogsource: {product: windows, category: process_creation}\n"
      "detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n";
  Fixture rules(sigma);
  const auto sysmon = Text("Channel", "Microsoft-Windows-Sysmon/Operational");
  CHECK(rules.Match({sysmon, Text("EventID", "1"), Text("Image", "C:\\WhoAmI.exe")}) == Rules{0});
  CHECK(rules.Match({sysmon, Text("EventID", "7"), Text("Image", "C:\\whoami.exe")}).empty());
  CHECK(rules.Match({Text("Image", "C:\\whoami.exe")}).empty());
  CHECK(rules.Match({Text("winlog.channel", "Security"), Text("winlog.event_id", "4688"),
                     Text("winlog.event_data.NewProcessName", "C:\\whoami.exe")}) == Rules{0});
  CHECK(rules.Match({Text("logsource.product", "windows"),
                     Text("logsource.category", "process_creation"),
                     Text("process.executable", "C:\\whoami.exe")}) == Rules{0});
}

TEST_CASE("a list matches by any of its elements, null is no value") {
  Fixture rules(Native("s: {tags: canary}, condition: s") + Native("s: {x: null}, condition: s") +
                Native("s: {x|exists: true}, condition: s"));
  CHECK(rules.Match({{"tags", ValueType::kArray, R"(["prod","can\u0061ry"])"}}) == Rules{0, 1});
  CHECK(rules.Match({{"tags", ValueType::kArray, R"(["prod"])"}, {"x", ValueType::kNull, ""}}) ==
        Rules{1});
  CHECK(rules.Match({Text("x", "")}) == Rules{1, 2});
}

TEST_CASE("keywords are searched in every field, each value by itself") {
  Fixture rules(Native("s: [needle], condition: s") +
                Native("s: {'|all': [one, two]}, condition: s"));
  CHECK(rules.Match({Text("a.b.c", "a Needle here")}) == Rules{0});
  CHECK(rules.Match({Text("a", "one"), Text("b", "two")}) == Rules{1});
  CHECK(rules.Match({Text("a", "nee"), Text("b", "dle")}).empty());
}

TEST_CASE("a filter takes records from the rules that it names") {
  Fixture rules(
      "title: a\nid: one\nlogsource: {}\ndetection: {s: {x: 1}, condition: s}\n---\n"
      "title: b\nid: two\nlogsource: {}\ndetection: {s: {x: 1}, condition: s}\n---\n"
      "title: f\nlogsource: {}\nfilter: {rules: [one], s: {user|startswith: adm_}, condition: "
      "s}\n");
  CHECK(rules.Match({Text("x", "1")}) == Rules{0, 1});
  CHECK(rules.Match({Text("x", "1"), Text("user", "adm_joe")}) == Rules{1});
}

TEST_CASE("the record's own time can be tested") {
  Fixture rules(Native("s: {_time|hour|lt: 6}, condition: s") +
                Native("s: {timestamp|year: 2024}, condition: s"));
  CHECK(rules.Match({}) == Rules{0});
}

TEST_CASE("rules without a test to watch are evaluated always, and their number is bounded") {
  std::string text;
  for (int i = 0; i < 5; ++i)
    text += Native("s: {x: a" + std::to_string(i) + "}, condition: not s");
  CompileOptions options;
  options.always_evaluated_max = 3;
  Fixture rules(text, options);
  CHECK(rules.report().always_evaluated == Rules{0, 1, 2});
  CHECK(rules.report().left_out.size() == 2);
  CHECK(rules.Match({Text("x", "a1")}) == Rules{0, 2});
}

TEST_CASE("a rule with thirty thousand values is one test and one look-up") {
  std::string values;
  for (int i = 0; i < 30'000; ++i) values += (i ? ", v" : "v") + std::to_string(i);
  Fixture rules(Native("s: {x: [" + values + "]}, n: {y: 1}, condition: s and not n"));
  CHECK(rules.report().tests == 2);
  CHECK(rules.Match({Text("x", "V29999")}) == Rules{0});
  CHECK(rules.Match({Text("x", "v30000")}).empty());
  CHECK(rules.matcher().counts(0).evaluated == 1);
}

TEST_CASE("regular expressions that match anything are run, and bounded") {
  Fixture rules(Native("s: {x|re: '.*'}, condition: s") +
                Native("s: {x|re: 'aa.*bb.*cc'}, condition: s"));
  CHECK(rules.report().always_evaluated == Rules{0});
  CHECK(rules.Match({Text("x", "aaXbbXcc")}) == Rules{0, 1});
  std::string alternatives = "a";
  while (alternatives.size() < 5000) alternatives += "|a";
  const auto refused = ParseRules(Native("s: {x|re: '" + alternatives + "'}, condition: s"), {});
  CHECK(refused[0].problems.size() == 1);
  const auto large = ParseRules(Native("s: {x|re: '((a{100}){100}){100}'}, condition: s"), {});
  CHECK(large[0].problems.size() == 1);
}

TEST_CASE("a condition that would unfold without bound is refused") {
  std::string values, condition = "s";
  for (int i = 0; i < 1000; ++i) values += (i ? ", v" : "v") + std::to_string(i);
  for (int i = 0; i < 300; ++i) condition += " or s";
  const auto refused = ParseRules(Native("s: {x: [" + values + "]}, condition: " + condition), {});
  REQUIRE(refused[0].problems.size() == 1);
  CHECK(refused[0].problems[0].message == "the condition uses more than 200000 values");
}
