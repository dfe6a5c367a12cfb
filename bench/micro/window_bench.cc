// Windows of rules: nanoseconds of CPU time per update, best of several rounds, and bytes per group.
//
//   window_bench [GROUPS [ROUNDS]]
//
// Each round makes four updates per group, of random groups, to a threshold that never holds: once told to the
// machine, and once as rows that are told to RuleState, where the group's field is found and hashed.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "rules/machine.h"
#include "rules/rule_parser.h"
#include "rules/rule_state.h"

namespace {

using namespace neurallog;

constexpr int64_t kStartNs = 1'748'736'000'000'000'000;
constexpr std::string_view kRule =
    "name: r\ntype: threshold\ndetection: {s: {level: error}, condition: s}\n"
    "window: {size: 5m, group_by: [user], max_groups: 10000000}\nthreshold: {gte: 60000}\n";

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

double MachineRound(rules::Machine* machine, size_t groups, uint64_t* random) {
  std::vector<rules::Firing> firings;
  rules::Observation observation;
  observation.steps = 1;
  const size_t updates = 4 * groups;
  const double start = CpuNs();
  for (size_t i = 0; i < updates; ++i) {
    observation.key = KeyOf(NextRandom(random) % groups);
    observation.event_ns = observation.received_ns = kStartNs + static_cast<int64_t>(i * 10'000);
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
    builder.EndRow(kStartNs + static_cast<int64_t>(i * 10'000));
  }
  return builder.Finish();
}

double RowsRound(rules::RuleState* state, const model::RecordBatch& batch) {
  std::vector<rules::Firing> firings;
  const uint32_t input = 0;
  state->Bind(batch);
  const char* row = batch.first_row();
  const double start = CpuNs();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    state->Observe({&input, 1}, row, i + 1, kStartNs, &firings);
    row = model::RowReader(row).next_row();
  }
  return (CpuNs() - start) / static_cast<double>(batch.rows());
}

void Print(const char* what, double ns) {
  std::printf("%-8s %6.1f ns each, %5.1f million/s\n", what, ns, 1e3 / ns);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t groups = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  uint64_t random = 1;
  const auto machine = rules::Machine::Make(ParseRule().stateful);
  double best = MachineRound(machine.get(), groups, &random);
  for (int i = 1; i < rounds; ++i)
    best = std::min(best, MachineRound(machine.get(), groups, &random));
  Print("updates", best);
  std::printf("%u groups, %.1f bytes each\n", machine->groups(),
              static_cast<double>(machine->memory_bytes()) / machine->groups());
  std::vector<rules::RulePlan::LeftOut> left_out;
  std::vector<rules::Rule> parsed;
  parsed.push_back(ParseRule());
  rules::RuleState state(rules::RulePlan::Make(std::move(parsed), {}, &left_out),
                         {.groups_max = 10'000'000});
  const auto batch = MakeRows(groups, 4 * groups, &random);
  best = RowsRound(&state, *batch);
  for (int i = 1; i < rounds; ++i) best = std::min(best, RowsRound(&state, *batch));
  Print("rows", best);
  return 0;
}
