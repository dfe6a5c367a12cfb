// The tests that a rule carries, run before it is put to work.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "detection/compiled_rules.h"

namespace neurallog::detection {

// What is wrong with the tests of the rule, and which of them fail, at their places in its document. `stored` are the tenant's rules with it,
// which it may refer to, and `compiled` says which of them run. Nothing for a rule that does not run.
std::vector<rules::Problem> RunOwnTests(
    const StoredRule& rule, const std::map<std::string, StoredRule, std::less<>>& stored,
    const CompiledRules& compiled, const rules::Lists& lists);

}  // namespace neurallog::detection
