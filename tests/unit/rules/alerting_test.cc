#include "rules/alerting.h"

#include <catch2/catch.hpp>

#include "rules/rule_parser.h"
#include "support/rule_fixture.h"

using namespace neurallog;
using namespace neurallog::rules;
using testing::kSecond;
using testing::RuleFixture;

namespace {

constexpr int64_t kMinute = 60 * kSecond;

std::string RuleText(const std::string& rest) {
  return "name: r\ndetection: {s: {a: 1}, condition: s}\n" + rest;
}

Parsed ParseOne(const std::string& text) {
  std::vector<Parsed> all = ParseRules(text, {});
  REQUIRE(all.size() == 1);
  return std::move(all[0]);
}

std::string Problems(const std::string& text) {
  std::string problems;
  for (const Problem& problem : ParseOne(text).problems) problems += ToString(problem) + "\n";
  return problems;
}

AlertTiming Timing(const std::string& rest) {
  const Parsed parsed = ParseOne(RuleText(rest));
  for (const Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
  REQUIRE(parsed.rule.has_value());
  return TimingOf(*parsed.rule);
}

testing::TestField Text(const char* name, const std::string& value) {
  return {name, ValueType::kString, value};
}

}  // namespace

TEST_CASE("what a document says about alerts is read, of our own rules, Sigma's and correlations") {
  const std::string alerting =
      "for: 5m\nkeep_firing_for: 10m\nresolve_timeout: 0s\nlabels: {team: core, n: 5}\n";
  const Parsed native = ParseOne(RuleText(alerting));
  const Parsed sigma =
      ParseOne("title: t\nlogsource: {}\ndetection: {s: {a: 1}, condition: s}\n" + alerting);
  const Parsed correlation = ParseOne(
      "title: c\ncorrelation: {type: event_count, rules: [r], timespan: 1m, condition: {gte: "
      "2}}\n" +
      alerting);
  REQUIRE((native.rule && sigma.rule && correlation.correlation));
  for (const Alerting& read :
       {native.rule->alerting, sigma.rule->alerting, correlation.correlation->alerting}) {
    CHECK(read.for_ns == 5 * kMinute);
    CHECK(read.keep_firing_for_ns == 10 * kMinute);
    CHECK(read.resolve_timeout_ns == 0);
    using Labels = std::vector<std::pair<std::string, std::string>>;
    CHECK(read.labels == Labels{{"team", "core"}, {"n", "5"}});
  }
  CHECK(!ParseOne(RuleText("")).rule->alerting.resolve_timeout_ns.has_value());
}

TEST_CASE("what cannot be meant about alerts is refused where it stands") {
  CHECK(Problems(RuleText("for: soon\nkeep_firing_for: 500d\nlabels: {9a: x, b: [1]}\n")) ==
        "3:6: for: expected a time such as 5m, got \"soon\"\n"
        "4:18: keep_firing_for: longer than 400 days\n"
        "5:10: labels: \"9a\" is no name: letters, digits and '_'\n"
        "5:20: labels: b: expected a text of at most 256 bytes\n");
  std::string labels = "labels:\n";
  for (size_t i = 0; i <= kLabelsMax; ++i) labels += "  l" + std::to_string(i) + ": x\n";
  CHECK(Problems(RuleText(labels)) == "4:3: labels: more than 32\n");
}

TEST_CASE("an alert of N of M periods has a period, and no other times") {
  const AlertTiming own = Timing("n_of_m: {n: 3, m: 5, period: 2m}\ngroup_by: [host]\n");
  CHECK((own.periods.n == 3 && own.periods.m == 5 && own.periods.period_ns == 2 * kMinute));
  CHECK(!own.is_of_window);
  const AlertTiming of_window = Timing(
      "type: threshold\nwindow: {type: tumbling, size: 7m}\nthreshold: {gte: 2}\n"
      "n_of_m: {n: 1, m: 64}\n");
  CHECK((of_window.periods.period_ns == 7 * kMinute && of_window.is_of_window));
  CHECK(Problems(RuleText("n_of_m: {n: 6, m: 65}\nfor: 5m\n")) ==
        "3:19: m: expected a number from 1 to 64\n"
        "3:9: period: is missing\n4:6: for: is not for alerts of n_of_m\n");
  CHECK(
      Problems(RuleText("type: change\nwindow: {size: 1h}\nchange: {field: v}\ngroup_by: [h]\n")) ==
      "6:11: group_by: is not for rules of type change\n");
  CHECK(Problems(RuleText("n_of_m: {n: 6, m: 5, period: 1m}\n")) ==
        "3:9: n_of_m: n is more than m\n");
  CHECK(Problems(RuleText("group_by: [h]\nsuppress: {key: [u], cooldown: 1m}\n")) ==
        "4:17: key: \"u\" is not in group_by\n");
}

TEST_CASE("a schedule is days and hours in a time zone") {
  const auto schedule_of = [](const Parsed& parsed) {
    return parsed.rule ? parsed.rule->schedule : parsed.correlation->schedule;
  };
  const std::string text =
      "schedule: {timezone: Asia/Kolkata, active: [Mon-Fri 08:00-20:00, sun]}\n";
  for (const Parsed& parsed :
       {ParseOne(RuleText(text)),
        ParseOne("title: t\nlogsource: {}\ndetection: {s: {a: 1}, condition: s}\n" + text),
        ParseOne("title: c\ncorrelation: {type: event_count, rules: [r], timespan: 1m, condition: "
                 "{gte: 2}}\n" +
                 text)}) {
    const auto schedule = schedule_of(parsed);
    REQUIRE(schedule != nullptr);
    const int64_t friday = int64_t{1'763'692'200} * kSecond;  // 2025-11-21 08:00 there
    CHECK((schedule->Contains(friday) && !schedule->Contains(friday - 1)));
    CHECK(!schedule->Contains(friday + 1440 * kMinute));
    CHECK(schedule->Contains(friday + 2 * 1440 * kMinute));
  }
  CHECK(ParseOne(RuleText("")).rule->schedule == nullptr);
  CHECK(Problems(RuleText("schedule: {zone: UTC}\n")) ==
        "3:12: unknown key \"zone\"\n3:11: active: is missing\n");
  CHECK(
      Problems(RuleText("schedule: {timezone: Mars/North, active: always}\n")).find("Mars/North") !=
      std::string::npos);
}

TEST_CASE("a match counts for as long as its rule can be silent while the cause goes on") {
  CHECK(Timing("").timeout_ns == 5 * kMinute);
  CHECK(Timing("resolve_timeout: 1m\n").timeout_ns == kMinute);
  CHECK(Timing("suppress: {cooldown: 10m, exponential_max: 1h}\n").timeout_ns == 65 * kMinute);
  CHECK(Timing("suppress: {max_per_hour: 3}\n").timeout_ns == 65 * kMinute);
  CHECK(Timing("type: threshold\nwindow: {type: tumbling, size: 10m}\nthreshold: {gte: 2}\n")
            .timeout_ns == 20 * kMinute);
  CHECK(Timing("type: threshold\nwindow: {type: session, gap: 7m}\nthreshold: {gte: 2}\n")
            .timeout_ns == 7 * kMinute);
  CHECK(Timing("type: absence\nabsence: {within: 15m, without: {detection: {s: {b: 1}, condition: "
               "s}}}\n")
            .timeout_ns == 15 * kMinute);
  CHECK(Timing("type: change\nwindow: {size: 30d}\nchange: {field: v}\n").timeout_ns ==
        5 * kMinute);
  for (const char* knows : {"type: threshold\nwindow: {size: 24m}\nthreshold: {gte: 2}\n",
                            "type: absence\nabsence: {within: 24m}\n"}) {
    CHECK(Timing(knows).timeout_ns == 0);
    CHECK(Timing(knows).ask_ns == 30 * kSecond);
    CHECK(Timing(std::string(knows) + "resolve_timeout: 1m\n").timeout_ns == kMinute);
  }
  CHECK(Timing("type: threshold\nwindow: {size: 1m}\nthreshold: {gte: 2}\n").ask_ns == 5 * kSecond);
}

TEST_CASE("a sliding window knows whether its threshold still holds") {
  RuleFixture rules(
      "---\n" +
      RuleText("type: threshold\nwindow: {size: 11s, group_by: [h]}\nthreshold: {gte: 2}\n"));
  const auto tell = [&](int64_t second) {
    return rules.Tell(second * kSecond, {Text("a", "1"), Text("h", "x")});
  };
  tell(0);
  const auto fired = tell(1);
  REQUIRE(fired.size() == 1);
  const auto condition = [&] { return rules.state().ConditionOf(0, fired[0].key); };
  CHECK(condition() == Condition::kHolds);
  rules.Advance(9 * kSecond);
  CHECK(condition() == Condition::kHolds);
  tell(10);
  rules.Advance(12 * kSecond);
  CHECK(condition() == Condition::kHolds);
  rules.Advance(14 * kSecond);  // only the last one is left
  CHECK(condition() == Condition::kEnded);
  tell(15);
  CHECK(condition() == Condition::kHolds);
  rules.Restart();
  CHECK(condition() == Condition::kHolds);
  rules.Advance(200 * kSecond);
  CHECK(condition() == Condition::kEnded);
}

TEST_CASE("an average ends to hold with the record that brings it down") {
  RuleFixture rules("---\n" + RuleText("type: metric\nwindow: {size: 10m}\nmetric: {field: ms, "
                                       "agg: avg}\nthreshold: {gt: 100}\n"));
  const auto tell = [&](int64_t second, const char* ms) {
    return rules.Tell(second * kSecond, {Text("a", "1"), {"ms", ValueType::kNumber, ms}});
  };
  const auto fired = tell(0, "200");
  REQUIRE(fired.size() == 1);
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kHolds);
  tell(1, "10");
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kHolds);
  tell(2, "10");
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kEnded);
}

TEST_CASE("a source is silent until it says something again") {
  RuleFixture rules(
      "---\n" +
      RuleText(
          "type: absence\nwindow: {group_by: [h], allowed_lateness: 0s}\nabsence: {within: 1m}\n"));
  const auto tell = [&](int64_t second) {
    return rules.Tell(second * kSecond, {Text("a", "1"), Text("h", "x")});
  };
  tell(0);
  const auto fired = rules.Advance(61 * kSecond);
  REQUIRE(fired.size() == 1);
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kHolds);
  rules.Advance(6000 * kSecond);
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kHolds);
  tell(6001);
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kEnded);
}

TEST_CASE("an absence has ended when the answer comes late") {
  RuleFixture rules(
      "---\n" + RuleText("type: absence\nwindow: {group_by: [h], allowed_lateness: 0s}\nabsence: "
                         "{within: 1m, without: {detection: {s: {b: 1}, condition: s}}}\n"));
  rules.Tell(0, {Text("a", "1"), Text("h", "x")});
  const auto fired = rules.Advance(61 * kSecond);
  REQUIRE(fired.size() == 1);
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kUnknown);
  rules.Tell(70 * kSecond, {Text("b", "1"), Text("h", "x")});
  CHECK(rules.state().ConditionOf(0, fired[0].key) == Condition::kEnded);
}

TEST_CASE("rules that report moments do not know whether something goes on") {
  RuleFixture rules(
      "---\n" + RuleText("") + "---\n" +
      RuleText("type: threshold\nwindow: {type: tumbling, size: 1m}\nthreshold: {gte: 1}\n"));
  const auto fired = rules.Tell(0, {Text("a", "1")});
  REQUIRE(fired.size() == 2);
  for (const Firing& firing : fired)
    CHECK(rules.state().ConditionOf(firing.rule, firing.key) == Condition::kUnknown);
}
