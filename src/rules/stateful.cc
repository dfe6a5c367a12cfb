#include "rules/stateful.h"

#include <algorithm>

namespace neurallog::rules {
namespace {

bool Holds(const Bound& bound, double value) {
  switch (bound.comparison) {
    case Comparison::kLess: return value < bound.number;
    case Comparison::kLessEqual: return value <= bound.number;
    case Comparison::kGreater: return value > bound.number;
    case Comparison::kGreaterEqual: return value >= bound.number;
    case Comparison::kEqual: return value == bound.number;
    case Comparison::kNotEqual: return value != bound.number;
  }
  return false;
}

bool IsLower(const Bound& bound) {
  return bound.comparison == Comparison::kGreater || bound.comparison == Comparison::kGreaterEqual;
}

}  // namespace

bool HoldAll(const std::vector<Bound>& bounds, double value) {
  return std::all_of(bounds.begin(), bounds.end(),
                     [&](const Bound& bound) { return Holds(bound, value); });
}

bool IsMonotone(const Stateful& rule) {
  if (rule.type == RuleType::kNewTerm || rule.type == RuleType::kChange) return true;
  const bool counts = rule.type == RuleType::kThreshold || rule.type == RuleType::kDistinct;
  return counts && std::all_of(rule.bounds.begin(), rule.bounds.end(), IsLower);
}

}  // namespace neurallog::rules
