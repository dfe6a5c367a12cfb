// The tests that rules carry with them:
//
//   tests:
//     - name: the third failure fires
//       events:
//         - {user: ann, outcome: failure}                            # 2025-01-01T00:00:00Z
//         - {user: ann, outcome: failure}                            # each a second later
//         - {_time: "2025-01-01T00:01:00Z", user: ann, outcome: failure}
//         - {advance: 10m}                                           # nothing comes for so long
//       expect: {matches: 1}
//
// All rules of the text run, so that one may refer to another; what the rule with the test fires is counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/rule_parser.h"

namespace neurallog::rules {

struct RuleTestResult {
  std::string rule;  // its name
  std::string name;  // of the test
  Position at;
  uint64_t expected = 0;
  uint64_t fired = 0;

  bool passed() const { return fired == expected; }
};

struct RuleTests {
  std::vector<RuleTestResult> results;
  std::vector<Problem>
      problems;  // of rules and tests; the tests of a text with problems are not run
};

RuleTests RunRuleTests(std::string_view text, const ParseOptions& options);

}  // namespace neurallog::rules
