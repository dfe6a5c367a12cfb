#include "detection/own_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "rules/rule_tests.h"

namespace neurallog::detection {
namespace {

// The documents of the rule and of those that it refers to, also by others.
std::string WithReferred(const StoredRule& rule,
                         const std::map<std::string, StoredRule, std::less<>>& stored,
                         const CompiledRules& compiled, const rules::Lists& lists) {
  std::string text = rule.document + "\n";
  std::set<std::string, std::less<>> seen{rule.id};
  std::vector<const StoredRule*> to_read{&rule};
  while (!to_read.empty()) {
    const ReadRule read = ReadDocument(to_read.back()->document, lists);
    to_read.pop_back();
    for (const std::string& name : ReferredBy(read)) {
      const RuleInfo* const info = compiled.FindByName(name);
      if (info == nullptr || !seen.insert(info->id).second) continue;
      to_read.push_back(&stored.find(info->id)->second);
      text.append("---\n").append(to_read.back()->document).append("\n");
    }
  }
  return text;
}

}  // namespace

std::vector<rules::Problem> RunOwnTests(
    const StoredRule& rule, const std::map<std::string, StoredRule, std::less<>>& stored,
    const CompiledRules& compiled, const rules::Lists& lists) {
  const RuleInfo* const info = compiled.Find(rule.id);
  const bool may_have_tests = rule.document.find("tests") != std::string::npos;
  if (!may_have_tests || info == nullptr || info->state == RuleState::kFailed ||
      info->state == RuleState::kNeedsLists)
    return {};
  rules::ParseOptions options;
  options.lists = &lists;
  const auto lines = std::count(rule.document.begin(), rule.document.end(), '\n') + 1;
  const rules::RuleTests tests =
      rules::RunRuleTests(WithReferred(rule, stored, compiled, lists), options);
  std::vector<rules::Problem> problems;
  for (const rules::Problem& problem : tests.problems)
    if (problem.at.line > 0 && problem.at.line <= lines) problems.push_back(problem);
  for (const rules::RuleTestResult& result : tests.results)
    if (!result.passed() && result.at.line <= lines)
      problems.push_back({result.at, fmt::format("test \"{}\" expected {} matches, found {}",
                                                 result.name, result.expected, result.fired)});
  return problems;
}

}  // namespace neurallog::detection
