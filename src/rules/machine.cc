#include "rules/machine.h"

#include <algorithm>

#include "rules/sequence_machine.h"
#include "rules/window_machine.h"

namespace neurallog::rules {
namespace {

std::unique_ptr<Machine> MakeCounting(std::shared_ptr<const Stateful> rule) {
  const auto fits = [](const Bound& bound) { return bound.number < UINT16_MAX; };
  if (std::all_of(rule->bounds.begin(), rule->bounds.end(), fits))
    return std::make_unique<WindowMachine<CountValues<uint16_t>>>(std::move(rule));
  return std::make_unique<WindowMachine<CountValues<uint32_t>>>(std::move(rule));
}

}  // namespace

std::unique_ptr<Machine> Machine::Make(std::shared_ptr<const Stateful> rule) {
  switch (rule->type) {
    case RuleType::kMatch: return nullptr;
    case RuleType::kThreshold:
    case RuleType::kNewTerm: return MakeCounting(std::move(rule));
    case RuleType::kDistinct:
      return std::make_unique<WindowMachine<DistinctValues>>(std::move(rule));
    case RuleType::kMetric:
      if (rule->aggregate == Aggregate::kPercentile)
        return std::make_unique<WindowMachine<QuantileValues>>(std::move(rule));
      return std::make_unique<WindowMachine<MetricValues>>(std::move(rule));
    case RuleType::kChange: return std::make_unique<WindowMachine<ChangeValues>>(std::move(rule));
    case RuleType::kSpike: return std::make_unique<WindowMachine<SpikeValues>>(std::move(rule));
    case RuleType::kPercentage:
      return std::make_unique<WindowMachine<ShareValues>>(std::move(rule));
    case RuleType::kAbsence:
      if (rule->steps.empty()) return MakeCounting(std::move(rule));
      [[fallthrough]];
    case RuleType::kSequence: return std::make_unique<SequenceMachine>(std::move(rule));
  }
  return nullptr;
}

}  // namespace neurallog::rules
