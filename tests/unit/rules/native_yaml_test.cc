// Sigma's rules as ours: the same conditions.
#include "rules/native_yaml.h"

#include <catch2/catch.hpp>

#include "rules/rule_parser.h"
#include "support/sigma_data.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

bool AreEqual(const Test& a, const Test& b) {
  const auto same = [](const auto& one, const auto& other) {
    return one->pattern() == other->pattern();
  };
  return a.field == b.field && a.op == b.op && a.cased == b.cased && a.part == b.part &&
         a.number == b.number && a.texts == b.texts &&
         std::equal(a.regexps.begin(), a.regexps.end(), b.regexps.begin(), b.regexps.end(), same);
}

bool AreEqual(const Expression& a, const Expression& b) {
  return a.kind == b.kind && a.count == b.count && AreEqual(a.test, b.test) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [](const auto& one, const auto& other) { return AreEqual(one, other); });
}

// Empty: the rule of ours is the same as Sigma's.
std::string Difference(const Node& sigma) {
  Lists any;
  const Parsed names = ParseRule(sigma, {});
  for (const std::string& list : names.missing_lists) any[list] = {"a", "b"};
  ParseOptions options;
  options.lists = &any;
  const auto yaml = ToNativeYaml(sigma);
  if (!yaml.ok()) return yaml.status().ToString();
  const std::vector<Parsed> ours = ParseRules(*yaml, options);
  const Parsed theirs = ParseRule(sigma, options);
  if (ours.size() != 1) return "another number of documents";
  if (!ours[0].problems.empty()) return ToString(ours[0].problems[0]);
  const Rule &a = *ours[0].rule, &b = *theirs.rule;
  if (a.id != b.id || a.title != b.title || a.severity != b.severity || a.source != b.source)
    return "another head";
  if (a.author != b.author || a.tags != b.tags || a.description != b.description ||
      a.references != b.references || a.license != b.license)
    return "another description";
  return AreEqual(a.condition, b.condition) ? "" : "another condition";
}

}  // namespace

TEST_CASE("each of SigmaHQ's rules has the same meaning as a rule of ours") {
  for (const auto& [path, text] : testing::SigmaRules())
    for (const Node& document : ParseDocuments(text, {}).documents) {
      CAPTURE(path);
      REQUIRE(Difference(document) == "");
    }
}

TEST_CASE("texts that are hard to write in YAML stay as they are") {
  const std::string text =
      "title: 'it''s: \"#1\"'\nlogsource: {}\ndetection:\n  a:\n    'f|contains': [' - x', "
      "\"\\t\\u00e9\\n\", '', \"null\", '*', '%']\n    g: null\n    h: 007\n  '|x': {y: ~}\n"
      "  condition: a\n";
  const Documents read = ParseDocuments(text, {});
  REQUIRE(read.problems.empty());
  const Documents again = ParseDocuments(ToYaml(read.documents[0]), {});
  REQUIRE(again.problems.empty());
  REQUIRE(ToYaml(again.documents[0]) == ToYaml(read.documents[0]));
  const Node& values = again.documents[0].Find("detection")->Find("a")->items[0];
  REQUIRE(values.items[1].text == "\t\xc3\xa9\n");
  REQUIRE(values.items[3].is_scalar());
  REQUIRE(again.documents[0].Find("title")->text == "it's: \"#1\"");
}

TEST_CASE("what a rule of Sigma's says about alerts and hours stays what it is") {
  const Documents read = ParseDocuments(
      "title: t\nlogsource: {}\ndetection: {s: {a: 1}, condition: s}\ngroup_by: [h]\n"
      "n_of_m: {n: 2, m: 3, period: 5m}\nlabels: {team: core}\nschedule: {active: Mon-Fri}\n",
      {});
  const auto ours = ParseRules(ToNativeYaml(read.documents.at(0)).value(), {});
  REQUIRE((ours.size() == 1 && ours[0].rule.has_value()));
  const Rule& rule = *ours[0].rule;
  CHECK(rule.alerting.group_by == std::vector<std::string>{"h"});
  CHECK((rule.alerting.periods.n == 2 && rule.alerting.periods.m == 3));
  CHECK(rule.alerting.labels.size() == 1);
  CHECK(rule.schedule != nullptr);
}

TEST_CASE("what has no form of ours is said to have none") {
  const auto refusal = [](const char* text) {
    return std::string(ToNativeYaml(ParseDocuments(text, {}).documents[0]).status().message());
  };
  REQUIRE(refusal("title: x\ncorrelation: {type: event_count}\n") ==
          "a correlation stays Sigma's: it runs as it is");
  REQUIRE(refusal("name: x\ndetection: {}\n") == "this is no rule of Sigma's: it has no title");
}
