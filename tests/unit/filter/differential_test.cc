// Random filters over random records: the record evaluator, the block evaluator on unsealed and on
// sealed rows, and the naive engine must agree. NL_SEED repeats a run.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <random>

#include "base/time_format.h"
#include "filter/parser.h"
#include "filter/program.h"
#include "filter/row_view.h"
#include "support/memory_blocks.h"
#include "support/naive_engine.h"
#include "support/random_queries.h"

namespace neurallog::filter {
namespace {

using testing::NaiveEngine;
using testing::RandomQueries;
using testing::TestRecord;

constexpr int64_t kNowNs = RandomQueries::kStartNs + 1'000'000'000;

// Blocks hold their rows sorted by time, so the records are sorted first.
std::vector<TestRecord> SortedRecords(RandomQueries* random, size_t count) {
  std::vector<TestRecord> records = random->Records(count);
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return a.timestamp_ns < b.timestamp_ns; });
  return records;
}

std::vector<bool> AsBits(const Bitmap& rows) {
  std::vector<bool> bits;
  for (uint32_t row = 0; row < rows.rows(); ++row) bits.push_back(rows.Test(row));
  return bits;
}

template <typename Stored>
std::vector<bool> MatchStored(const Program& program, const Stored& stored) {
  testing::StoredView<Stored> view(stored);
  Bitmap rows;
  const auto count = program.MatchBlock(view, &rows);
  INFO(count.status().ToString());
  REQUIRE(count.ok());
  CHECK(*count == rows.Count());
  return AsBits(rows);
}

std::vector<bool> MatchRows(const Program& program, const model::RecordBatch& batch) {
  std::vector<bool> bits;
  RowView view;
  for (const block::RowRef& row : testing::RowsOf(batch)) {
    view.Reset(batch, row.row);
    bits.push_back(program.MatchRecord(view));
  }
  return bits;
}

std::string Describe(const TestRecord& record) {
  std::string text = base::FormatRfc3339(record.timestamp_ns);
  for (const auto& field : record.fields) text += " " + field.name + "=[" + field.value + "]";
  return text;
}

// The first row on which two evaluators differ, or nothing.
std::string Difference(const std::vector<bool>& found, const std::vector<bool>& expected,
                       const std::vector<TestRecord>& records) {
  if (found.size() != expected.size()) return "another number of rows";
  for (size_t i = 0; i < expected.size(); ++i)
    if (found[i] != expected[i])
      return (found[i] ? "matches: " : "does not match: ") + Describe(records[i]);
  return "";
}

void Compare(const Filter& filter, const Program& program, const std::vector<TestRecord>& records,
             const model::RecordBatch& batch, const testing::MemoryStored& memory,
             const testing::SealedStored& sealed) {
  const NaiveEngine naive(kNowNs);
  std::vector<bool> expected, by_record;
  for (const TestRecord& record : records) {
    expected.push_back(naive.Matches(filter, record));
    by_record.push_back(program.MatchRecord(testing::TestRecordView(record)));
  }
  REQUIRE(Difference(by_record, expected, records) == "");
  REQUIRE(Difference(MatchRows(program, batch), expected, records) == "");
  REQUIRE(Difference(MatchStored(program, memory), expected, records) == "");
  REQUIRE(Difference(MatchStored(program, sealed), expected, records) == "");
  for (size_t i = 0; i < records.size(); ++i)
    if (expected[i]) CHECK(program.time_range().Contains(records[i].timestamp_ns));
}

// Random records, and random filters on them.
void CompareOnSeed(uint64_t seed) {
  CAPTURE(seed);
  RandomQueries random(seed);
  const std::vector<TestRecord> records = SortedRecords(&random, 1 + random.Below(200));
  const auto batch = testing::MakeBatch(records);
  const testing::MemoryStored memory(batch);
  const testing::SealedStored sealed(batch);
  for (int i = 0; i < 60; ++i) {
    const auto filter = random.Filter();
    const std::string text = ToText(*filter);
    CAPTURE(text);
    const auto program = Program::Compile(*filter, {.now_ns = kNowNs});
    REQUIRE(program.ok());
    Compare(*filter, **program, records, *batch, memory, sealed);
    // What counts as the same filter finds the same.
    const auto same = ParseFilter(ToKey(*filter));
    REQUIRE(same.ok());
    CHECK(ToKey(**same) == ToKey(*filter));
    if (i % 4 == 0) {
      const auto same_program = Program::Compile(**same, {.now_ns = kNowNs});
      REQUIRE(same_program.ok());
      REQUIRE(MatchRows(**same_program, *batch) == MatchRows(**program, *batch));
    }
  }
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST_CASE("all evaluators agree with the naive engine on random filters") {
  constexpr uint64_t kSeeds = 40;
  const uint64_t given = FromEnvironment("NL_SEED", 0);
  if (given != 0) return CompareOnSeed(given);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) CompareOnSeed(seed);
}

// Left out unless it is named: NL_SECONDS=600 test_filter "[long]"
TEST_CASE("all evaluators agree for as long as one likes", "[.][long]") {
  const uint64_t seconds = FromEnvironment("NL_SECONDS", 60);
  const auto begin = std::chrono::steady_clock::now();
  uint64_t seed = FromEnvironment("NL_SEED", std::random_device()() + uint64_t{1'000'000});
  const uint64_t first = seed;
  for (; std::chrono::steady_clock::now() - begin < std::chrono::seconds(seconds); ++seed)
    CompareOnSeed(seed);
  WARN("seeds " << first << " to " << seed - 1 << " agree");
}

TEST_CASE("a printed filter parses to the same tree") {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    RandomQueries random(seed);
    const auto filter = random.Filter();
    const std::string text = ToText(*filter);
    CAPTURE(text);
    const auto parsed = ParseFilter(text);
    INFO(parsed.status().ToString());
    REQUIRE(parsed.ok());
    CHECK(ToText(**parsed) == text);
    CHECK(Equal(**parsed, *filter));
  }
}

}  // namespace
}  // namespace neurallog::filter
