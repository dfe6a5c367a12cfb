#include "detection/cost_watch.h"

#include <map>

namespace neurallog::detection {

std::vector<SlowRule> CostWatch::Look(const CompiledRules& rules, const rules::Matcher& matcher,
                                      uint64_t ns_max) {
  const uint64_t rows = matcher.timed_rows() - rows_before_;
  if (rows < kTimedRowsMin) return {};
  rows_before_ = matcher.timed_rows();
  ns_before_.resize(matcher.set().rules());
  std::map<const RuleInfo*, uint64_t> costs;  // a rule may have several places
  for (uint32_t place = 0; place < ns_before_.size(); ++place) {
    const uint64_t ns = matcher.counts(place).timed_ns;
    if (ns != ns_before_[place]) costs[&rules.of_set(place)] += ns - ns_before_[place];
    ns_before_[place] = ns;
  }
  std::vector<SlowRule> slow;
  for (const auto& [rule, ns] : costs)
    if (ns / rows > ns_max) slow.push_back({rule->id, rule->version, ns / rows});
  return slow;
}

}  // namespace neurallog::detection
