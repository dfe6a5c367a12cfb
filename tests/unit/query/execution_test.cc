#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "base/time_format.h"
#include "filter/parser.h"
#include "query/execution.h"
#include "support/memory_blocks.h"
#include "support/naive_engine.h"
#include "support/random_queries.h"

namespace neurallog::query {
namespace {

using testing::NaiveEngine;
using testing::RandomQueries;
using testing::TestBlockSet;
using testing::TestRecord;

constexpr int64_t kNowNs = RandomQueries::kStartNs + 1'000'000'000;

struct Outcome {
  Status status;
  std::vector<std::string> lines;
  ExecuteStats stats;
};

Outcome Run(const std::string& text, const std::shared_ptr<const TestBlockSet>& blocks,
            ExecuteOptions options = {}, size_t bytes_target = 1000) {
  Outcome outcome;
  auto query = ParseQuery(text, {.now_ns = kNowNs});
  INFO(text << ": " << query.status().ToString());
  REQUIRE(query.ok());
  Execution execution(std::move(*query), blocks, options);
  std::string out;
  for (bool more = true; more;) {
    auto next = execution.Next(bytes_target, &out);
    outcome.status = next.status();
    more = next.ok() && *next;
  }
  outcome.stats = execution.stats();
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) outcome.lines.push_back(line);
  return outcome;
}

std::vector<std::string> RunOk(const std::string& text,
                               const std::shared_ptr<const TestBlockSet>& blocks,
                               ExecuteOptions options = {}, size_t bytes_target = 1000) {
  Outcome outcome = Run(text, blocks, options, bytes_target);
  INFO(outcome.status.ToString());
  REQUIRE(outcome.status.ok());
  return outcome.lines;
}

std::vector<std::string> Sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Records at 0 s, 1 s, 2 s, ... with their number as `n`.
std::vector<TestRecord> NumberedRecords(size_t count) {
  std::vector<TestRecord> records;
  for (size_t i = 0; i < count; ++i) {
    records.push_back({RandomQueries::kStartNs + static_cast<int64_t>(i) * 1'000'000'000,
                       {{"n", ValueType::kNumber, std::to_string(i)},
                        {"message", ValueType::kString, "message " + std::to_string(i % 7)}}});
  }
  return records;
}

std::shared_ptr<const TestBlockSet> Blocks(const std::vector<TestRecord>& records,
                                           size_t rows_per_block = 10) {
  return std::make_shared<const TestBlockSet>(records, rows_per_block, TestBlockSet::Form::kMixed);
}

TEST_CASE("random queries over overlapping blocks give what the naive engine gives") {
  const NaiveEngine naive(kNowNs);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    RandomQueries random(seed);
    std::vector<TestRecord> records =
        random.Records(1 + random.Below(300));  // in no order: blocks overlap
    for (size_t i = 0; i < records.size(); ++i)
      records[i].fields.push_back({"n", ValueType::kNumber, std::to_string(i)});
    const auto blocks = Blocks(records, 1 + random.Below(80));
    for (int round = 0; round < 10; ++round) {
      const auto filter = random.Filter();
      const std::string text = filter::ToText(*filter);
      CAPTURE(text);
      std::vector<std::string> numbers;
      std::vector<int64_t> times;
      std::map<std::string, uint64_t> by_level;
      for (const TestRecord& record : records) {
        if (!naive.Matches(*filter, record)) continue;
        numbers.push_back("{\"n\":\"" + NaiveEngine::ValueOf(record, "n") + "\"}");
        times.push_back(record.timestamp_ns);
        ++by_level[NaiveEngine::ValueOf(record, "level")];
      }
      ExecuteOptions options;
      options.format = OutputFormat::kVictoriaLogs;
      CHECK(Sorted(RunOk(text + " | fields n", blocks, options)) == Sorted(numbers));
      CHECK(RunOk(text + " | stats count() c", blocks, options) ==
            std::vector<std::string>{"{\"c\":\"" + std::to_string(numbers.size()) + "\"}"});

      std::vector<std::string> levels;
      for (const auto& [level, count] : by_level)
        levels.push_back((level.empty() ? "{" : "{\"level\":\"" + level + "\",") + "\"c\":\"" +
                         std::to_string(count) + "\"}");
      CHECK(Sorted(RunOk(text + " | stats by (level) count() c", blocks, options)) ==
            Sorted(levels));

      std::vector<std::string> newest, oldest;
      std::sort(times.begin(), times.end());
      const size_t limit = std::min<size_t>(times.size(), 1 + random.Below(20));
      for (size_t i = 0; i < limit; ++i) {
        oldest.push_back("{\"_time\":\"" + base::FormatRfc3339(times[i]) + "\"}");
        newest.push_back("{\"_time\":\"" + base::FormatRfc3339(times[times.size() - 1 - i]) +
                         "\"}");
      }
      CHECK(RunOk(text + " | sort by (_time) limit " + std::to_string(limit) + " | fields _time",
                  blocks, options) == oldest);
      CHECK(
          RunOk(text + " | sort by (_time desc) limit " + std::to_string(limit) + " | fields _time",
                blocks, options) == newest);
      options.limit = limit;
      CHECK(RunOk(text + " | fields _time", blocks, options) == newest);
    }
  }
}

TEST_CASE("the size of a step does not change the answer") {
  const auto blocks = Blocks(NumberedRecords(100), 30);
  const std::vector<std::string> whole = RunOk("*", blocks, {}, 1 << 20);
  REQUIRE(whole.size() == 100);
  for (const size_t bytes_target : {size_t{0}, size_t{1}, size_t{100}, size_t{5000}})
    CHECK(RunOk("*", blocks, {}, bytes_target) == whole);
}

TEST_CASE("a step ends near its target") {
  auto query = ParseQuery("*", {});
  REQUIRE(query.ok());
  Execution execution(std::move(*query), Blocks(NumberedRecords(1000), 1000), {});
  std::string out;
  const auto more = execution.Next(1000, &out);
  REQUIRE(more.ok());
  CHECK(*more);
  CHECK(out.size() >= 1000);
  CHECK(out.size() < 1200);
}

TEST_CASE("the newest rows are found without opening older blocks") {
  const auto blocks = Blocks(NumberedRecords(1000), 10);
  for (const char* text : {"* | sort by (_time desc) limit 5", "* | limit 5"}) {
    const Outcome outcome = Run(text, blocks);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.lines.size() == 5);
    CHECK(outcome.lines[0].find("\"n\":999") != std::string::npos);
    CHECK(outcome.stats.blocks_scanned == 1);
    CHECK(outcome.stats.rows_returned == 5);
  }
  const Outcome oldest = Run("* | sort by (_time) limit 15 | fields n", blocks);
  CHECK(oldest.lines.back() == "{\"n\":14}");
  CHECK(oldest.stats.blocks_scanned == 2);
}

TEST_CASE("blocks outside of the time range or refused by their header are not scanned") {
  const auto blocks =
      std::make_shared<const TestBlockSet>(NumberedRecords(100), 10, TestBlockSet::Form::kSealed);
  ExecuteOptions options;
  options.range = {RandomQueries::kStartNs + 15'000'000'000,
                   RandomQueries::kStartNs + 25'000'000'000};
  const Outcome by_time = Run("* | stats count() c", blocks, options);
  CHECK(by_time.lines == std::vector<std::string>{"{\"c\":10}"});
  CHECK(by_time.stats.blocks_scanned == 2);
  CHECK(by_time.stats.blocks_pruned == 8);
  const Outcome by_number = Run("n:>=95 | stats count() c", blocks);
  CHECK(by_number.lines == std::vector<std::string>{"{\"c\":5}"});
  CHECK(by_number.stats.blocks_scanned == 1);
  CHECK(Run("absent:x", blocks).stats.blocks_scanned == 0);
}

TEST_CASE("newest_first turned off makes a limit take the oldest rows") {
  const auto blocks = Blocks(NumberedRecords(100));
  ExecuteOptions options;
  options.newest_first = false;
  CHECK(RunOk("* | limit 2 | fields n", blocks, options) ==
        std::vector<std::string>{"{\"n\":0}", "{\"n\":1}"});
  options.limit = 2;
  CHECK(RunOk("* | fields n", blocks, options) ==
        std::vector<std::string>{"{\"n\":0}", "{\"n\":1}"});
}

TEST_CASE(
    "a query that needs more memory than it may have ends with an error that names the budget") {
  const auto blocks = Blocks(NumberedRecords(5000), 500);
  ExecuteOptions options;
  options.memory_bytes_max = 100'000;
  for (const char* text : {"* | sort by (n)", "* | stats by (n) count() c",
                           "* | stats count_uniq(n) c", "* | uniq by (n)"}) {
    CAPTURE(text);
    const Outcome outcome = Run(text, blocks, options);
    CHECK(outcome.status.code() == Code::kResourceExhausted);
    CHECK(std::string(outcome.status.message()).find("100000 bytes of memory (memory_bytes_max)") !=
          std::string::npos);
  }
  CHECK(Run("* | sort by (n) limit 3", blocks, options).status.ok());
  CHECK(Run("*", blocks, options).status.ok());
  options.memory_bytes_max = 256 << 20;
  CHECK(Run("* | sort by (n)", blocks, options).stats.memory_bytes_peak > 100'000);
}

TEST_CASE("deadline and cancellation end a query between blocks") {
  const auto blocks = Blocks(NumberedRecords(100));
  const base::ManualClock clock(1000);
  ExecuteOptions options;
  options.clock = &clock;
  options.deadline_monotonic_ns = 1001;
  CHECK(Run("*", blocks, options).status.ok());
  options.deadline_monotonic_ns = 1000;
  CHECK(Run("*", blocks, options).status.code() == Code::kDeadlineExceeded);
  options.deadline_monotonic_ns = std::numeric_limits<int64_t>::max();
  std::atomic<bool> cancelled = true;
  options.cancelled = &cancelled;
  CHECK(Run("*", blocks, options).status.code() == Code::kCancelled);
}

TEST_CASE("a query that has seen all rows goes on in steps and can be cancelled between them") {
  constexpr size_t kRecords = 40'000, kPerBlock = 1000;
  const auto blocks = Blocks(NumberedRecords(kRecords), kPerBlock);
  for (const std::string pipe : {"sort by (n desc) rank as place", "stats by (n) count() rows"}) {
    INFO(pipe);
    auto query = ParseQuery("* | " + pipe, {.now_ns = kNowNs});
    REQUIRE(query.ok());
    std::atomic<bool> cancelled{false};
    ExecuteOptions options;
    options.slice_ns = 0;
    options.cancelled = &cancelled;
    Execution execution(std::move(*query), blocks, options);
    std::string out;
    const auto step = [&] { return execution.Next(1000, &out).status().code(); };
    for (size_t block = 0; block < kRecords / kPerBlock; ++block) REQUIRE(step() == Code::kOk);
    CHECK(execution.stats().rows_scanned == kRecords);
    REQUIRE(step() == Code::kOk);
    CHECK(out.empty());
    cancelled = true;
    CHECK(step() == Code::kCancelled);
  }
}

TEST_CASE("rows that are sorted in runs are in order, with their ranks") {
  const auto lines = RunOk(
      "* | sort by (message, n desc) partition by (message) limit 4000 rank as place | keep n, "
      "place",
      Blocks(NumberedRecords(40'000), 1000));
  REQUIRE(lines.size() == 7 * 4000);
  CHECK(lines.front() == R"({"n":39998,"place":1})");
  CHECK(lines[3999] == R"({"n":12005,"place":4000})");
  CHECK(lines[4000] == R"({"n":39999,"place":1})");
  const auto all =
      RunOk("* | sort by (n desc) offset 1 | keep n", Blocks(NumberedRecords(40'000), 1000));
  REQUIRE(all.size() == 39'999);
  for (size_t i = 0; i < all.size(); ++i)
    REQUIRE(all[i] == "{\"n\":" + std::to_string(39'998 - i) + "}");
}

TEST_CASE("the bound on bytes that are read holds inside of a block") {
  std::vector<TestRecord> records;
  RandomQueries random(1);
  constexpr int kFields = 20;
  for (int row = 0; row < 200; ++row) {
    TestRecord& record = records.emplace_back();
    record.timestamp_ns = RandomQueries::kStartNs + row;
    for (int i = 0; i < kFields; ++i) {
      std::string text;
      while (text.size() < 100) text += std::to_string(random.Below(1'000'000'000));
      record.fields.push_back({"f" + std::to_string(i), ValueType::kString, text});
    }
  }
  const auto blocks = std::make_shared<TestBlockSet>(records, 1000, TestBlockSet::Form::kSealed);
  const auto run = [&](uint64_t bytes_max) {
    ExecuteOptions options;
    options.bytes_scanned_max = bytes_max;
    auto query = ParseQuery("*", {});
    Execution execution(std::move(*query), blocks, options);
    std::string out;
    const Status status = execution.Next(1 << 20, &out).status();
    return std::pair(status, execution.stats().bytes_scanned);
  };
  const auto [status, bytes] = run(UINT64_MAX);
  REQUIRE(status.ok());
  CHECK(run(bytes).first.ok());
  const auto [refused, read] = run(bytes / 2);
  CHECK(refused.code() == Code::kResourceExhausted);
  CHECK(read > bytes / 2);
  CHECK(read <= bytes / 2 + 2 * bytes / kFields);
}

TEST_CASE("extra filters are joined with the query's own") {
  auto query =
      ParseQuery("n:<50 or n:>90", {.now_ns = 0, .extra_filters = {"n:>45", "n:<92 n:>0"}});
  REQUIRE(query.ok());
  CHECK(ToText(*query) == "(n:<50 or n:>90) n:>45 n:<92 n:>0");
  CHECK(std::string(ParseQuery("*", {.now_ns = 0, .extra_filters = {"("}}).status().message()) ==
        "extra filter: 1:2: expected a filter, found the end of the query");
}

TEST_CASE("a printed query parses to the same text") {
  for (const char* text :
       {"* | limit 5", "a | sort by (x desc, y) offset 2 limit 3 | fields a, \"b c\", d*",
        "* | stats by (_time:1m offset 30s, a:10) count(*) as n, quantile(0.5, x) as q",
        "* | top 3 by (a, b) hits as hits", "* | uniq by (a) with hits limit 4",
        "* | delete * | filter a:b or c | offset 1"}) {
    const auto query = ParseQuery(text, {});
    INFO(text << ": " << query.status().ToString());
    REQUIRE(query.ok());
    CHECK(ToText(*query) == text);
  }
}

}  // namespace
}  // namespace neurallog::query
