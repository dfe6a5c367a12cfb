#include <catch2/catch.hpp>
#include <cmath>

#include "base/hash.h"
#include "base/quantile_sketch.h"
#include "query/execution.h"
#include "query/unique_sketch.h"
#include "support/memory_blocks.h"

namespace neurallog::query {
namespace {

using neurallog::testing::TestBlockSet;
using neurallog::testing::TestRecord;

std::shared_ptr<TestBlockSet> NumberedRows(int count) {
  std::vector<TestRecord> records(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    records[static_cast<size_t>(i)] = {i, {{"n", ValueType::kNumber, std::to_string(i + 1)}}};
  return std::make_shared<TestBlockSet>(records, 1000, TestBlockSet::Form::kSealed);
}

std::string Answer(const std::shared_ptr<TestBlockSet>& blocks, size_t memory_bytes_max,
                   std::vector<std::string>* estimates) {
  auto query = ParseQuery("* | stats quantile(0.9, n) q, count_uniq(n) u | math q / 1 as q", {});
  REQUIRE(query.ok());
  ExecuteOptions options;
  options.memory_bytes_max = memory_bytes_max;
  options.format = OutputFormat::kVictoriaLogs;
  Execution execution(std::move(*query), blocks, options);
  std::string out;
  for (bool more = true; more;) {
    const auto next = execution.Next(1000, &out);
    INFO(next.status().ToString());
    REQUIRE(next.ok());
    more = *next;
  }
  *estimates = execution.stats().estimates;
  return out;
}

}  // namespace

TEST_CASE("a sketched quantile is wrong by at most half a percent") {
  base::QuantileSketch sketch;
  base::QuantileSketch other;
  for (int i = 1; i <= 10'000; ++i) (i % 2 == 0 ? sketch : other).Add(i * 0.37);
  for (int i = 1; i <= 10'000; ++i) other.Add(-i * 1e9);
  for (int i = 0; i < 5; ++i) sketch.Add(0);
  sketch.Merge(other);
  const auto value = [](int rank) {
    return rank <= 10'000 ? -(10'001 - rank) * 1e9 : rank <= 10'005 ? 0 : (rank - 10'005) * 0.37;
  };
  for (const int rank : {1, 2, 5'000, 10'000, 10'003, 10'006, 15'000, 20'005}) {
    CAPTURE(rank);
    const double exact = value(rank);
    CHECK(std::fabs(sketch.Quantile(rank / 20'005.0) - exact) <= 0.00501 * std::fabs(exact));
  }
}

TEST_CASE("a sketched number of different values is near the true one, also of merged sketches") {
  UniqueSketch sketch;
  UniqueSketch other;
  for (int i = 0; i < 300'000; ++i)
    (i % 3 == 0 ? sketch : other).Insert(base::Hash128(std::to_string(i)));
  for (int i = 0; i < 1'000; ++i) other.Insert(base::Hash128(std::to_string(i)));
  sketch.Merge(other);
  CHECK(std::fabs(static_cast<double>(sketch.Estimate()) / 300'000 - 1) < 4 * 0.0081);
}

TEST_CASE("stats are exact while they fit half of the memory, and say so when they are not") {
  const auto blocks = NumberedRows(60'000);
  std::vector<std::string> estimates;
  CHECK(Answer(blocks, 64 << 20, &estimates) == "{\"q\":\"54000\",\"u\":\"60000\"}\n");
  CHECK(estimates.empty());
  const std::string answer = Answer(blocks, 700 << 10, &estimates);
  CAPTURE(answer);
  REQUIRE(estimates.size() == 2);
  CHECK(estimates[0] == "q: 0.5 % of the value");
  const double quantile = std::stod(answer.substr(answer.find(":\"") + 2));
  CHECK(std::fabs(quantile / 54'000 - 1) <= 0.00501);
  const double unique = std::stod(answer.substr(answer.rfind(":\"") + 2));
  CHECK(std::fabs(unique / 60'000 - 1) < 4 * 0.0081);
}

}  // namespace neurallog::query
