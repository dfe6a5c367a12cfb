// The reservoir of rows, and the statistics made of it.
#include "rules/row_sample.h"

#include <catch2/catch.hpp>

#include "support/memory_blocks.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

RowSample SampleOf(uint64_t seed, size_t rows) {
  RowSample sample(seed);
  for (size_t i = 0; i < rows; ++i) {
    if (!sample.Wants()) continue;
    const bool is_early = i < rows / 2;
    const auto batch =
        testing::MakeBatch({{0,
                             {{"half", ValueType::kString, is_early ? "first" : "second"},
                              {"tags", ValueType::kArray, "[\"a\"]"}}}});
    sample.Add(*batch, batch->first_row());
  }
  return sample;
}

Test Equals(std::string field, std::string text) {
  Test test;
  test.field = std::move(field);
  test.texts = {std::move(text)};
  return test;
}

}  // namespace

TEST_CASE("a sample takes early and late rows of a stream alike") {
  const RowSample sample = SampleOf(7, 50'000);
  CHECK(sample.rows_seen() == 50'000);
  CHECK(sample.size() == RowSample::kRowsMax);
  const Statistics statistics = sample.MakeStatistics(BuiltinPipeline());
  CHECK(statistics.rows() == RowSample::kRowsMax);
  CHECK(statistics.Estimate(Equals("half", "first")) == Approx(0.5).margin(0.12));
  CHECK(statistics.Estimate(Equals("half", "second")) == Approx(0.5).margin(0.12));
}

TEST_CASE("statistics of a sample know the elements of lists and what never comes") {
  const Statistics statistics = SampleOf(3, 20).MakeStatistics(BuiltinPipeline());
  CHECK(statistics.rows() == 20);
  CHECK(statistics.Estimate(Equals("tags", "a")) > 0.9);
  CHECK(statistics.Estimate(Equals("tags", "b")) < 0.05);
}

TEST_CASE("a large row gives the sample what fits") {
  RowSample sample(1);
  const auto batch = testing::MakeBatch({{0,
                                          {{"large", ValueType::kString, std::string(100'000, 'x')},
                                           {"small", ValueType::kString, "y"}}}});
  for (size_t i = 0; i < 10; ++i)
    if (sample.Wants()) sample.Add(*batch, batch->first_row());
  CHECK(sample.memory_bytes() < 10 * RowSample::kRowBytesMax);
  CHECK(sample.MakeStatistics(BuiltinPipeline()).Estimate(Equals("small", "y")) > 0.9);
}
