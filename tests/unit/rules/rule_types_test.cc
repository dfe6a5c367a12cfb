// Sequences, absences, changes, new terms, spikes, percentages and Sigma's correlations.
#include <catch2/catch.hpp>
#include <cmath>

#include "rules/value_sample.h"
#include "support/rule_fixture.h"

using namespace neurallog;
using namespace neurallog::rules;
using testing::kSecond;
using testing::kStart;
using testing::RuleFixture;

namespace {

constexpr int64_t kMinute = 60 * kSecond;

testing::TestField Text(const char* name, const std::string& value) {
  return {name, ValueType::kString, value};
}

// Rules about records of one letter each, "e: a", told of one per second and group.
class Letters : public RuleFixture {
 public:
  using RuleFixture::RuleFixture;
  // The places of the letters that made some rule fire.
  std::vector<size_t> Fired(const std::string& letters, const std::string& group = "g") {
    std::vector<size_t> fired;
    for (size_t i = 0; i < letters.size(); ++i)
      if (letters[i] != '.' &&
          !TellLetter(letters[i], now_ + static_cast<int64_t>(i), group).empty())
        fired.push_back(i);
    now_ += static_cast<int64_t>(letters.size());
    return fired;
  }
  std::vector<Firing> TellLetter(char letter, int64_t second, const std::string& group = "g") {
    return Tell(second * kSecond, {Text("e", std::string(1, letter)), Text("group", group)});
  }
  int64_t now() const { return now_; }

 private:
  int64_t now_ = 0;
};

std::string StepText(const std::string& letter, const std::string& rest = "") {
  return "{detection: {s: {e: " + letter + "}, condition: s}" + rest + "}";
}
std::string SequenceText(const std::string& steps, const std::string& rest = "within: 10s") {
  return "---\nname: r\ntype: sequence\nwindow: {group_by: [group], allowed_lateness: 5s}\n"
         "sequence: {" +
         rest + ", steps: [" + steps + "]}\n";
}
std::string RuleText(const std::string& letter, const std::string& rest) {
  return "---\nname: " + letter + "\ndetection: {s: {e: " + letter + "}, condition: s}\n" + rest;
}

using Places = std::vector<size_t>;

}  // namespace

TEST_CASE("an ordered sequence fires at its last step, within its time, group by group") {
  Letters rules(
      SequenceText(StepText("a") + ", " + StepText("b", ", min: 2") + ", " + StepText("c")));
  CHECK(rules.Fired("abbc") == Places{3});
  CHECK(rules.Fired("abc") == Places{});
  CHECK(rules.Fired("bc", "h") == Places{});
  CHECK(rules.Fired("b") == Places{});
  CHECK(rules.Fired("c") == Places{0});
  CHECK(rules.Fired("a.bb........c") == Places{});
  CHECK(rules.Fired("cbba") == Places{});
}

TEST_CASE("a sequence that comes out of order in time is found all the same") {
  Letters rules(SequenceText(StepText("a") + ", " + StepText("b")));
  CHECK(rules.TellLetter('b', 4).empty());
  const auto fired = rules.TellLetter('a', 2);
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].rows == std::vector<uint64_t>{2, 1});
  CHECK(fired[0].start_ns == kStart + 2 * kSecond);
  CHECK(fired[0].end_ns == kStart + 4 * kSecond);
}

TEST_CASE("a step that must not come breaks a sequence between its neighbours") {
  Letters rules(
      SequenceText(StepText("a") + ", " + StepText("x", ", not: true") + ", " + StepText("b")));
  CHECK(rules.Fired("axb") == Places{});
  CHECK(rules.Fired("xab") == Places{2});
  CHECK(rules.Fired("axab") == Places{3});
  Letters before(SequenceText(StepText("x", ", not: true") + ", " + StepText("a")));
  CHECK(before.Fired("xa") == Places{});
  CHECK(before.Fired("..........a") == Places{10});
}

TEST_CASE("an unordered sequence wants all steps in any order") {
  Letters rules(
      SequenceText(StepText("a") + ", " + StepText("b") + ", " + StepText("x", ", not: true"),
                   "within: 10s, ordered: false"));
  CHECK(rules.Fired("ba") == Places{1});
  CHECK(rules.Fired("ab") == Places{1});
  CHECK(rules.Fired("axb") == Places{});
  CHECK(rules.Fired("............a...........b") == Places{});
}

TEST_CASE("a record without its answer in time is an absence") {
  Letters rules(RuleText("a",
                         "type: absence\nwindow: {group_by: [group], allowed_lateness: 5s}\n"
                         "absence: {within: 10s, without: " +
                             StepText("b") + "}\n"));
  CHECK(rules.Fired("a....b") == Places{});
  CHECK(rules.Advance(60 * kSecond).empty());
  CHECK(rules.TellLetter('a', 100).empty());
  CHECK(rules.TellLetter('a', 108).empty());
  rules.Restart();
  CHECK(rules.Advance(114 * kSecond).empty());  // at 114 the clock is no later than 109 for sure
  const auto fired = rules.Advance(116 * kSecond);
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].start_ns == kStart + 100 * kSecond);
  CHECK(fired[0].group == std::vector<std::string>{"g"});
  CHECK(rules.Advance(200 * kSecond).empty());
  // An answer that comes late, but not too late.
  CHECK(rules.TellLetter('a', 300).empty());
  CHECK(rules.TellLetter('.', 313).empty());
  CHECK(rules.TellLetter('b', 309).empty());
  CHECK(rules.Advance(400 * kSecond).empty());
}

TEST_CASE("a source that is silent fires once until it is heard again") {
  Letters rules(RuleText("a",
                         "type: absence\nwindow: {group_by: [group], allowed_lateness: 5s}\n"
                         "absence: {within: 1m}\n"));
  CHECK(rules.Fired("a.a.a") == Places{});
  CHECK(rules.Advance(69 * kSecond).empty());
  const auto fired = rules.Advance(70 * kSecond);
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].at_ns == kStart + 64 * kSecond + 1);
  CHECK(rules.Advance(kMinute * 60).empty());
  CHECK(rules.TellLetter('a', 4000).empty());
  CHECK(rules.Advance(4066 * kSecond).size() == 1);
}

TEST_CASE("time goes on with the wall clock only while no record comes") {
  Letters rules(
      RuleText("a", "type: absence\nwindow: {allowed_lateness: 5s}\nabsence: {within: 1m}\n"));
  // Records of an hour ago arrive now.
  CHECK(rules.Tell(0, {Text("e", "a")}, 3600 * kSecond).empty());
  CHECK(rules.Advance(3660 * kSecond).empty());
  CHECK(rules.Advance(3666 * kSecond).size() == 1);
}

TEST_CASE("a change is another value than the group's record before had") {
  RuleFixture rules(RuleText("a",
                             "type: change\nwindow: {size: 1h, group_by: [host]}\n"
                             "change: {field: version}\n"));
  const auto tell = [&](int64_t second, const char* host, const char* version) {
    return rules
        .Tell(second * kSecond, {Text("e", "a"), Text("host", host), Text("version", version)})
        .size();
  };
  CHECK(tell(0, "x", "1") == 0);
  CHECK(tell(1, "y", "2") == 0);
  CHECK(tell(2, "x", "1") == 0);
  CHECK(tell(3, "x", "2") == 1);
  CHECK(tell(4, "x", "1") == 1);
  CHECK(tell(5, "x", "1") == 0);
  CHECK(tell(3, "x", "2") == 0);     // from before the newest
  CHECK(tell(8000, "x", "2") == 0);  // the value is forgotten
}

TEST_CASE("a new term is a value that was not seen for the window's size") {
  RuleFixture rules(RuleText("a",
                             "type: new_term\nwindow: {size: 11h, group_by: [user]}\n"
                             "new_term: {field: country, learn: 1h}\n"));
  const auto tell = [&](int64_t minute, const char* user, const char* country) {
    return rules.Tell(minute * kMinute,
                      {Text("e", "a"), Text("user", user), Text("country", country)});
  };
  CHECK(tell(0, "ann", "de").empty());
  CHECK(tell(59, "ann", "fr").empty());
  CHECK(tell(60, "ann", "fr").empty());
  const auto fired = tell(61, "ann", "us");
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].group == std::vector<std::string>{"ann", "us"});
  CHECK(tell(62, "ann", "us").empty());
  CHECK(rules.Tell(62 * kMinute, {Text("e", "a"), Text("user", "ann")}).empty());
  CHECK(tell(63, "bob", "us").size() == 1);
  CHECK(tell(14 * 60, "ann", "us").size() == 1);
}

TEST_CASE("a spike is so many times as many records as in the window before") {
  RuleFixture rules(RuleText("a",
                             "type: spike\nwindow: {size: 12m}\nspike: {min_before: 5, min: 10}\n"
                             "threshold: {gte: 3}\n"));
  std::vector<int> fired;
  for (int minute = 0; minute < 12; ++minute)
    if (!rules.Tell(minute * kMinute, {Text("e", "a")}).empty()) fired.push_back(minute);
  for (int i = 0; i < 40; ++i)
    if (!rules.Tell(23 * kMinute + i, {Text("e", "a")}).empty()) fired.push_back(100 + i);
  CHECK(fired == std::vector<int>{135});  // the 36th against twelve
}

TEST_CASE("a percentage is of the records that the first condition matches") {
  RuleFixture rules(
      RuleText("a",
               "type: percentage\nwindow: {size: 1m}\n"
               "percentage: {min: 4, detection: {s: {status|gte: 500}, condition: s}}\n"
               "threshold: {gte: 50}\n"));
  const auto tell = [&](const char* status) {
    return rules.Tell(0, {Text("e", "a"), Text("status", status)});
  };
  CHECK(rules.Tell(0, {Text("e", "z"), Text("status", "500")}).empty());
  CHECK(tell("500").empty());
  CHECK(tell("500").empty());
  CHECK(tell("200").empty());
  const auto fired = tell("200");
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].value == 50);
  CHECK(tell("200").empty());
  CHECK(tell("503").size() == 1);
}

TEST_CASE("a step can be another rule, which reports its matches all the same") {
  Letters rules(RuleText("a", "") + RuleText("b", "") +
                "---\nname: r\ntype: sequence\nwindow: {group_by: [group]}\n"
                "sequence: {within: 10s, steps: [{rule: a}, {rule: b}]}\n");
  CHECK(rules.TellLetter('a', 0).size() == 1);
  const auto fired = rules.TellLetter('b', 1);
  REQUIRE(fired.size() == 2);
  CHECK(fired[0].rule == 1);
  CHECK(fired[1].rule == 2);
}

namespace {

std::string Sigma(const std::string& letter) {
  return "---\ntitle: " + letter + "\nname: " + letter +
         "\nlogsource: {}\ndetection: {s: {e: " + letter + "}, condition: s}\n";
}
std::string CorrelationText(const std::string& rest) {
  return "---\ntitle: c\nname: c\ncorrelation: {timespan: 11s, " + rest + "}\n";
}

}  // namespace

TEST_CASE("Sigma's correlations count, compare and order the matches of their rules") {
  const std::string base = Sigma("a") + Sigma("b");
  Letters count(base + CorrelationText("type: event_count, rules: [a, b], group-by: [group], "
                                       "condition: {gte: 3}"));
  CHECK(count.Fired("a.b.zb") == Places{5});
  Letters values(
      base + CorrelationText("type: value_count, rules: [a], condition: {field: group, gte: 2}"));
  CHECK(values.Fired("aaa", "x") == Places{});
  CHECK(values.Fired("a", "y") == Places{0});
  Letters temporal(base + CorrelationText("type: temporal, rules: [a, b], group-by: [group]"));
  CHECK(temporal.Fired("ba") == Places{1});
  Letters ordered(base +
                  CorrelationText("type: temporal_ordered, rules: [a, b], group-by: [group]"));
  CHECK(ordered.Fired("bab") == Places{2});
}

TEST_CASE("a correlation hides its rules' matches unless it says generate") {
  Letters hidden(Sigma("a") +
                 CorrelationText("type: event_count, rules: [a], condition: {gte: 2}"));
  CHECK(hidden.Fired("aa") == Places{1});
  Letters shown(Sigma("a") + CorrelationText("type: event_count, rules: [a], generate: true, "
                                             "condition: {gte: 2}"));
  CHECK(shown.Fired("aa") == Places{0, 1});
}

TEST_CASE("an alias names a field differently in each rule") {
  RuleFixture rules(Sigma("a") + Sigma("b") +
                    CorrelationText("type: temporal, rules: [a, b], group-by: [ip], "
                                    "aliases: {ip: {a: src, b: dst}}"));
  CHECK(rules.Tell(0, {Text("e", "a"), Text("src", "1"), Text("dst", "2")}).empty());
  CHECK(rules.Tell(1, {Text("e", "b"), Text("src", "1"), Text("dst", "2")}).empty());
  const auto fired = rules.Tell(2, {Text("e", "b"), Text("dst", "1")});
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].group == std::vector<std::string>{"1"});
}

TEST_CASE("a correlation can count the firings of another one") {
  Letters rules(
      Sigma("a") +
      CorrelationText("type: event_count, rules: [a], group-by: [group], condition: {gte: 2}") +
      "---\ntitle: d\ncorrelation: {type: value_count, rules: [c], timespan: 1m, "
      "condition: {field: group, gte: 2}}\n");
  CHECK(rules.Fired("aaa", "x") == Places{});
  const auto at = rules.Fired("aaa", "y");
  CHECK(at == Places{1});
}

TEST_CASE("rules that refer to nothing or to themselves are left out with the reason") {
  RuleFixture rules(CorrelationText("type: temporal, rules: [nobody]") +
                    "---\ntitle: d\nname: d\ncorrelation: {type: event_count, rules: [e], "
                    "timespan: 1m, condition: {gte: 1}}\n"
                    "---\ntitle: e\nname: e\ncorrelation: {type: event_count, rules: [d], "
                    "timespan: 1m, condition: {gte: 1}}\n");
  REQUIRE(rules.left_out().size() == 3);
  CHECK(rules.left_out()[0].reason == "there is no rule \"nobody\"");
}

TEST_CASE("the problems of a rule with state are reported with line and column") {
  const auto problems = [](const std::string& text) {
    std::string all;
    for (const Parsed& parsed : ParseRules(text, {}))
      for (const Problem& problem : parsed.problems) all += ToString(problem) + "\n";
    return all;
  };
  const std::string head = "name: r\ndetection: {s: {a: 1}, condition: s}\n";
  CHECK(problems(head + "type: threshhold\n") == "3:7: type: unknown type \"threshhold\"\n");
  CHECK(problems(head + "type: threshold\nwindow: {type: hopping, sise: 5m, size: 0s}\n"
                        "threshold: {gte: many}\n") ==
        "4:25: unknown key \"sise\"\n"
        "4:16: type: expected sliding, tumbling or session, got \"hopping\"\n"
        "4:41: size: expected a time such as 5m, got \"0s\"\n"
        "5:18: gte: expected a number, got \"many\"\n"
        "5:12: threshold: no bound such as gte\n");
  CHECK(problems(head + "type: distinct\ndistinct: {field: []}\nthreshold: {gte: 1}\n"
                        "metric: {field: a, agg: p50}\n") ==
        "6:9: metric: is not for rules of type distinct\n"
        "4:11: field: is missing\n"
        "1:1: window: is missing\n");
  CHECK(problems(head + "type: metric\nmetric: {field: a, agg: p101}\nwindow: {size: 1m, "
                        "allowed_lateness: 2m}\nthreshold: {gt: 1}\nsuppress: {key: [b], "
                        "cooldown: 1m}\n") ==
        "4:25: agg: expected sum, avg, min, max or p0 to p100, got \"p101\"\n"
        "5:38: allowed_lateness: longer than the window\n"
        "7:17: key: \"b\" is not in the window's group_by\n");
  CHECK(problems(head + "type: threshold\nthreshold: {gt: 1}\n"
                        "window: {type: tumbling, size: 1m, allowed_lateness: 25h}\n") ==
        "5:54: allowed_lateness: longer than the window and than a day\n");
  CHECK(problems("name: r\ntype: sequence\nsequence: {steps: [{not: true, rule: a}]}\n") ==
        "3:19: steps: none that must come\n"
        "3:11: within: is missing\n");
}

TEST_CASE("distinct values past the sample's size are estimated") {
  ValueSample<12> sample;
  uint64_t state = 1;
  for (int i = 0; i < 100'000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    sample.Add(7, base::Hash64(std::to_string(state)));
    if (i == 4095) CHECK(sample.Estimate() == 4096);
  }
  CHECK(std::abs(static_cast<double>(sample.Estimate()) - 1e5) < 6e3);
  CHECK(sample.memory_bytes() < 200'000);
  sample.Move(7, 18);
  CHECK(sample.Estimate() > 0);
  sample.Move(18, 19);
  CHECK(sample.Estimate() == 0);
}

TEST_CASE("of a group's records only the last are kept for a sequence") {
  Letters rules(SequenceText(StepText("a", ", min: 63") + ", " + StepText("b"), "within: 1h"));
  for (int i = 0; i < 1000; ++i) rules.Tell(i, {Text("e", "a"), Text("group", "g")});
  CHECK(rules.state().memory_bytes() < 100'000);
  CHECK(rules.Fired("b") ==
        Places{});  // of the 128 that are kept, at the same time as b, none is later
  CHECK(rules.TellLetter('b', 1).size() == 1);
}
