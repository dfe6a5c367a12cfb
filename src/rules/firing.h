// What a rule has to report: the records and the window for which it holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"

namespace neurallog::rules {

struct Firing {
  uint32_t rule = 0;               // its place in RulePlan::rules()
  base::Hash128Value id;           // the same whenever the same rows are seen again
  base::Hash128Value key;          // of the group's values
  std::vector<std::string> group;  // values of RulePlan::group_fields(rule), in order
  int64_t at_ns = 0;               // when it came to hold
  int64_t start_ns = 0;            // the window, or the first and last record of a sequence
  int64_t end_ns = 0;
  double value = 0;            // what was compared: a count, a sum, a share, ...
  std::vector<uint64_t> rows;  // some of them, oldest first; a firing by a record ends with it
};

}  // namespace neurallog::rules
