#include "rules/rule_parser.h"

#include <catch2/catch.hpp>
#include <string>

#include "rules/pattern.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

Parsed ParseOne(const std::string& text, const Lists* lists = nullptr) {
  ParseOptions options;
  options.lists = lists;
  auto parsed = ParseRules(text, options);
  REQUIRE(parsed.size() == 1);
  return std::move(parsed[0]);
}

std::string Problems(const std::string& text) {
  std::string all;
  for (const Problem& problem : ParseOne(text).problems) all += ToString(problem) + "\n";
  return all;
}

// A rule with this detection; its lines begin at line 3.
std::string Sigma(const std::string& detection) {
  return "title: t\nlogsource: {product: windows}\ndetection:\n" + detection;
}

Test OnlyTest(const std::string& item) {
  const Parsed parsed = ParseOne(Sigma("  s: {" + item + "}\n  condition: s\n"));
  for (const Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
  REQUIRE(parsed.rule.has_value());
  REQUIRE(parsed.rule->condition.kind == Expression::Kind::kTest);
  return parsed.rule->condition.test;
}

}  // namespace

TEST_CASE("a Sigma rule keeps what matches must show") {
  const Parsed parsed = ParseOne(
      "title: Whoami\nid: abc\nname: who\nlevel: high\nauthor: A. Person\nlicense: DRL-1.1\n"
      "tags: [attack.t1033]\nlogsource: {product: windows, category: process_creation}\n"
      "detection:\n  s: {Image|endswith: '\\whoami.exe'}\n  condition: s\n");
  REQUIRE(parsed.state() == Parsed::State::kReady);
  CHECK(parsed.rule->id == "abc");
  CHECK(parsed.rule->name == "who");
  CHECK(parsed.rule->severity == Severity::kHigh);
  CHECK(parsed.rule->author == "A. Person");
  CHECK(parsed.rule->license == "DRL-1.1");
  CHECK(parsed.rule->tags == std::vector<std::string>{"attack.t1033"});
  CHECK(ToString(parsed.rule->source) == "windows/process_creation/-");
}

TEST_CASE("each modifier becomes the cheapest test that means the same") {
  CHECK(OnlyTest("f: Value").op == Op::kEqual);
  CHECK(OnlyTest("f: Value").texts == std::vector<std::string>{"value"});
  CHECK(OnlyTest("f|cased: Value").texts == std::vector<std::string>{"Value"});
  CHECK(OnlyTest("f: 'Val*'").op == Op::kPrefix);
  CHECK(OnlyTest("f|startswith: Val").op == Op::kPrefix);
  CHECK(OnlyTest("f|endswith: Val").op == Op::kSuffix);
  CHECK(OnlyTest("f|contains: Val").op == Op::kContains);
  CHECK(OnlyTest("f: '*'").op == Op::kPresent);
  CHECK(OnlyTest("f|contains: ''").op == Op::kPresent);
  CHECK(OnlyTest("f: 'a*b'").op == Op::kGlob);
  CHECK(OnlyTest("f|contains|windash: ' -enc '").op == Op::kGlob);
  CHECK(OnlyTest("f: 'a\\*b'").texts == std::vector<std::string>{"a*b"});
  CHECK(OnlyTest("f: null").op == Op::kNull);
  CHECK(OnlyTest("f: 5").texts == std::vector<std::string>{"5"});
  CHECK(OnlyTest("f|re: 'a+'").op == Op::kRegexp);
  CHECK(OnlyTest("f|re|i: 'a+'").regexps[0]->pattern() == "(?i)a+");
  CHECK(OnlyTest("f|cidr: 10.0.0.0/8").op == Op::kCidr);
  CHECK(OnlyTest("f|gte: 5").number == 5);
  CHECK(OnlyTest("f|hour|gt: 5").part == TimePart::kHour);
  CHECK(OnlyTest("f|exists: true").op == Op::kPresent);
  CHECK(OnlyTest("f|fieldref: g").op == Op::kSameAs);
  CHECK(OnlyTest("f|word: disk").op == Op::kWord);
  CHECK(OnlyTest("f|base64|cased: foobar").texts == std::vector<std::string>{"Zm9vYmFy"});
  CHECK(OnlyTest("f|base64offset|contains|cased: foobar").texts ==
        std::vector<std::string>{"Zm9vYmFy", "Zvb2Jhc", "mb29iYX"});
  CHECK(OnlyTest("f|wide|base64|cased: ab").texts == std::vector<std::string>{"YQBiAA=="});
  CHECK(OnlyTest("f|utf16: a").texts == std::vector<std::string>{std::string("\xff\xfe"
                                                                             "a\0",
                                                                             4)});
}

TEST_CASE("values that are alternatives become one test") {
  CHECK(OnlyTest("f|contains: [b, a, b]").texts == std::vector<std::string>{"a", "b"});
  CHECK(OnlyTest("f|re: [a, b]").regexps.size() == 2);
}

TEST_CASE("every problem of a rule is reported with its line and column") {
  CHECK(Problems(Sigma("  s:\n    a|containz: x\n    b|re: '('\n    c|cidr: nowhere\n"
                       "  condition: s and missing\n")) ==
        "5:7: unknown modifier \"containz\"\n"
        "6:11: regular expression \"(\": missing ): (\n"
        "7:13: \"nowhere\" is no network\n"
        "8:20: no selection is named \"missing\"\n");
}

TEST_CASE("conditions that mean nothing are refused where they go wrong") {
  const auto problem = [](const std::string& condition) {
    return Problems(Sigma("  s: {a: b}\n  _u: {a: c}\n  condition: " + condition + "\n"));
  };
  CHECK(problem("s and") == "6:19: expected a selection, got the end of the condition\n");
  CHECK(problem("(s") == "6:16: expected ')', got the end of the condition\n");
  CHECK(problem("s s") == "6:16: expected 'and' or 'or', got \"s\"\n");
  CHECK(problem("1 of x*") == "6:19: no selection fits \"x*\"\n");
  CHECK(problem("3 of them") == "6:19: 3 of 1 selections\n");
  CHECK(problem("''") == "6:15: an empty condition\n");
  CHECK(problem("s | count() > 5") ==
        "6:16: aggregations behind '|' are not part of Sigma 2; use a correlation\n");
  CHECK(problem("1 of them").empty());
  CHECK(problem("all of *").empty());
}

TEST_CASE("selections without values are refused") {
  for (const char* selection :
       {"{}", "[]", "", "{a: []}", "{a: {b: c}}", "[null]", "{'|all': null}"}) {
    INFO(selection);
    CHECK_FALSE(Problems(Sigma(std::string("  s: ") + selection + "\n  condition: s\n")).empty());
  }
}

TEST_CASE("a placeholder stands for each text of its list") {
  const std::string text = Sigma("  s: {u|contains|expand: 'a%users%z'}\n  condition: s\n");
  const Parsed without = ParseOne(text);
  CHECK(without.state() == Parsed::State::kNeedsLists);
  CHECK(without.missing_lists == std::set<std::string>{"users"});
  const Lists lists{{"users", {"one", "t*o"}}};
  const Parsed with = ParseOne(text, &lists);
  REQUIRE(with.state() == Parsed::State::kReady);
  CHECK(with.rule->condition.test.texts == std::vector<std::string>{"aonez", "at*oz"});
}

TEST_CASE("our own rules are refused for keys that they do not have") {
  CHECK(Problems("name: r\nseverty: high\ndetection: {s: {a: b}, condition: s}\n") ==
        "2:1: unknown key \"severty\"\n");
  const Parsed parsed = ParseOne(
      "{\"name\":\"r\",\"severity\":\"critical\",\"scope\":{\"streams\":[\"app\"]},"
      "\"detection\":{\"s\":{\"message|word\":\"disk\"},\"condition\":\"s\"}}");
  REQUIRE(parsed.state() == Parsed::State::kReady);
  CHECK(parsed.rule->severity == Severity::kCritical);
  CHECK(parsed.rule->condition.children[0].test.field == "source");
}

TEST_CASE("a correlation is read with its bounds, groups and aliases") {
  const Parsed parsed = ParseOne(
      "title: c\ncorrelation:\n  type: value_count\n  rules: [a, b]\n  group-by: [ip]\n"
      "  timespan: 5m\n  aliases: {ip: {a: src, b: dst}}\n"
      "  condition: {field: user, gte: 10, lt: 20}\n");
  for (const Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
  REQUIRE(parsed.correlation.has_value());
  CHECK(parsed.correlation->type == CorrelationType::kValueCount);
  CHECK(parsed.correlation->timespan_ns == 300'000'000'000);
  CHECK(parsed.correlation->bounds.size() == 2);
  CHECK(parsed.correlation->aliases.size() == 2);
  CHECK(Problems("title: c\ncorrelation: {type: count, rules: [a], timespan: soon}\n") ==
        "2:21: type: unknown correlation \"count\"\n"
        "2:50: timespan: expected a time such as 5m, got \"soon\"\n"
        "2:14: condition: is missing\n");
}

TEST_CASE("documents that would grow without bound are refused") {
  std::string nested, bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  nested = std::string(100, '[') + std::string(100, ']');
  CHECK(Problems(nested) == "1:33: nested deeper than 32 levels\n");
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i)
      bomb += std::string(i > 0 ? ", " : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  ParseOptions options;
  options.document.nodes_max = 10'000;
  CHECK(ParseRules(bomb, options)[0].problems[0].message == "more than 10000 values");
  CHECK(Problems("a: 1\na: 2\n") == "2:1: key \"a\" is given twice\n");
}

TEST_CASE("a pattern fits as its pieces say") {
  const auto fits = [](const char* pattern, const char* text) {
    return MatchPattern(ParsePattern(pattern), text);
  };
  CHECK(fits("a*c", "abbc"));
  CHECK(fits("*a*a*", "baab"));
  CHECK_FALSE(fits("*a*a*", "bab"));
  CHECK(fits("a?c",
             "a\xc3\xa4"
             "c"));
  CHECK_FALSE(fits("a?c", "ac"));
  CHECK(fits("*.exe", "x.exe.exe"));
  CHECK(fits("\\\\*", "\\x"));
  CHECK(MatchPattern(SpreadDashes(ParsePattern("* -enc*")), "p /enc"));
  CHECK(MatchPattern(SpreadDashes(ParsePattern("* -enc*")),
                     "p \xe2\x80\x95"
                     "enc"));
  CHECK_FALSE(MatchPattern(SpreadDashes(ParsePattern("*a-enc*")), "a/enc"));
}
