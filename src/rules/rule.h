// What documents of rules say, as plain data: rules, Sigma's correlations and filters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/alerting.h"
#include "rules/expression.h"
#include "rules/schedule.h"
#include "rules/stateful.h"

namespace neurallog::rules {

enum class Severity : uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
std::string_view SeverityName(Severity severity);

// Which kind of log a rule reads. An empty part means any.
struct LogSource {
  std::string product;
  std::string category;
  std::string service;

  bool empty() const { return product.empty() && category.empty() && service.empty(); }
  // Whether this has all parts that `wanted` gives.
  bool Fits(const LogSource& wanted) const {
    return (wanted.product.empty() || wanted.product == product) &&
           (wanted.category.empty() || wanted.category == category) &&
           (wanted.service.empty() || wanted.service == service);
  }
  auto operator<=>(const LogSource&) const = default;
};
// "windows/process_creation/-", for messages.
std::string ToString(const LogSource& source);

struct Rule {
  std::string id;    // a Sigma UUID, or what the author gave
  std::string name;  // Sigma's `name`, by which correlations refer to the rule; else `title`
  std::string title;
  Severity severity = Severity::kMedium;
  int priority = 50;
  bool enabled = true;
  LogSource source;
  // Sigma's licence (DRL 1.1) wants these in each match.
  std::string author;
  std::string license;
  std::vector<std::string> references;
  std::vector<std::string> tags;
  std::string description;
  std::string runbook;  // an address
  Alerting alerting;
  std::shared_ptr<const Schedule> schedule;  // none: always at work
  Expression condition;                      // of a sequence empty: its steps have their own
  // What the rule asks of many records; none: each match counts by itself.
  std::shared_ptr<const Stateful> stateful;
};

// A Sigma filter: records for which `condition` holds are no matches of the rules that it names.
struct Filter {
  std::string id;
  std::string title;
  LogSource source;                // a rule is meant only if it has the parts given here
  bool is_for_all = false;         // rules: any
  std::vector<std::string> rules;  // ids or names
  Expression condition;
};

enum class CorrelationType : uint8_t {
  kEventCount,
  kValueCount,
  kTemporal,
  kTemporalOrdered,
  kValueSum,
  kValueAverage,
  kValuePercentile,
  kValueMedian,
};

struct Correlation {
  std::string id;
  std::string name;
  std::string title;
  Severity severity = Severity::kMedium;
  CorrelationType type = CorrelationType::kEventCount;
  std::vector<std::string> rules;  // ids or names of rules or correlations
  std::vector<std::string> group_by;
  std::vector<FieldOfRule> aliases;
  int64_t timespan_ns = 0;
  std::vector<std::string> fields;  // value_*: which values
  std::vector<Bound> bounds;        // all must hold
  double percentile = 50;
  bool generate = false;  // the rules that it refers to report their matches too
  std::string author;
  Alerting alerting;
  std::shared_ptr<const Schedule> schedule;
  base::Hash128Value fingerprint;  // of its text, as Stateful's
};

}  // namespace neurallog::rules
