// Counters, gauges and histograms, and their Prometheus text (exposition format 0.0.4).
//
//   metrics::Counter& logs = registry.AddCounter("neurallog_ingest_logs_total", "Log records accepted.");
//   logs.Add(1000);
//   registry.AddGauge("neurallog_ring_occupancy", "Batches in the ring.", [&] { return double(ring.size()); });
//
// Adding is done while the server starts; updating is wait-free and thread-safe; WriteText may run at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace neurallog::metrics {

class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<uint64_t> value_{0};
};

// Log-linear latency histogram: four buckets per power of two from 1 us to about 134 s, exported as Prometheus buckets.
class Histogram {
 public:
  static constexpr int kBuckets = 27 * 4 + 2;

  void Record(int64_t ns);
  uint64_t count() const;
  double sum_seconds() const {
    return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
  }
  // The upper bound of the bucket that holds the quantile, in seconds; 0 when nothing was recorded.
  double Quantile(double q) const;
  uint64_t bucket(int i) const {
    return buckets_[static_cast<size_t>(i)].load(std::memory_order_relaxed);
  }
  // Upper bound of bucket i in seconds; the last one is infinity.
  static double UpperBound(int i);

 private:
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> sum_ns_{0};
};

// The media type of WriteText's result.
inline constexpr std::string_view kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

// One label with its value escaped, for a value that the code does not know: Label("tenant", name) gives tenant="a\"b".
std::string Label(std::string_view name, std::string_view value);

// `labels` in every call is the inside of the braces: `reason="too_large"`, or empty. Metrics of one name must be of one type.
// A name that Prometheus does not take, a counter whose name does not end in _total, and a second metric of the same name and
// labels are bugs that end the process at start-up. `read` must not call the registry.
class Registry {
 public:
  Counter& AddCounter(std::string name, std::string help, std::string labels = "");
  Histogram& AddHistogram(std::string name, std::string help, std::string labels = "");
  // Read when the text is written. A counter kept elsewhere: AddCounterFn.
  void AddGauge(std::string name, std::string help, std::function<double()> read,
                std::string labels = "");
  void AddCounterFn(std::string name, std::string help, std::function<double()> read,
                    std::string labels = "");

  std::string WriteText() const;

 private:
  enum class Type { kCounter, kGauge, kHistogram };
  struct Metric {
    std::string labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string name;
    std::string help;
    Type type;
    std::vector<Metric> metrics;
  };
  Metric& Add(std::string name, std::string help, std::string labels, Type type)
      NL_REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_ NL_GUARDED_BY(mutex_);
};

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_start_time_seconds, ... read from /proc/self.
void AddProcessMetrics(Registry* registry);

}  // namespace neurallog::metrics
