// Reads a detection: named selections and a condition over them, in Sigma's grammar.
//
//   detection:
//     selection: {Image|endswith: '\cmd.exe', CommandLine|contains: [whoami, net user]}
//     filter: {User: SYSTEM}
//     condition: selection and not filter
//
// A map means all of its items, a list of maps any of them, a list of values any of them, or all
// with the modifier `all`; values without a field are searched in every field.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/document.h"
#include "rules/expression.h"
#include "rules/lists.h"

namespace neurallog::rules {

// At a limit the rule is refused with a problem that names it.
struct DetectionLimits {
  size_t tests_max = 200'000;       // values of one rule, counted where the condition uses them
  size_t value_bytes_max = 16'384;  // of one value
  RegexpLimits regexp;
};

struct DetectionContext {
  const Lists* lists;
  const DetectionLimits* limits;
  std::vector<Problem>* problems;
  std::set<std::string>* missing_lists;  // that the detection names and `lists` does not have
};

// Nothing when a problem or a missing list was found. `name` says what is read in messages.
std::optional<Expression> ParseDetection(const Node& detection, std::string_view name,
                                         const DetectionContext& context);

// The member `detection` or `query` (LogsQL) of a rule or step; a problem when it has both. Nothing as above.
std::optional<Expression> ParseConditionOf(const Node& node, const DetectionContext& context);

}  // namespace neurallog::rules
