#include <catch2/catch.hpp>
#include <numeric>

#include "query/stats_function.h"
#include "support/memory_blocks.h"
#include "support/random_queries.h"
#include "support/seed.h"

namespace neurallog::query {
namespace {

using neurallog::testing::RandomQueries;
using neurallog::testing::TestBlockSet;

constexpr uint32_t kGroups = 3;

constexpr std::string_view kCalls[] = {
    "count()",
    "count(rare, flag)",
    "count_empty(level)",
    "count_uniq(level, status)",
    "sum(status, mixed)",
    "avg(status)",
    "rate()",
    "rate_sum(status)",
    "min(mixed)",
    "max(mixed, _time)",
    "median(status)",
    "quantile(0.9, mixed)",
    "histogram(status)",
    "sum_len(*)",
    "values(level) limit 7",
    "uniq_values(mixed, level)",
    "uniq_values(message) limit 5",
    "row_any(level, status)",
    "row_min(mixed, level)",
    "row_max(_time, message)",
    "json_values(status) limit 4",
    "json_values(status) sort by (mixed desc, message) limit 4",
};

std::unique_ptr<StatsFunction> Parse(std::string_view call) {
  filter::Lexer lexer(call);
  auto function = ParseStatsFunction(&lexer);
  INFO(call << ": " << function.status().ToString());
  REQUIRE(function.ok());
  REQUIRE(lexer.AtEnd());
  return std::move(*function);
}

Batch OpenBlock(const TestBlockSet& blocks, size_t index, MemoryBudget* budget) {
  Batch batch;
  batch.rows = std::make_shared<Rows>(blocks.Open(index), filter::Columns::Kind::kBlock, budget);
  batch.count = blocks.header(index).rows;
  batch.matched.Reset(batch.count, true);
  return batch;
}

// Row i of a block belongs to group (i + shift) % kGroups.
void Update(StatsState* state, Batch batch, uint32_t shift) {
  std::vector<uint32_t> groups(batch.count);
  for (uint32_t i = 0; i < batch.count; ++i) groups[i] = (i + shift) % kGroups;
  REQUIRE(state->Update({batch, groups}).ok());
}

std::vector<std::string> Results(StatsState* state) {
  filter::ColumnBuilder builder;
  for (uint32_t group = 0; group < kGroups; ++group) state->Append(group, &builder);
  const block::Column column = builder.Finish();
  std::vector<std::string> results;
  for (uint32_t group = 0; group < kGroups; ++group)
    results.emplace_back(column.TextAt(group, nullptr));
  return results;
}

}  // namespace

TEST_CASE("states of any split of the rows merge to what one state of all rows gives") {
  const uint64_t seed = testing::RandomSeed();
  INFO("NL_SEED=" << seed);
  RandomQueries random(seed);
  const TestBlockSet blocks(random.Records(300), 1 + random.Below(80), TestBlockSet::Form::kMixed);
  MemoryBudget budget(1 << 30);
  for (const std::string_view call : kCalls) {
    CAPTURE(call);
    const auto function = Parse(call);
    const auto whole = function->Start({.seconds = 2});
    const auto merged = function->Start({.seconds = 2});
    whole->Resize(kGroups);
    merged->Resize(kGroups);
    for (size_t block = 0; block < blocks.size();) {
      // A part of some blocks, whose groups are numbered in another order.
      const auto part = function->Start({.seconds = 2});
      part->Resize(kGroups);
      const auto shift = static_cast<uint32_t>(random.Below(kGroups));
      for (size_t left = 1 + random.Below(3); left > 0 && block < blocks.size(); --left, ++block) {
        Update(whole.get(), OpenBlock(blocks, block, &budget), 0);
        Update(part.get(), OpenBlock(blocks, block, &budget), shift);
      }
      std::vector<uint32_t> groups(kGroups);
      for (uint32_t group = 0; group < kGroups; ++group)
        groups[group] = (group + kGroups - shift) % kGroups;
      merged->Merge(*part, groups);
    }
    CHECK(Results(merged.get()) == Results(whole.get()));
  }
}

}  // namespace neurallog::query
