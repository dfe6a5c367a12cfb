// Windows of rules: nanoseconds of CPU time per update, best of several rounds, and bytes per group.
//
//   window_bench [GROUPS [ROUNDS]]
//
// Each round makes four updates per group, of random groups, 10 us after each other, so that nothing is late and
// windows move; to a threshold that never holds:
//   keys      observations with a ready key, told to the machine one by one
//   rows      rows that match, told to RuleState one by one: the group's field is found and hashed
//   together  the same as the rule stage does it, some rows expected before they are told: a window update
//   matched   and with the matcher before it: all that a row costs
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "rules/machine.h"
#include "rules/matcher.h"
#include "rules/rule_parser.h"
#include "rules/rule_state.h"

namespace {

using namespace neurallog;

constexpr int64_t kStartNs = 1'748'736'000'000'000'000;
constexpr int64_t kStepNs = 10'000;
constexpr std::string_view kRule =
    "name: r\ntype: threshold\ndetection: {s: {level: error}, condition: s}\n"
    "window: {size: 5m, group_by: [user], max_groups: 10000000, time: received}\nthreshold: {gte: "
    "60000}\n";

double CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

uint64_t NextRandom(uint64_t* state) {
  *state = *state * 6364136223846793005 + 1442695040888963407;
  return *state >> 24;
}

std::string User(uint64_t number) { return "user" + std::to_string(number); }

rules::Rule ParseRule() { return std::move(*rules::ParseRules(kRule, {})[0].rule); }

// As good as a hash, and in no memory of its own.
base::Hash128Value KeyOf(uint64_t number) {
  uint64_t low = number * 0x9e3779b97f4a7c15;
  low = (low ^ low >> 32) * 0xd6e8feb86659fd93;
  return {low ^ low >> 32, low * 0xa0761d6478bd642f};
}

double MachineRound(rules::Machine* machine, size_t groups, int64_t* now_ns, uint64_t* random) {
  std::vector<rules::Firing> firings;
  rules::Observation observation;
  observation.steps = 1;
  const size_t updates = 4 * groups;
  const double start = CpuNs();
  for (size_t i = 0; i < updates; ++i) {
    observation.key = KeyOf(NextRandom(random) % groups);
    observation.received_ns = *now_ns += kStepNs;
    observation.row_id = i + 1;
    machine->Observe(observation, &firings);
  }
  return (CpuNs() - start) / static_cast<double>(updates);
}

std::shared_ptr<const model::RecordBatch> MakeRows(size_t groups, size_t rows, uint64_t* random) {
  model::RecordBatchBuilder builder(rows * 128);
  for (size_t i = 0; i < rows; ++i) {
    builder.BeginRow();
    builder.AddField(builder.NameId("level"), ValueType::kString, "error");
    builder.AddField(builder.NameId("service"), ValueType::kString, "checkout");
    builder.AddField(builder.NameId("host"), ValueType::kString, "host-17");
    builder.AddField(builder.NameId("user"), ValueType::kString, User(NextRandom(random) % groups));
    builder.AddField(builder.NameId("message"), ValueType::kString, "payment was declined");
    builder.EndRow(kStartNs);
  }
  return builder.Finish();
}

// `inputs_of` says what a row matches; up to `together_max` rows are expected together, as far as the state wants.
template <typename InputsOf>
double RowsRound(rules::RuleState* state, const model::RecordBatch& batch, int64_t* now_ns,
                 size_t together_max, InputsOf inputs_of) {
  std::vector<rules::Firing> firings;
  state->Bind(batch);
  const char* row = batch.first_row();
  size_t together = 0;
  const double start = CpuNs();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    state->Expect(inputs_of(row), row, i + 1, *now_ns += kStepNs);
    if (++together == together_max || state->is_full())
      for (together = 0; state->expects();) state->Observe(&firings);
    row = model::RowReader(row).next_row();
  }
  while (state->expects()) state->Observe(&firings);
  return (CpuNs() - start) / static_cast<double>(batch.rows());
}

template <typename Round>
double BestOf(int rounds, Round round) {
  double best = round();
  for (int i = 1; i < rounds; ++i) best = std::min(best, round());
  return best;
}

void Print(const char* what, double ns) {
  std::printf("%-8s %6.1f ns each, %5.1f million/s\n", what, ns, 1e3 / ns);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t groups = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  uint64_t random = 1;
  int64_t now_ns = kStartNs;
  const auto machine = rules::Machine::Make(ParseRule().stateful);
  const auto of_keys = [&] { return MachineRound(machine.get(), groups, &now_ns, &random); };
  Print("keys", BestOf(rounds, of_keys));
  std::printf("%u groups, %.1f bytes each\n", machine->groups(),
              static_cast<double>(machine->memory_bytes()) / machine->groups());
  std::vector<rules::RulePlan::LeftOut> left_out;
  std::vector<rules::Rule> parsed;
  parsed.push_back(ParseRule());
  rules::RuleState state(rules::RulePlan::Make(std::move(parsed), {}, &left_out),
                         {.groups_max = 10'000'000});
  const auto batch = MakeRows(groups, 4 * groups, &random);
  const auto best_of = [&](size_t together_max, auto inputs_of) {
    return BestOf(rounds,
                  [&] { return RowsRound(&state, *batch, &now_ns, together_max, inputs_of); });
  };
  const uint32_t input = 0;
  const auto all_match = [&](const char*) { return std::span(&input, 1); };
  Print("rows", best_of(1, all_match));
  Print("together", best_of(SIZE_MAX, all_match));
  rules::CompileReport report;
  rules::Matcher matcher(rules::RuleSet::Compile(state.plan().inputs(), {}, {}, &report));
  matcher.Bind(*batch);
  Print("matched", best_of(SIZE_MAX, [&](const char* row) { return matcher.Match(row); }));
  return 0;
}
