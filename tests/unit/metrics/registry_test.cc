#include "metrics/registry.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <thread>

namespace neurallog::metrics {
namespace {

bool HasLine(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

double ValueOf(const std::string& text, const std::string& series) {
  const size_t at = ("\n" + text).find("\n" + series + " ");
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + series.size() + 1, nullptr);
}

Registry& FullRegistry(Registry& registry) {
  AddProcessMetrics(&registry);
  registry.AddCounter("neurallog_ingest_logs_total", "Log records accepted.").Add(3);
  registry
      .AddCounter("neurallog_ingest_rejected_total", "Log records rejected.",
                  Label("reason", "a \"b\" \\ c\nd"))
      .Add(2);
  registry.AddCounter("neurallog_ingest_rejected_total", "Log records rejected.",
                      "reason=\"too_large\"");
  registry.AddGauge("neurallog_ring_occupancy", "Batches in the ring: a \\ and\na second line.",
                    [] { return 0.25; });
  Histogram& plain =
      registry.AddHistogram("neurallog_http_request_duration_seconds", "Time to answer.");
  Histogram& labelled =
      registry.AddHistogram("neurallog_wal_sync_duration_seconds", "Time of a sync.", "disk=\"a\"");
  for (int64_t ns = 1; ns < 1'000'000'000'000; ns *= 3) plain.Record(ns), labelled.Record(ns);
  return registry;
}

TEST_CASE("counters and gauges are written with HELP and TYPE once per name") {
  Registry registry;
  const std::string text = FullRegistry(registry).WriteText();
  CHECK(text.find("# HELP neurallog_ingest_logs_total Log records accepted.\n# TYPE "
                  "neurallog_ingest_logs_total counter\n"
                  "neurallog_ingest_logs_total 3\n") != std::string::npos);
  CHECK(text.find("# HELP neurallog_ingest_rejected_total",
                  text.find("# HELP neurallog_ingest_rejected_total") + 1) == std::string::npos);
  CHECK(HasLine(
      text, "# HELP neurallog_ring_occupancy Batches in the ring: a \\\\ and\\na second line."));
  CHECK(HasLine(text, "neurallog_ring_occupancy 0.25"));
  CHECK(HasLine(text, "neurallog_ingest_rejected_total{reason=\"a \\\"b\\\" \\\\ c\\nd\"} 2"));
  CHECK(HasLine(text, "neurallog_ingest_rejected_total{reason=\"too_large\"} 0"));
}

TEST_CASE("promtool finds no fault with the text") {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    WARN("promtool is not installed");
    return;
  }
  Registry registry;
  FILE* promtool = popen("promtool check metrics", "w");
  REQUIRE(promtool != nullptr);
  std::fputs(FullRegistry(registry).WriteText().c_str(), promtool);
  CHECK(pclose(promtool) == 0);
}

TEST_CASE("histogram buckets are cumulative and end in +Inf with the count") {
  Registry registry;
  Histogram& histogram = registry.AddHistogram("h_seconds", "Help.", "a=\"b\"");
  for (const int64_t ns : {500LL, 1'000LL, 1'001LL, 2'000LL, 2'001LL, 1'000'000'000'000LL})
    histogram.Record(ns);
  const std::string text = registry.WriteText();
  CHECK(HasLine(text, "h_seconds_bucket{a=\"b\",le=\"1e-06\"} 2"));
  CHECK(HasLine(text, "h_seconds_bucket{a=\"b\",le=\"2e-06\"} 4"));
  CHECK(HasLine(text, "h_seconds_bucket{a=\"b\",le=\"4e-06\"} 5"));
  CHECK(HasLine(text, "h_seconds_bucket{a=\"b\",le=\"134.217728\"} 5"));
  CHECK(HasLine(text, "h_seconds_bucket{a=\"b\",le=\"+Inf\"} 6"));
  CHECK(HasLine(text, "h_seconds_count{a=\"b\"} 6"));
  CHECK(ValueOf(text, "h_seconds_sum{a=\"b\"}") == Approx(1000.000006502));

  std::istringstream lines(text);
  uint64_t last = 0;
  int buckets = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("_bucket") == std::string::npos) continue;
    const uint64_t count = std::strtoull(line.c_str() + line.rfind(' ') + 1, nullptr, 10);
    CHECK(count >= last);
    last = count;
    ++buckets;
  }
  CHECK(buckets == 29);
}

TEST_CASE("a time falls into the bucket whose bounds hold it") {
  for (int i = 0; i + 1 < Histogram::kBuckets; ++i) {
    const auto upper_ns = static_cast<int64_t>(std::llround(Histogram::UpperBound(i) * 1e9));
    Histogram at, above;
    at.Record(upper_ns);
    above.Record(upper_ns + 1);
    CAPTURE(i, upper_ns);
    CHECK(at.bucket(i) == 1);
    CHECK(above.bucket(i + 1) == 1);
    if (i > 0) CHECK(Histogram::UpperBound(i) / Histogram::UpperBound(i - 1) <= 1.2501);
  }
  CHECK(std::isinf(Histogram::UpperBound(Histogram::kBuckets - 1)));
  Histogram extreme;
  extreme.Record(std::numeric_limits<int64_t>::max());
  extreme.Record(std::numeric_limits<int64_t>::min());
  CHECK(extreme.bucket(Histogram::kBuckets - 1) == 1);
  CHECK(extreme.bucket(0) == 1);
}

TEST_CASE("a quantile is the upper bound of its bucket") {
  Histogram histogram;
  CHECK(histogram.Quantile(0.5) == 0);
  for (int i = 0; i < 99; ++i) histogram.Record(10'000);
  histogram.Record(1'000'000'000);
  CHECK(histogram.count() == 100);
  CHECK(histogram.Quantile(0) == Approx(10e-6));
  CHECK(histogram.Quantile(0.99) == Approx(10e-6));
  CHECK(histogram.Quantile(0.991) == Approx(1.048576));
  CHECK(histogram.Quantile(1) == Approx(1.048576));
}

TEST_CASE("numbers that are not finite are written in Prometheus's spelling") {
  Registry registry;
  registry.AddGauge("a", "Help.", [] { return std::nan(""); });
  registry.AddGauge("b", "Help.", [] { return -std::numeric_limits<double>::infinity(); });
  registry.AddGauge("c", "Help.", [] { return 1e18; });
  registry.AddCounterFn("d_total", "Help.", [] { return 4'503'599'627'370'497.0; });
  const std::string text = registry.WriteText();
  CHECK(HasLine(text, "a NaN"));
  CHECK(HasLine(text, "b -Inf"));
  CHECK(HasLine(text, "c 1e+18"));
  CHECK(HasLine(text, "d_total 4503599627370497"));
}

TEST_CASE("updates from several threads are all counted while the text is written") {
  Registry registry;
  Counter& counter = registry.AddCounter("c_total", "Help.");
  Histogram& histogram = registry.AddHistogram("h_seconds", "Help.");
  const auto update = [&] {
    for (int i = 0; i < 20'000; ++i) counter.Add(), histogram.Record(i);
  };
  std::thread first(update), second(update);
  for (int i = 0; i < 20; ++i) {
    const std::string text = registry.WriteText();
    CHECK(ValueOf(text, "h_seconds_count") == ValueOf(text, "h_seconds_bucket{le=\"+Inf\"}"));
  }
  first.join();
  second.join();
  CHECK(counter.value() == 40'000);
  CHECK(histogram.count() == 40'000);
}

TEST_CASE("process metrics agree with the process") {
  Registry registry;
  AddProcessMetrics(&registry);
  const double fds_before = ValueOf(registry.WriteText(), "process_open_fds");
  std::FILE* file = std::fopen("/proc/self/stat", "r");
  const std::string text = registry.WriteText();
  std::fclose(file);
  CHECK(ValueOf(text, "process_open_fds") == fds_before + 1);
  CHECK(ValueOf(text, "process_threads") >= 1);
  CHECK(ValueOf(text, "process_cpu_seconds_total") > 0);
  CHECK(ValueOf(text, "process_resident_memory_bytes") > 1e6);
  CHECK(ValueOf(text, "process_virtual_memory_bytes") >=
        ValueOf(text, "process_resident_memory_bytes"));
  CHECK(std::fabs(ValueOf(text, "process_start_time_seconds") -
                  static_cast<double>(std::time(nullptr))) < 600);
}

}  // namespace
}  // namespace neurallog::metrics
