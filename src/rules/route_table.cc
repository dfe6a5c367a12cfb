#include "rules/route_table.h"

#include <algorithm>

#include "base/check.h"

namespace neurallog::rules {

void RouteTable::Add(const std::vector<Condition>& conditions, uint32_t group, int32_t aliases) {
  NL_CHECK(conditions.size() < kConditionsMax);
  const auto route = static_cast<uint32_t>(routes_.size());
  routes_.push_back({(1u << conditions.size()) - 1, group, aliases});
  if (conditions.empty()) unconditional_.push_back(route);
  for (size_t i = 0; i < conditions.size(); ++i) {
    auto& values = by_value_[IndexOfField(conditions[i].field)];
    for (const std::string& value : conditions[i].values)
      values[value].emplace_back(route, 1u << i);
  }
}

size_t RouteTable::IndexOfField(uint32_t field) {
  const auto found = std::find(fields_.begin(), fields_.end(), field);
  if (found != fields_.end()) return static_cast<size_t>(found - fields_.begin());
  fields_.push_back(field);
  by_value_.resize(fields_.size());
  return IndexOfField(field);
}

}  // namespace neurallog::rules
