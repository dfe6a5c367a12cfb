// Random queries on random records: the executor and the naive engine must agree. NL_SEED repeats a run.
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "query/execution.h"
#include "query/partial_cache.h"
#include "query/row_visitor.h"
#include "support/memory_blocks.h"
#include "support/naive_pipes.h"

namespace neurallog::query {
namespace {

using testing::NaivePipes;
using testing::RandomQueries;
using testing::TestBlockSet;
using testing::TestRecord;

class Rows : public RowVisitor {
 public:
  void Clear() override { rows_.clear(); }
  void OnColumns(std::span<const std::string_view> names) override {
    names_.clear();
    for (const std::string_view name : names) names_.emplace_back(filter::StoredName(name));
  }
  void OnRow(std::span<const Value> values) override {
    NaivePipes::Row& row = rows_.emplace_back();
    for (size_t i = 0; i < values.size(); ++i)
      if (!values[i].text.empty()) row[names_[i]] = values[i].text;
  }
  std::vector<NaivePipes::Row> rows() const { return rows_; }

 private:
  std::vector<std::string> names_;
  std::vector<NaivePipes::Row> rows_;
};

// In the order of time, no two at the same; each has a number as `id`.
std::vector<TestRecord> Records(RandomQueries* random) {
  std::vector<TestRecord> records = random->Records(1 + random->Below(60));
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].timestamp_ns = RandomQueries::kStartNs + static_cast<int64_t>(i) * 7'000'000;
    records[i].fields.push_back({"id", ValueType::kNumber, std::to_string(i * 31 % 97)});
  }
  return records;
}

// In blocks that lie behind each other, or in two that overlap.
TestBlockSet Blocks(const std::vector<TestRecord>& records, RandomQueries* random) {
  if (random->Chance(2))
    return {records, 1 + random->Below(2 * records.size()), TestBlockSet::Form::kMixed};
  std::vector<TestRecord> halves;
  for (const size_t first : {0, 1})
    for (size_t i = first; i < records.size(); i += 2) halves.push_back(records[i]);
  return {halves, (records.size() + 1) / 2, TestBlockSet::Form::kMixed};
}

std::string Describe(std::vector<NaivePipes::Row> rows, bool is_ordered) {
  std::vector<std::string> lines;
  for (const NaivePipes::Row& row : rows) {
    std::string& line = lines.emplace_back();
    for (const auto& [name, value] : row) line.append(name).append("=").append(value).append(" ");
  }
  if (!is_ordered) std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

// `partials` may be null.
std::vector<NaivePipes::Row> Answer(const std::string& text, const TestBlockSet& blocks,
                                    PartialCache* partials) {
  auto query = ParseQuery(text, {.now_ns = NaivePipes::kNowNs});
  INFO(query.status().ToString());
  REQUIRE(query.ok());
  auto again = ParseQuery(ToText(*query), {.now_ns = NaivePipes::kNowNs});
  INFO(again.status().ToString());
  REQUIRE(again.ok());
  Rows rows;
  ExecuteOptions options;
  options.visitor = &rows;
  options.partials = partials;
  Execution execution(std::move(*again),
                      std::shared_ptr<const block::BlockSet>(&blocks, [](const auto*) {}), options);
  std::string lines;
  for (bool more = true; more;) {
    const auto next = execution.Next(1, &lines);
    INFO(next.status().ToString());
    REQUIRE(next.ok());
    more = *next;
  }
  return rows.rows();
}

void CompareOnSeed(uint64_t seed) {
  CAPTURE(seed);
  RandomQueries random(seed);
  const std::vector<TestRecord> records = Records(&random);
  const TestBlockSet blocks = Blocks(records, &random);
  PartialCache partials(1 << 20);
  for (int i = 0; i < 20; ++i) {
    const NaivePipes::Answer expected = NaivePipes(&random, records).Query();
    CAPTURE(expected.text);
    for (PartialCache* kept : {static_cast<PartialCache*>(nullptr), &partials, &partials})
      REQUIRE(Describe(Answer(expected.text, blocks, kept), expected.is_ordered) ==
              Describe(expected.rows, expected.is_ordered));
  }
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST_CASE("random queries with pipes have the naive engine's answer") {
  constexpr uint64_t kSeeds = 30;
  const uint64_t given = FromEnvironment("NL_SEED", 0);
  if (given != 0) return CompareOnSeed(given);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) CompareOnSeed(seed);
}

// Left out unless it is named: NL_SECONDS=600 test_query "[long]"
TEST_CASE("random queries have the naive engine's answer for as long as one likes", "[.][long]") {
  const uint64_t seconds = FromEnvironment("NL_SECONDS", 60);
  const auto begin = std::chrono::steady_clock::now();
  uint64_t seed = FromEnvironment("NL_SEED", std::random_device()() + uint64_t{1'000'000});
  const uint64_t first = seed;
  for (; std::chrono::steady_clock::now() - begin < std::chrono::seconds(seconds); ++seed)
    CompareOnSeed(seed);
  WARN("seeds " << first << " to " << seed - 1 << " agree");
}

}  // namespace
}  // namespace neurallog::query
