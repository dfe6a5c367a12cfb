// What an action keeps to itself, and what it says at once: a part of an action's settings.
//
//   {"group":{"by":["rule","service"],"wait":"30s","interval":"5m","repeat":"4h","max_items":100},
//    "mute_time_intervals":["weekends"],"active_time_intervals":["office-hours"]}
//
// As Alertmanager's routes have it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actions/noise_book.h"
#include "base/json_value.h"

namespace neurallog::actions {

// Notices with the same values of some labels are one notice.
struct Grouping {
  static constexpr size_t kByMax = 32;
  static constexpr uint32_t kItemsMax = 1'000;

  bool by_each = false;                           // by all labels: each alert is told by itself
  std::vector<std::string> by;                    // none: all that the action tells is one group
  int64_t wait_ns = int64_t{30} * 1'000'000'000;  // before the first notice of a group
  int64_t interval_ns = int64_t{300} * 1'000'000'000;  // before the next one, when something is new
  int64_t repeat_ns = int64_t{14'400} * 1'000'000'000;  // when nothing is; 0: never
  uint32_t items_max = 100;                             // that a notice shows
};

struct Quiet {
  std::optional<Grouping> grouping;
  std::vector<std::string> mute_times;    // not in these time intervals ...
  std::vector<std::string> active_times;  // ... and only in these, if there are any

  // One of "group", "mute_time_intervals" and "active_time_intervals". InvalidArgument names what is wrong.
  static bool IsMember(std::string_view name);
  Status Read(std::string_view name, const base::JsonValue& json);
  // {} when nothing is said.
  std::string ToJson() const;

  // Whether nothing is told now; `rules` may be null.
  bool IsMutedAt(int64_t wall_ns, const NoiseRules* rules) const;
};

}  // namespace neurallog::actions
