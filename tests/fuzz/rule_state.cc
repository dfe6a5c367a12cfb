// Any bytes behind a right checksum are refused or are a state that rules of every type can go on with.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "rules/rule_parser.h"
#include "rules/rule_state.h"

using namespace neurallog;

namespace {

// As the records of the states in the corpus.
constexpr int64_t kStartNs = 1'000'000'000'000;
constexpr int64_t kStepNs = 3'000'000'000;

constexpr std::string_view kRules = R"(
name: threshold
type: threshold
detection: {s: {a: 1}, condition: s}
window: {size: 1m, group_by: [g], max_groups: 8}
threshold: {gte: 2}
suppress: {cooldown: 1m}
---
name: metric
type: metric
detection: {s: {a: 1}, condition: s}
window: {type: session, gap: 1m, group_by: [g], max_groups: 8}
metric: {field: g, agg: p50}
threshold: {gte: 2}
---
name: distinct
type: distinct
detection: {s: {a: 1}, condition: s}
window: {type: tumbling, size: 1m, group_by: [g], max_groups: 8}
distinct: {field: g}
threshold: {lt: 2}
---
name: spike
type: spike
detection: {s: {a: 1}, condition: s}
window: {size: 1m, group_by: [g], max_groups: 8}
threshold: {gte: 2}
---
name: absence
type: absence
detection: {s: {a: 1}, condition: s}
window: {group_by: [g], max_groups: 8}
absence: {within: 1m, without: {detection: {s: {a: 2}, condition: s}}}
)";

std::shared_ptr<const rules::RulePlan> Plan() {
  std::vector<rules::Rule> rules;
  for (rules::Parsed& parsed : rules::ParseRules(kRules, {})) rules.push_back(*parsed.rule);
  std::vector<rules::RulePlan::LeftOut> left_out;
  return rules::RulePlan::Make(std::move(rules), {}, &left_out);
}

void Run(rules::RuleState* state) {
  model::RecordBatchBuilder builder(1024);
  for (int i = 0; i < 20; ++i) {
    builder.BeginRow();
    builder.AddField(builder.NameId("g"), ValueType::kString, std::to_string(i % 10));
    builder.EndRow(kStartNs + i * kStepNs);
  }
  const auto batch = builder.Finish();
  std::vector<rules::Firing> firings;
  std::vector<uint32_t> inputs;
  for (uint32_t i = 0; i < state->plan().inputs().size(); ++i) inputs.push_back(i);
  state->Bind(*batch);
  const char* row = batch->first_row();
  for (uint64_t i = 0; i < batch->rows(); ++i) {
    state->Observe(inputs, row, i + 1, 2 * kStartNs, &firings);
    if (i % 5 == 4) state->Advance(2 * kStartNs + static_cast<int64_t>(i) * kStepNs, &firings);
    row = model::RowReader(row).next_row();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto plan = Plan();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  rules::RuleState state(plan);
  (void)state.Decode(input).ok();
  // The bytes of one rule's machine, the first of which says which one.
  rules::RuleState first(plan);
  std::string bytes = first.Encode().substr(0, 9);
  if (!input.empty()) {
    const auto number = static_cast<unsigned char>(input[0]) % plan->rules().size();
    const auto& fingerprint = plan->rules()[number].stateful->fingerprint;
    base::AppendLe(&bytes, fingerprint.high);
    base::AppendLe(&bytes, fingerprint.low);
    base::AppendLengthPrefixed(&bytes, input.substr(1));
    base::AppendLengthPrefixed(&bytes,
                               number == 0 ? std::string_view("\0\0", 2) : std::string_view());
  }
  base::StoreLe(bytes.data() + 4, base::Crc32c(0, bytes.data() + 8, bytes.size() - 8));
  rules::RuleState state2(plan);
  if (state2.Decode(bytes).ok()) {
    rules::RuleState again(plan);
    if (!again.Decode(state2.Encode()).ok()) std::abort();
  }
  Run(&state2);
  return 0;
}
