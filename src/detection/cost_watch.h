// Finds rules that take too long for a stream: more than so many nanoseconds for each of its rows, over thousands.
//
//   CostWatch watch;
//   for (const SlowRule& slow : watch.Look(*rules, *matcher, ns_max)) ...     // now and then
//   watch.RulesChanged();                                                      // another matcher is at work
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "detection/compiled_rules.h"
#include "rules/matcher.h"

namespace neurallog::detection {

struct SlowRule {
  std::string id;
  uint64_t version;
  uint64_t ns;  // for a row
};

class CostWatch {
 public:
  static constexpr uint64_t kTimedRowsMin = 256;  // before anything is said

  void RulesChanged() {
    rows_before_ = 0;
    ns_before_.clear();
  }
  // Rules that took more than `ns_max` for each row since the last time that so many rows had come.
  std::vector<SlowRule> Look(const CompiledRules& rules, const rules::Matcher& matcher,
                             uint64_t ns_max);

 private:
  uint64_t rows_before_ = 0;
  std::vector<uint64_t> ns_before_;  // by place in the set
};

}  // namespace neurallog::detection
