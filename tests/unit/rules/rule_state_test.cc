#include "rules/rule_state.h"

#include <catch2/catch.hpp>

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

// A rule for records with a=1.
std::string RuleText(const std::string& rest) {
  return "---\nname: r\ndetection: {s: {a: 1}, condition: s}\n" + rest;
}

using Rows = std::vector<uint64_t>;
using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("a threshold fires at the record that reaches it, once for each group") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {size: 1m, group_by: [user, host]}\n"
               "threshold: {gte: 3}\n"));
  const auto tell = [&](int64_t second, const std::string& user) {
    return rules.Tell(second * kSecond, {Text("a", "1"), Text("user", user), Text("host", "h")});
  };
  CHECK(tell(0, "ann").empty());
  CHECK(tell(1, "bob").empty());
  CHECK(tell(2, "ann").empty());
  CHECK(rules.Tell(3 * kSecond, {Text("a", "2"), Text("user", "ann")}).empty());
  const auto fired = tell(59, "ann");
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].rule == 0);
  CHECK(fired[0].group == Values{"ann", "h"});
  CHECK(fired[0].value == 3);
  CHECK(fired[0].at_ns == kStart + 59 * kSecond);
  CHECK(fired[0].rows == Rows{1, 3, 5});
  CHECK(fired[0].start_ns <= kStart);
  CHECK(fired[0].end_ns > kStart + 59 * kSecond);
  CHECK(tell(60, "ann").empty());
  CHECK(rules.state().groups() == 2);
}

TEST_CASE("a threshold fires again after it has not held in between") {
  RuleFixture rules(RuleText("type: threshold\nwindow: {size: 11s}\nthreshold: {gte: 2}\n"));
  const auto tell = [&](int64_t second) {
    return rules.Tell(second * kSecond, {Text("a", "1")}).size();
  };
  CHECK(tell(0) == 0);
  CHECK(tell(1) == 1);
  CHECK(tell(5) == 0);
  CHECK(tell(40) == 0);
  CHECK(tell(41) == 1);
  // Of the two only one is left, so that the next one is again the second.
  CHECK(tell(52) == 1);
}

TEST_CASE("records out of order count where they belong, and late ones for nothing") {
  RuleFixture rules(RuleText(
      "type: threshold\nwindow: {size: 1m, allowed_lateness: 20s}\nthreshold: {gte: 3}\n"));
  const auto tell = [&](int64_t second) {
    return rules.Tell(second * kSecond, {Text("a", "1")}, 200 * kSecond).size();
  };
  CHECK(tell(100) == 0);
  CHECK(tell(79) == 0);
  CHECK(rules.state().counts(0).late == 1);
  CHECK(tell(80) == 0);
  CHECK(tell(90) == 1);
}

TEST_CASE("tumbling windows wait for what is much later than they are long") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {type: tumbling, size: 1m, allowed_lateness: 1h}\n"
               "threshold: {gte: 2}\n"));
  const auto tell = [&](int64_t second) {
    return rules.Tell(second * kSecond, {Text("a", "1")}, 9000 * kSecond).size();
  };
  CHECK(tell(4000) == 0);
  CHECK(tell(5000) == 0);
  CHECK(tell(4019) == 1);
  CHECK(tell(5030) == 1);
  CHECK(tell(1399) == 0);
  CHECK(rules.state().counts(0).late == 1);
}

TEST_CASE("a time that cannot be true is that of arrival") {
  RuleFixture rules(RuleText("type: threshold\nwindow: {size: 1m}\nthreshold: {gte: 2}\n"));
  CHECK(rules.Tell(100'000 * kSecond, {Text("a", "1")}, 0).empty());
  CHECK(rules.Tell(1 * kSecond, {Text("a", "1")}).size() == 1);
}

TEST_CASE("windows by time of arrival do not look at the record's time") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {size: 1m, time: received}\nthreshold: {gte: 2}\n"));
  CHECK(rules.Tell(-5000 * kSecond, {Text("a", "1")}, 0).empty());
  CHECK(rules.Tell(0, {Text("a", "1")}, 30 * kSecond).size() == 1);
}

TEST_CASE(
    "a tumbling window fires as soon as it holds, or at its end when that is not known before") {
  RuleFixture rules(RuleText("type: threshold\nwindow: {type: tumbling, size: 1m}\n"
                             "threshold: {gte: 2}\n") +
                    RuleText("type: threshold\nwindow: {type: tumbling, size: 1m, "
                             "allowed_lateness: 10s}\nthreshold: {lt: 3}\n"));
  const auto tell = [&](int64_t second) { return rules.Tell(second * kSecond, {Text("a", "1")}); };
  CHECK(tell(50).empty());
  CHECK(tell(61).empty());
  const auto early = tell(62);
  REQUIRE(early.size() == 1);
  CHECK(early[0].rule == 0);
  CHECK(early[0].start_ns == kStart + 60 * kSecond);
  CHECK(tell(69).empty());
  const auto ended = tell(70);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].rule == 1);
  CHECK(ended[0].value == 1);
  CHECK(ended[0].at_ns == kStart + 60 * kSecond);
  CHECK(rules.Advance(129 * kSecond).empty());
  CHECK(rules.Advance(130 * kSecond).empty());  // four records are not fewer than three
  CHECK(rules.state().counts(1).groups == 0);
}

TEST_CASE("a session lasts until no record comes for the gap, or for its size") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {type: session, gap: 10s, size: 1m, "
               "allowed_lateness: 5s}\nthreshold: {lte: 3}\n"));
  const auto tell = [&](int64_t second) { return rules.Tell(second * kSecond, {Text("a", "1")}); };
  CHECK(tell(0).empty());
  CHECK(tell(10).empty());
  const auto next = tell(21);  // later than the gap
  REQUIRE(next.size() == 1);
  CHECK(next[0].value == 2);
  CHECK(next[0].start_ns == kStart);
  CHECK(next[0].end_ns == kStart + 10 * kSecond);
  CHECK(rules.Advance(36 * kSecond).empty());
  CHECK(rules.Advance(37 * kSecond).size() == 1);
  size_t fired = 0;
  for (int64_t second = 100; second < 170; second += 10) fired += tell(second).size();
  CHECK(fired == 0);  // six records in the first minute are too many
  CHECK(rules.Advance(200 * kSecond).size() == 1);
}

TEST_CASE("distinct counts different values, each once") {
  RuleFixture rules(
      RuleText("type: distinct\nwindow: {size: 1m, group_by: [ip]}\n"
               "distinct: {field: user}\nthreshold: {gte: 3}\n"));
  const auto tell = [&](int64_t second, const std::string& user) {
    return rules.Tell(second * kSecond, {Text("a", "1"), Text("ip", "x"), Text("user", user)});
  };
  CHECK(tell(0, "a").empty());
  CHECK(tell(1, "b").empty());
  CHECK(tell(2, "a").empty());
  CHECK(rules.Tell(3 * kSecond, {Text("a", "1"), Text("ip", "x")}).empty());
  const auto fired = tell(58, "c");
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].value == 3);
}

TEST_CASE("a metric is what its aggregate says") {
  const auto rule = [](const std::string& agg, const std::string& bound) {
    return RuleText("type: metric\nwindow: {size: 1m}\nmetric: {field: n, agg: " + agg +
                    "}\nthreshold: {" + bound + "}\n");
  };
  RuleFixture rules(rule("sum", "gte: 100") + rule("avg", "gt: 30") + rule("min", "lt: 2") +
                    rule("max", "gte: 89") + rule("p50", "gte: 9"));
  const auto fired_by = [&](const std::string& number) {
    std::vector<uint32_t> fired;
    for (const Firing& firing : rules.Tell(0, {Text("a", "1"), Text("n", number)}))
      fired.push_back(firing.rule);
    return fired;
  };
  CHECK(fired_by("2").empty());
  CHECK(fired_by("10").empty());
  CHECK(fired_by("many").empty());
  CHECK(fired_by("89") == std::vector<uint32_t>{0, 1, 3, 4});
  CHECK(fired_by("-1") == std::vector<uint32_t>{2});
}

TEST_CASE("after so many groups the stalest are let go, and counted") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {size: 1h, group_by: [g], max_groups: 32}\n"
               "threshold: {gte: 2}\n"));
  for (int i = 0; i < 32; ++i)
    rules.Tell(i * kMinute, {Text("a", "1"), Text("g", std::to_string(i))});
  CHECK(rules.state().counts(0).evicted == 0);
  rules.Tell(32 * kMinute, {Text("a", "1"), Text("g", "new")});
  CHECK(rules.state().counts(0).evicted == 2);
  CHECK(rules.state().groups() == 31);
  for (int i = 6; i < 32; ++i)
    CHECK(rules.Tell(32 * kMinute, {Text("a", "1"), Text("g", std::to_string(i))}).size() == 1);
}

TEST_CASE("the rule with the most groups gives way when a tenant has too many") {
  RuleFixture rules(RuleText("type: threshold\nwindow: {size: 1h, group_by: [g]}\n"
                             "threshold: {gte: 2}\n") +
                        RuleText("type: threshold\nwindow: {size: 1h}\nthreshold: {gte: 200}\n"),
                    {.groups_max = 33});
  for (int i = 0; i < 100; ++i)
    rules.Tell(i * kSecond, {Text("a", "1"), Text("g", std::to_string(i))});
  CHECK(rules.state().groups() <= 33);
  CHECK(rules.state().counts(0).evicted >= 66);
  CHECK(rules.state().counts(1).groups == 1);
}

TEST_CASE("groups of the past go when time goes on, without being counted") {
  RuleFixture rules(
      RuleText("type: threshold\nwindow: {size: 1m, group_by: [g]}\n"
               "threshold: {gte: 2}\n"));
  rules.Tell(0, {Text("a", "1"), Text("g", "x")});
  rules.Advance(10 * kMinute);
  CHECK(rules.state().groups() == 0);
  CHECK(rules.state().counts(0).evicted == 0);
}

TEST_CASE("the state goes through its bytes") {
  RuleFixture rules(RuleText("type: threshold\nwindow: {size: 1m, group_by: [g]}\n"
                             "threshold: {gte: 2}\nsuppress: {cooldown: 1h}\n") +
                    RuleText("type: distinct\nwindow: {type: session, gap: 1m, group_by: [g]}\n"
                             "distinct: {field: g}\nthreshold: {lt: 5}\n"));
  rules.Tell(0, {Text("a", "1"), Text("g", "x")});
  rules.Restart();
  CHECK(rules.Tell(1, {Text("a", "1"), Text("g", "x")}).size() == 1);
  rules.Restart();
  CHECK(rules.Advance(2 * kMinute).size() == 1);
  CHECK(rules.Tell(3 * kMinute, {Text("a", "1"), Text("g", "x")}).empty());
  CHECK(rules.Tell(3 * kMinute, {Text("a", "1"), Text("g", "x")}).empty());
  CHECK(rules.state().counts(0).suppressed == 1);
}

TEST_CASE("bytes that are damaged or cut are refused, and the state is as new") {
  RuleFixture rules(
      RuleText("type: metric\nwindow: {size: 1m, group_by: [g]}\n"
               "metric: {field: g, agg: p90}\nthreshold: {gte: 2}\n"));
  rules.Tell(0, {Text("a", "1"), Text("g", "1.5")});
  const std::string bytes = rules.state().Encode();
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(rules.state().Decode(bytes.substr(0, size)).ok());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK_FALSE(rules.state().Decode(damaged).ok());
  }
  CHECK(rules.state().groups() == 0);
  CHECK(rules.state().Decode(bytes).ok());
  CHECK(rules.state().groups() == 1);
}

TEST_CASE("a reload keeps the state of rules that are unchanged") {
  const std::string kept =
      RuleText("id: a\ntype: threshold\nwindow: {size: 1m}\nthreshold: {gte: 2}\n");
  const std::string before = "id: b\ntype: threshold\nwindow: {size: 1m}\nthreshold: {gte: 2}\n";
  const std::string after = "id: b\ntype: threshold\nwindow: {size: 2m}\nthreshold: {gte: 2}\n";
  RuleFixture old(kept + RuleText(before));
  old.Tell(0, {Text("a", "1")});
  RuleFixture next(RuleText(after) + kept);
  next.state().Adopt(&old.state());
  const auto fired = next.Tell(1, {Text("a", "1")});
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].rule == 1);
  RuleFixture restarted(RuleText(after) + kept);
  RuleFixture old_again(kept + RuleText(before));
  old_again.Tell(0, {Text("a", "1")});
  REQUIRE(restarted.state().Decode(old_again.state().Encode()).ok());
  CHECK(restarted.Tell(1, {Text("a", "1")}).size() == 1);
}

TEST_CASE("a match is reported, and suppressed by its key") {
  RuleFixture rules(
      RuleText("suppress: {key: [user], cooldown: 1m, exponential_max: 5m, max_per_hour: 4}\n"));
  const auto tell = [&](int64_t second, const std::string& user) {
    return rules.Tell(second * kSecond, {Text("a", "1"), Text("user", user)}).size();
  };
  CHECK(tell(0, "ann") == 1);
  CHECK(tell(59, "ann") == 0);
  CHECK(tell(59, "bob") == 1);
  CHECK(tell(60, "ann") == 1);  // soon after: quiet for two minutes now
  CHECK(tell(179, "ann") == 0);
  CHECK(tell(180, "ann") == 1);  // four
  CHECK(tell(419, "ann") == 0);
  CHECK(tell(1800, "ann") == 1);
  CHECK(tell(3000, "ann") == 0);  // the fifth in the hour
  CHECK(tell(3600, "ann") == 1);
  CHECK(rules.state().counts(0).suppressed == 4);
}

TEST_CASE("a firing has the same id whenever the same rows are seen") {
  const std::string text =
      RuleText("type: threshold\nwindow: {size: 1m, group_by: [g]}\nthreshold: {gte: 2}\n");
  RuleFixture one(text), other(text);
  for (RuleFixture* rules : {&one, &other}) rules->Tell(0, {Text("a", "1")});
  const auto first = one.Tell(1, {Text("a", "1")});
  const auto second = other.Tell(1, {Text("a", "1")});
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0].id == second[0].id);
  CHECK_FALSE(first[0].id.empty());
}
