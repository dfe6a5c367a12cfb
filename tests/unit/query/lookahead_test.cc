// Blocks that are worked on ahead of a query, and partial results that are kept, change no answer.
#include <atomic>
#include <catch2/catch.hpp>

#include "base/worker_pool.h"
#include "query/partial_cache.h"
#include "support/memory_blocks.h"
#include "support/random_queries.h"
#include "support/seed.h"

namespace neurallog::query {
namespace {

using testing::RandomQueries;
using testing::TestBlockSet;

// Time passes whenever somebody looks, so that every query is a long one.
class HastyClock : public base::Clock {
 public:
  int64_t WallNs() const override { return RandomQueries::kStartNs; }
  int64_t MonotonicNs() const override { return now_ns_ += 10'000'000; }

 private:
  mutable std::atomic<int64_t> now_ns_{0};
};

constexpr const char* kQueries[] = {
    "* | stats by (level) count() hits",
    "* | stats by (_time:1d, source) count() hits, sum(status) s",
    "level:error | stats count() hits, sum(status) s, avg(status) a",
    "status:>100 | stats by (source) quantile(0.5, mixed) p50, quantile(0.9, mixed) p90",
    "* | stats count_uniq(message) m, uniq_values(level) l",
    "* | stats by (message) count() hits",
    "* | stats by (level) values(status) v",
    "* | top 5 by (source, level)",
    "* | uniq by (level, status) with hits",
    "error or i(warn)",
    "* | sort by (message, _time) limit 20",
    "source:api | fields _time, level | sort by (_time) limit 7",
    "* | limit 9",
    "* | stats count() if (level:error) errors, count() all",
};

std::string Answer(const char* text, const std::shared_ptr<const TestBlockSet>& blocks,
                   const ExecuteOptions& options) {
  auto query = ParseQuery(text, {.now_ns = RandomQueries::kStartNs});
  REQUIRE(query.ok());
  Execution execution(std::move(*query), blocks, options);
  std::string out;
  for (bool more = true; more;) {
    const auto next = execution.Next(/*bytes_target=*/500, &out);
    REQUIRE(next.ok());
    more = *next;
  }
  return out;
}

}  // namespace

TEST_CASE("helpers ahead of a query and kept partials change no answer") {
  const uint64_t seed = testing::RandomSeed();
  CAPTURE(seed);
  RandomQueries random(seed);
  const auto blocks = std::make_shared<TestBlockSet>(random.Records(2'000), /*rows_per_block=*/60,
                                                     TestBlockSet::Form::kMixed);
  base::WorkerPool helpers("test-helpers", 3, 100);
  HastyClock clock;
  PartialCache partials(1 << 20);
  for (const char* text : kQueries) {
    CAPTURE(text);
    const std::string alone = Answer(text, blocks, {});
    ExecuteOptions options;
    options.helpers = &helpers;
    options.clock = &clock;
    CHECK(Answer(text, blocks, options) == alone);
    options.partials = &partials;
    CHECK(Answer(text, blocks, options) == alone);
    CHECK(Answer(text, blocks, options) == alone);
  }
  CHECK(partials.bytes() > 0);
}

TEST_CASE("a query that is given up leaves no helper behind") {
  RandomQueries random(5);
  const auto blocks = std::make_shared<TestBlockSet>(random.Records(2'000), /*rows_per_block=*/50,
                                                     TestBlockSet::Form::kSealed);
  base::WorkerPool helpers("test-helpers", 3, 100);
  HastyClock clock;
  ExecuteOptions options;
  options.helpers = &helpers;
  options.clock = &clock;
  for (int round = 0; round < 50; ++round) {
    auto query = ParseQuery("*", {});
    REQUIRE(query.ok());
    Execution execution(std::move(*query), blocks, options);
    std::string out;
    REQUIRE(execution.Next(/*bytes_target=*/1, &out).ok());
    CHECK(!out.empty());
  }
}

TEST_CASE("the few rows of a dear filter are looked for once") {
  RandomQueries random(7);
  auto records = random.Records(2'000);
  for (const size_t place : {3, 700, 1999})
    records[place].fields.push_back(
        {"needle", ValueType::kString, "quite rare " + std::to_string(place)});
  const auto blocks =
      std::make_shared<TestBlockSet>(records, /*rows_per_block=*/60, TestBlockSet::Form::kSealed);
  HastyClock clock;
  PartialCache partials(1 << 20);
  ExecuteOptions options;
  options.clock = &clock;
  options.partials = &partials;
  const auto run = [&](std::string* out) {
    auto query = ParseQuery("needle:~\"rare.*[0-9]\" | fields needle", {});
    REQUIRE(query.ok());
    Execution execution(std::move(*query), blocks, options);
    for (bool more = true; more;) {
      const auto next = execution.Next(/*bytes_target=*/1000, out);
      REQUIRE(next.ok());
      more = *next;
    }
    return execution.stats();
  };
  std::string first, second;
  const ExecuteStats searched = run(&first);
  const ExecuteStats known = run(&second);
  CHECK(searched.rows_matched == 3);
  CHECK(second == first);
  CHECK(known.filter_ns < searched.filter_ns);
  CHECK(partials.bytes() > 0);
}

TEST_CASE("what is kept is told apart by the query and by what it depends on") {
  const auto key = [](const std::string& text) {
    auto query = ParseQuery(text, {.now_ns = RandomQueries::kStartNs});
    REQUIRE(query.ok());
    return PartialKey(*query);
  };
  const auto all = key("* | stats count()");
  REQUIRE(all);
  CHECK(key("_time:5m | stats count()") == all);
  CHECK(key("_time:5m error | stats count()") == key("error | stats count()"));
  CHECK(key("error | stats count()") != all);
  CHECK(key("* | stats by (level) count()") != all);
  CHECK_FALSE(key("error or _time:5m | stats count()"));
  CHECK_FALSE(key("!_time:5m | stats count()"));
  CHECK_FALSE(key("level:in(error | fields level) | stats count()"));
  CHECK_FALSE(key("options(time_offset=1h) * | stats count()"));
  CHECK_FALSE(key("*"));
}

TEST_CASE("rows are kept of filters that always choose the same ones") {
  const auto key = [](const std::string& text) {
    auto query = ParseQuery(text, {.now_ns = RandomQueries::kStartNs});
    REQUIRE(query.ok());
    return RowsKey(*query);
  };
  REQUIRE(key("error"));
  CHECK(key("error") == key("_time:5m error | stats count()"));
  CHECK(key("error") != key("warn"));
  CHECK(key("error") != PartialKey(*ParseQuery("error | stats count()", {})));
  CHECK_FALSE(key("*"));
  CHECK_FALSE(key("_time:5m"));
  CHECK_FALSE(key("error or _time:5m"));
  CHECK_FALSE(key("level:in(error | fields level)"));
  CHECK_FALSE(key("options(time_offset=1h) error"));
}

}  // namespace neurallog::query
