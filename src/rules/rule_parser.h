// Documents to rules: Sigma's rules, correlations and filters of specification 2.1, and our own
// rules (docs/rules.md), which share Sigma's detections.
//
//   for (const Parsed& parsed : ParseRules(text, options))
//     if (parsed.state() == Parsed::State::kReady) Use(*parsed.rule);
//
// Every problem of a document is reported at once, with line and column.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/detection_parser.h"
#include "rules/rule.h"

namespace neurallog::rules {

struct ParseOptions {
  const Lists* lists = nullptr;  // none: every list is missing
  DocumentLimits document = {};
  DetectionLimits detection = {};
};

// One document. At most one of rule, correlation and filter is set.
struct Parsed {
  enum class State : uint8_t { kReady, kNeedsLists, kFailed };

  std::optional<Rule> rule;
  std::optional<Correlation> correlation;
  std::optional<Filter> filter;
  Position at;
  std::string title;  // also of a document that failed, as far as it could be read
  std::vector<Problem> problems;
  std::set<std::string> missing_lists;

  State state() const {
    if (!problems.empty()) return State::kFailed;
    return missing_lists.empty() ? State::kReady : State::kNeedsLists;
  }
};

// A syntax error ends the text; it is one more document that failed.
std::vector<Parsed> ParseRules(std::string_view text, const ParseOptions& options);
Parsed ParseRule(const Node& document, const ParseOptions& options);

}  // namespace neurallog::rules
