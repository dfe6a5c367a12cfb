// What the rule stage counts.
#pragma once

#include <atomic>

#include "metrics/registry.h"

namespace neurallog::detection {

struct StageMetrics {
  explicit StageMetrics(metrics::Registry* registry)
      : matches(registry->AddCounter("neurallog_rule_matches_total", "Matches of rules.")),
        rows(registry->AddCounter("neurallog_rule_rows_total", "Records shown to rules.")),
        batches_read(registry->AddCounter(
            "neurallog_rule_batches_read_total",
            "Batches that the rule stage read from the log, after a start or when it was behind.")),
        compilations(registry->AddCounter(
            "neurallog_rule_compilations_total",
            "Compilations of a tenant's rules: after changes, for a new sample, at a load.")),
        unloads(registry->AddCounter(
            "neurallog_rule_unloads_total",
            "Times that a tenant's rules were unloaded: idle, or memory was wanted.")),
        quarantined(registry->AddCounter("neurallog_rules_quarantined_total",
                                         "Rules that were taken out of work for their cost.")),
        missed(registry->AddCounter(
            "neurallog_rule_batches_missed_total",
            "Batches that the log did not hold any more when the rule stage came to them.")) {
    registry->AddCounterFn("neurallog_rule_seconds_total",
                           "Time spent on showing records to rules.",
                           [this] { return static_cast<double>(evaluation_ns.load()) * 1e-9; });
    registry->AddCounterFn("neurallog_rule_compile_seconds_total", "Time spent on compiling rules.",
                           [this] { return static_cast<double>(compile_ns.load()) * 1e-9; });
  }

  metrics::Counter& matches;
  metrics::Counter& rows;
  metrics::Counter& batches_read;
  metrics::Counter& compilations;
  metrics::Counter& unloads;
  metrics::Counter& quarantined;
  metrics::Counter& missed;
  std::atomic<int64_t> evaluation_ns{0};
  std::atomic<int64_t> compile_ns{0};
  std::atomic<uint64_t> passed_lsn{0};      // all up to here has been evaluated
  std::atomic<int64_t> behind_since_ns{0};  // wall time of the oldest batch that has not; 0: none
  std::atomic<int64_t> rules{0};            // compiled and in memory
  std::atomic<int64_t> compiled_bytes{0};   // of them, seconds ago
  std::atomic<int64_t> state_bytes{0};      // of windows and sequences, seconds ago
};

}  // namespace neurallog::detection
