// What rules would have found in records that are stored.
//
//   Backtest backtest(tenant, std::move(rules), options, &clock);
//   query::Execution execution(std::move(query), blocks, {.in_order = true, .visitor = &backtest});
//   ... execution.Next until it has ended ...
//   backtest.Finish();
//   BacktestReport report = backtest.Report();
//
// The query is BacktestQuery(). Its rows are shown to the rules in the order of time, each as if it arrived at its own time, and state begins
// empty: what fires is what the rule stage would have reported. Rows wait until they are a batch. Report may be called by any thread at any time, the rest by one at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "detection/backtest_rules.h"
#include "detection/replay.h"
#include "detection/row_batcher.h"
#include "query/query.h"
#include "query/row_visitor.h"

namespace neurallog::detection {

struct BacktestOptions {
  TimeRange range;  // of the records
  int64_t step_ns = 3'600 * base::kNsPerSecond;
  size_t samples_max = 10;             // matches that are shown, of each rule
  size_t samples_bytes_max = 1 << 20;  // of all rules; further ones are counted only
};

struct BacktestReport {
  struct OfRule {
    RuleInfo rule;
    uint64_t matches = 0;
    uint64_t suppressed = 0;              // held back; of rules with state
    std::map<int64_t, uint64_t> buckets;  // by the multiple of the step that each begins at
    std::vector<std::string> samples;     // the first matches, as JSON
  };
  uint64_t rows = 0;  // shown to the rules
  uint64_t matches = 0;
  int64_t evaluation_ns = 0;
  std::vector<OfRule> rules;  // as they were asked for
};

// The records that the rules need to see: all, unless each of their conditions is a query; of these those that the filter
// `also` finds too.
Result<query::Query> BacktestQuery(const CompiledRules& rules, std::string_view also = "");

class Backtest : public query::RowVisitor {
 public:
  Backtest(TenantId tenant, BacktestRules rules, const BacktestOptions& options,
           const base::Clock* clock);

  const CompiledRules& rules() const { return *rules_; }
  // No row comes any more: evaluates those that wait, and lets time go on to the end of the range.
  void Finish();
  BacktestReport Report() const;
  // The rows of the report and its time.
  std::pair<uint64_t, int64_t> effort() const;

  void Clear() override {}
  void OnColumns(std::span<const std::string_view> names) override { batcher_.OnColumns(names); }
  void OnRow(std::span<const Value> values) override { batcher_.OnRow(values); }
  size_t memory_bytes() const override { return memory_bytes_; }

 private:
  void Evaluate(const model::RecordBatch& batch);
  void Note(const rules::Firing& firing, const MatchRow& row);
  void AddSample(const rules::Firing& firing, const MatchRow& row, BacktestReport::OfRule* to)
      NL_REQUIRES(mutex_);

  const TenantId tenant_;
  const std::shared_ptr<const CompiledRules> rules_;
  const BacktestOptions options_;
  const base::Clock* const clock_;
  Replay replay_;
  RowBatcher batcher_;
  size_t memory_bytes_ = 0;

  std::vector<std::optional<uint32_t>> place_of_;  // by rule of the plan: in report_.rules
  mutable base::Mutex mutex_;
  BacktestReport report_ NL_GUARDED_BY(mutex_);
  size_t samples_bytes_ NL_GUARDED_BY(mutex_) = 0;
};

}  // namespace neurallog::detection
