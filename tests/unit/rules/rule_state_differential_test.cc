// Rules with state against the naive implementation: random rules and records, out of order in time, cut
// into batches anywhere, with restarts in between.
#include <catch2/catch.hpp>
#include <random>

#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "rules/rule_state.h"
#include "support/memory_blocks.h"
#include "support/naive_state.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;
using testing::NaiveFiring;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }
  std::string Pick(const std::vector<std::string>& choices) {
    return choices[static_cast<size_t>(Below(static_cast<int64_t>(choices.size())))];
  }
  std::string Seconds(int64_t from, int64_t to) {
    return std::to_string(from + Below(to - from)) + "s";
  }

 private:
  std::mt19937_64 random_;
};

class RandomStateful {
 public:
  explicit RandomStateful(Random* random) : random_(*random) {}

  std::string Rule(int number) {
    const std::string type = random_.Pick({"threshold", "distinct", "metric", "sequence", "absence",
                                           "change", "new_term", "spike", "percentage"});
    std::string rule = "---\nid: r" + std::to_string(number) + "\nname: r\ntype: " + type + "\n";
    if (type != "sequence") rule += "detection: " + Detection() + "\n";
    if (type == "distinct") rule += "distinct: {field: " + random_.Pick({"v", "[v, h]"}) + "}\n";
    if (type == "change") rule += "change: {field: " + random_.Pick({"v", "[n, v]"}) + "}\n";
    if (type == "new_term")
      rule += "new_term: {field: v" + random_.Pick({"", ", learn: 60s"}) + "}\n";
    if (type == "metric")
      rule += "metric: {field: n, agg: " + random_.Pick({"sum", "avg", "min", "max"}) + "}\n";
    if (type == "spike") rule += random_.Pick({"", "spike: {min_before: 2, min: 3}\n"});
    if (type == "percentage")
      rule += "percentage: {min: " + std::to_string(1 + random_.Below(4)) +
              ", detection: " + Detection() + "}\n";
    if (type == "sequence") rule += Sequence();
    if (type == "absence")
      rule += "absence: {within: " + random_.Seconds(5, 60) +
              random_.Pick({"", ", without: {detection: " + Detection() + "}"}) + "}\n";
    const bool has_bounds =
        type != "sequence" && type != "absence" && type != "change" && type != "new_term";
    if (has_bounds) rule += "threshold: {" + Bounds(type) + "}\n";
    return rule + Window(type);
  }

 private:
  std::string Detection() {
    return "{s: {e: " + random_.Pick({"a", "b", "c", "[a, b]", "[b, c, d]"}) + "}, condition: s}";
  }
  std::string Sequence() {
    std::string steps = "{detection: " + Detection() + "}";
    const int64_t more = random_.Below(4);
    for (int64_t i = 0; i < more; ++i) {
      const std::string step =
          "{detection: " + Detection() + random_.Pick({"", "", ", min: 2", ", not: true"}) + "}";
      steps = random_.Below(4) == 0 ? step + ", " + steps : steps + ", " + step;
    }
    return "sequence: {within: " + random_.Seconds(5, 60) +
           random_.Pick({"", "", ", ordered: false"}) + ", steps: [" + steps + "]}\n";
  }
  std::string Bounds(const std::string& type) {
    if (type == "percentage") return random_.Pick({"gte: 50", "lt: 30", "gt: 20, lt: 60"});
    if (type == "spike") return random_.Pick({"gte: 2", "lt: 0.5", "gt: 1"});
    return random_.Pick({"gte: 3", "gt: 4", "lt: 3", "eq: 2", "gte: 2, lte: 5", "neq: 1"});
  }
  std::string Window(const std::string& type) {
    const bool has_steps = type == "sequence" || type == "absence";
    const bool is_sliding = has_steps || type == "change" || type == "new_term" || type == "spike";
    const std::string kind =
        is_sliding ? "sliding" : random_.Pick({"sliding", "tumbling", "session"});
    std::string window = "window: {type: " + kind;
    if (kind == "session") window += ", gap: " + random_.Seconds(5, 30);
    if (!has_steps && (kind != "session" || random_.Below(2) == 0))
      window += ", size: " + random_.Seconds(10, 100);
    window += random_.Pick({"", ", group_by: [g]", ", group_by: [g, h]"});
    window += random_.Pick({"", "", ", time: received"});
    return window + random_.Pick({"", ", allowed_lateness: 5s", ", allowed_lateness: 0"}) + "}\n";
  }

  Random& random_;
};

struct Told {
  bool is_row = false;
  int64_t wall_ns = 0;  // of arrival, or of the advance
  testing::TestRecord record;
};

std::vector<Told> RandomStream(Random* random, size_t count) {
  std::vector<Told> stream;
  int64_t wall = 1'748'736'000 * kSecond;
  for (size_t i = 0; i < count; ++i) {
    wall += random->Below(5) == 0 ? random->Below(20) * kSecond : random->Below(3) * kSecond / 2;
    if (random->Below(60) == 0) wall += 200 * kSecond;
    Told told{random->Below(8) != 0, wall, {}};
    if (told.is_row) {
      told.record.timestamp_ns = wall - random->Below(3) * random->Below(4) * kSecond;
      if (random->Below(50) == 0) told.record.timestamp_ns += 5000 * kSecond;
      const auto add = [&](const char* name, std::vector<std::string> values) {
        if (random->Below(12) != 0)
          told.record.fields.push_back({name, ValueType::kString, random->Pick(values)});
      };
      add("e", {"a", "b", "c", "d"});
      add("g", {"x", "y"});
      add("h", {"1", "2"});
      add("v", {"u", "v", "w"});
      add("n", {"1", "2", "5", "-3", "none"});
    }
    stream.push_back(std::move(told));
  }
  return stream;
}

class Compared {
 public:
  explicit Compared(const std::string& text) {
    std::vector<Rule> rules;
    for (Parsed& parsed : ParseRules(text, {})) {
      for (const Problem& problem : parsed.problems) UNSCOPED_INFO(ToString(problem));
      // A sequence of nothing but steps that must not come is refused.
      if (parsed.rule) rules.push_back(std::move(*parsed.rule));
    }
    std::vector<RulePlan::LeftOut> left_out;
    plan_ = RulePlan::Make(std::move(rules), {}, &left_out);
    CompileReport report;
    set_ = RuleSet::Compile(plan_->inputs(), {}, {}, &report);
    REQUIRE(left_out.empty());
    REQUIRE(report.left_out.empty());
  }

  using Firings = std::vector<std::vector<std::vector<NaiveFiring>>>;  // by time and rule

  Firings Naive(const std::vector<Told>& stream) {
    std::vector<testing::NaiveState> states;
    for (const Rule& rule : plan_->rules()) states.emplace_back(*rule.stateful);
    Matcher matcher(set_);
    Firings all;
    uint64_t number = 0;
    for (const Told& told : stream) {
      all.emplace_back(states.size());
      std::vector<uint32_t> steps(states.size());
      if (told.is_row) steps = StepsOf(&matcher, told.record);
      number += told.is_row;
      for (size_t rule = 0; rule < states.size(); ++rule) {
        if (told.is_row && steps[rule] == 0) continue;
        testing::NaiveRow row{told.record.timestamp_ns, told.wall_ns, number, steps[rule], {}};
        for (const auto& field : told.record.fields) row.fields[field.name] = field.value;
        auto fired = told.is_row ? states[rule].Observe(row) : states[rule].Advance(told.wall_ns);
        std::sort(fired.begin(), fired.end());
        all.back()[rule] = std::move(fired);
      }
    }
    return all;
  }

  // In batches of up to `batch_rows` rows, some of which are expected together, with a restart before every
  // `restart`th batch (0: none). Rows have their places in the stream as numbers.
  Firings Real(const std::vector<Told>& stream, size_t batch_rows, size_t restart, Random* random) {
    auto state = std::make_unique<RuleState>(plan_);
    Matcher matcher(set_);
    Firings all(stream.size(), Plain({}));
    for (size_t at = 0; at < stream.size();) {
      if (restart != 0 && random->Below(static_cast<int64_t>(restart)) == 0) Restart(&state);
      if (!stream[at].is_row) {
        std::vector<Firing> fired;
        state->Advance(stream[at].wall_ns, &fired);
        all[at++] = Plain(fired);
        continue;
      }
      std::vector<testing::TestRecord> records;
      const size_t first = at;
      for (; at < stream.size() && stream[at].is_row && records.size() < batch_rows; ++at)
        records.push_back(stream[at].record);
      const auto batch = testing::MakeBatch(records);
      matcher.Bind(*batch);
      state->Bind(*batch);
      const auto rows = testing::RowsOf(*batch);
      for (size_t i = 0; i < rows.size(); ++i) {
        state->Expect(matcher.Match(rows[i].row), rows[i].row, first + i + 1,
                      stream[first + i].wall_ns);
        if (random->Below(4) == 0) ObserveRows(state.get(), &all);
      }
      ObserveRows(state.get(), &all);
    }
    return all;
  }

  struct Run {
    std::vector<Firing> firings;
    std::string state;
  };
  // In one batch, up to `together` rows expected together.
  Run RunOf(const std::vector<Told>& stream, uint64_t together) {
    std::vector<testing::TestRecord> records;
    for (const Told& told : stream)
      if (told.is_row) records.push_back(told.record);
    const auto batch = testing::MakeBatch(records);
    RuleState state(plan_, {.groups_max = 40});
    Matcher matcher(set_);
    matcher.Bind(*batch);
    state.Bind(*batch);
    Run run;
    uint64_t number = 0;
    for (const auto& row : testing::RowsOf(*batch)) {
      state.Expect(matcher.Match(row.row), row.row, ++number, stream.back().wall_ns);
      if (number % together == 0)
        while (state.expects()) state.Observe(&run.firings);
    }
    while (state.expects()) state.Observe(&run.firings);
    run.state = state.Encode();
    return run;
  }

 private:
  void ObserveRows(RuleState* state, Firings* all) {
    while (state->expects()) {
      std::vector<Firing> fired;
      const uint64_t number = state->Observe(&fired).row_id;
      (*all)[number - 1] = Plain(fired);
    }
  }

  // By rule: which of its steps the record matches.
  std::vector<uint32_t> StepsOf(Matcher* matcher, const testing::TestRecord& record) {
    const auto batch = testing::MakeBatch({record});
    matcher->Bind(*batch);
    std::vector<uint32_t> steps(plan_->rules().size());
    for (const uint32_t input : matcher->Match(batch->first_row()))
      for (const RulePlan::Feed& feed : plan_->targets()[input].feeds)
        steps[feed.rule] |= feed.steps;
    return steps;
  }

  void Restart(std::unique_ptr<RuleState>* state) {
    const std::string bytes = (*state)->Encode();
    *state = std::make_unique<RuleState>(plan_);
    REQUIRE((*state)->Decode(bytes).ok());
    REQUIRE((*state)->Encode() == bytes);
  }

  std::vector<std::vector<NaiveFiring>> Plain(const std::vector<Firing>& fired) {
    std::vector<std::vector<NaiveFiring>> plain(plan_->rules().size());
    for (const Firing& one : fired) {
      const Stateful& rule = *plan_->rules()[one.rule].stateful;
      const bool is_sequence = rule.type == RuleType::kSequence ||
                               (rule.type == RuleType::kAbsence && !rule.steps.empty());
      plain[one.rule].push_back(
          {one.group, one.at_ns, one.start_ns, one.end_ns, is_sequence ? 0 : one.value});
    }
    for (auto& list : plain) std::sort(list.begin(), list.end());
    return plain;
  }

  std::shared_ptr<const RulePlan> plan_;
  std::shared_ptr<const RuleSet> set_;
};

std::string Describe(const std::vector<NaiveFiring>& fired) {
  std::string text;
  for (const NaiveFiring& one : fired) {
    for (const std::string& value : one.group) text += value + ",";
    text += " at " + std::to_string(one.at_ns) + " window " + std::to_string(one.start_ns) + ".." +
            std::to_string(one.end_ns) + " value " + std::to_string(one.value) + "; ";
  }
  return text;
}

}  // namespace

TEST_CASE("rules with state fire when the naive implementation does") {
  const uint64_t seed = testing::RandomSeed();
  size_t fired = 0;
  for (uint64_t round = 0; round < 30; ++round) {
    INFO("NL_SEED=" << seed << " round " << round);
    Random random(seed * 1000 + round);
    std::string text;
    for (int i = 0; i < 12; ++i) text += RandomStateful(&random).Rule(i);
    Compared compared(text);
    const std::vector<Told> stream = RandomStream(&random, 300);
    const auto expected = compared.Naive(stream);
    for (const auto& [batch_rows, restart] :
         {std::pair<size_t, size_t>{1, 0}, {1, 10}, {7, 5}, {300, 0}}) {
      const auto got = compared.Real(stream, batch_rows, restart, &random);
      REQUIRE(got.size() == expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        for (size_t rule = 0; rule < got[i].size(); ++rule) {
          if (got[i][rule] == expected[i][rule]) continue;
          FAIL("record " << i << ", rule " << rule << "\nexpected " << Describe(expected[i][rule])
                         << "\ngot " << Describe(got[i][rule]) << "\n"
                         << text);
        }
      }
    }
    for (const auto& by_rule : expected)
      for (const auto& list : by_rule) fired += list.size();
  }
  CHECK(fired > 1000);
}

TEST_CASE("rows that are expected together fire as they do one by one") {
  const uint64_t seed = testing::RandomSeed();
  size_t fired = 0;
  for (uint64_t round = 0; round < 20; ++round) {
    INFO("NL_SEED=" << seed << " round " << round);
    Random random(seed * 1000 + round);
    std::string text;
    for (int i = 0; i < 20; ++i) text += RandomStateful(&random).Rule(i);
    Compared compared(text);
    const std::vector<Told> stream = RandomStream(&random, 300);
    const auto expected = compared.RunOf(stream, 1);
    for (const uint64_t together : {2, 7, 300}) {
      const auto got = compared.RunOf(stream, together);
      CHECK(got.state == expected.state);
      REQUIRE(got.firings.size() == expected.firings.size());
      for (size_t i = 0; i < got.firings.size(); ++i) {
        CHECK(got.firings[i].id == expected.firings[i].id);
        CHECK(got.firings[i].rule == expected.firings[i].rule);
        CHECK(got.firings[i].rows == expected.firings[i].rows);
        CHECK(got.firings[i].group == expected.firings[i].group);
        CHECK(got.firings[i].value == expected.firings[i].value);
      }
    }
    fired += expected.firings.size();
  }
  CHECK(fired > 1000);
}
