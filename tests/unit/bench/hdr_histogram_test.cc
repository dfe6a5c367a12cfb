#include "hdr_histogram.h"

#include <catch2/catch.hpp>
#include <random>

namespace neurallog::bench {
namespace {

TEST_CASE("an empty histogram answers zero") {
  HdrHistogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.Quantile(0.5) == 0);
  CHECK(histogram.max_ns() == 0);
}

TEST_CASE("every value is kept to three significant digits") {
  for (int bit = 0; bit < 42; ++bit) {
    for (const int64_t offset : {-1, 0, 1}) {
      const int64_t value = (int64_t{1} << bit) + offset;
      HdrHistogram histogram;
      histogram.Record(value);
      histogram.Record(
          HdrHistogram::kMaxNs);  // so that the maximum does not hide the bucket's bound
      CAPTURE(value);
      CHECK(histogram.Quantile(0.5) >= value);
      CHECK(static_cast<double>(histogram.Quantile(0.5) - value) <=
            static_cast<double>(value) / 1024);
    }
  }
}

TEST_CASE("values out of range count as the nearest one in range") {
  HdrHistogram histogram;
  histogram.Record(-5);
  histogram.Record(INT64_MAX);
  CHECK(histogram.count() == 2);
  CHECK(histogram.Quantile(0.5) == 0);
  CHECK(histogram.max_ns() == HdrHistogram::kMaxNs);
}

TEST_CASE("quantiles agree with the sorted values") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(13, 2);
  HdrHistogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<int64_t>(latency(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank =
        std::max<size_t>(1, static_cast<size_t>(std::ceil(q * static_cast<double>(values.size()))));
    const auto exact = static_cast<double>(values[rank - 1]);
    CAPTURE(q);
    CHECK(static_cast<double>(histogram.Quantile(q)) == Approx(exact).epsilon(0.001));
  }
  CHECK(histogram.Quantile(1) == values.back());
}

}  // namespace
}  // namespace neurallog::bench
