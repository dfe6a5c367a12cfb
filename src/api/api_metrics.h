// The figures of the HTTP interface.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>

#include "metrics/registry.h"
#include "neurallog/status.h"

namespace neurallog::api {

inline constexpr int kCodes = static_cast<int>(Code::kInternal) + 1;

inline constexpr std::array<std::string_view, 3> kBacktestEnds{"done", "failed", "cancelled"};

struct ApiMetrics {
  explicit ApiMetrics(metrics::Registry* registry)
      : ingest_bytes(registry->AddCounter("neurallog_ingest_body_bytes_total",
                                          "Bytes of ingest bodies as received.")),
        ingest_requests(
            registry->AddCounter("neurallog_ingest_requests_total", "Ingest requests.")),
        records_rejected(
            registry->AddCounter("neurallog_ingest_rejected_logs_total",
                                 "Log records refused one by one within accepted requests.")),
        ack(registry->AddHistogram("neurallog_ingest_ack_seconds",
                                   "From a complete request head to its answer.")),
        queries(registry->AddCounter("neurallog_queries_total", "Queries begun.")),
        query_rows(registry->AddCounter("neurallog_query_rows_total", "Rows returned by queries.")),
        query_blocks(registry->AddCounter("neurallog_query_blocks_scanned_total",
                                          "Blocks that queries looked into.")),
        query_time(registry->AddHistogram("neurallog_query_seconds",
                                          "From the start of a query to its last row.")),
        backtest_rows(registry->AddCounter("neurallog_backtest_rows_total",
                                           "Records that backtests showed to rules.")) {
    for (size_t end = 0; end < kBacktestEnds.size(); ++end)
      backtests[end] =
          &registry->AddCounter("neurallog_backtests_total", "Backtests that have ended, by how.",
                                metrics::Label("end", kBacktestEnds[end]));
    registry->AddGauge("neurallog_backtests_running", "Backtests that run now.",
                       [this] { return static_cast<double>(backtests_running.load()); });
    registry->AddCounterFn("neurallog_backtest_seconds_total",
                           "Time that backtests spent on showing records to rules.",
                           [this] { return static_cast<double>(backtest_ns.load()) * 1e-9; });
    for (int code = 0; code < kCodes; ++code) {
      const std::string label = "reason=\"" + std::string(CodeName(static_cast<Code>(code))) + "\"";
      if (code == 0) continue;
      refused[static_cast<size_t>(code)] = &registry->AddCounter(
          "neurallog_requests_refused_total", "Requests answered with an error, by reason.", label);
    }
  }
  void CountRefused(Code code) {
    if (metrics::Counter* counter = refused[static_cast<size_t>(code)]) counter->Add();
  }

  metrics::Counter& ingest_bytes;
  metrics::Counter& ingest_requests;
  metrics::Counter& records_rejected;
  metrics::Histogram& ack;
  metrics::Counter& queries;
  metrics::Counter& query_rows;
  metrics::Counter& query_blocks;
  metrics::Histogram& query_time;
  metrics::Counter& backtest_rows;
  std::atomic<int64_t> backtest_ns{0};
  std::atomic<int64_t> backtests_running{0};
  std::array<metrics::Counter*, kBacktestEnds.size()> backtests{};
  std::array<metrics::Counter*, kCodes> refused{};
};

}  // namespace neurallog::api
