// Which groups of rules a record is for: its log sources, found from a few of its fields.
//
// A route is a conjunction of "field is one of these texts". All routes are decided together: each value
// of a field that routes ask for is looked up once, and marks the routes that it fits. Immutable after
// the compiler has filled it; thread-safe. The marks belong to the matcher.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace neurallog::rules {

class RouteTable {
 public:
  static constexpr int32_t kNoAliases = -1;
  static constexpr size_t kConditionsMax = 32;  // of one route

  struct Route {
    uint32_t all_bits;  // one for each condition
    uint32_t group;
    int32_t aliases;  // a set of aliases that hold for records of this route
  };
  struct Condition {
    uint32_t field;
    std::vector<std::string> values;  // folded
  };

  // A route without conditions takes every record.
  void Add(const std::vector<Condition>& conditions, uint32_t group, int32_t aliases);

  const std::vector<Route>& routes() const { return routes_; }
  // Routes without conditions.
  const std::vector<uint32_t>& unconditional() const { return unconditional_; }
  const std::vector<uint32_t>& fields() const { return fields_; }

  // Calls mark(route, bit) for each condition that the value fits.
  template <typename F>
  void Look(size_t field_index, std::string_view folded, F mark) const {
    const auto found = by_value_[field_index].find(folded);
    if (found == by_value_[field_index].end()) return;
    for (const auto& [route, bit] : found->second) mark(route, bit);
  }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Marks = std::vector<std::pair<uint32_t, uint32_t>>;

  size_t IndexOfField(uint32_t field);

  std::vector<Route> routes_;
  std::vector<uint32_t> unconditional_;
  std::vector<uint32_t> fields_;
  std::vector<std::unordered_map<std::string, Marks, TextHash, std::equal_to<>>> by_value_;
};

}  // namespace neurallog::rules
