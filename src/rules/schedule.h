// When a rule is at work:
//
//   schedule: {timezone: Europe/Berlin, active: ["Mon-Fri 08:00-20:00", "Sat 09:00-12:00"]}
//
// Records of other times match nothing and count for nothing, and what would fire then does not. Immutable.
#pragma once

#include <memory>
#include <vector>

#include "base/time_interval.h"
#include "rules/map_reader.h"

namespace neurallog::rules {

struct Schedule {
  static constexpr size_t kIntervalsMax = 32;  // past it the rule is refused

  std::vector<base::TimeInterval> active;  // at least one

  bool Contains(int64_t time_ns) const { return base::AnyContains(active, time_ns); }
};

// Null: the rule is always at work, or there are new problems.
std::shared_ptr<const Schedule> ParseSchedule(const MapReader& rule,
                                              std::vector<Problem>* problems);

}  // namespace neurallog::rules
