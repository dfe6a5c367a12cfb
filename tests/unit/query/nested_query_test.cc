// Queries inside of queries: which rows they see, what they may cost, and that they take turns.
#include "query/nested_query.h"

#include <catch2/catch.hpp>

#include "query/execution.h"
#include "query/row_pipeline.h"
#include "support/memory_blocks.h"
#include "support/random_queries.h"

namespace neurallog::query {
namespace {

using testing::RandomQueries;
using testing::TestBlockSet;
using testing::TestRecord;

constexpr int64_t kStartNs = RandomQueries::kStartNs;
constexpr int64_t kSecondNs = 1'000'000'000;

// Records at 0 s, 1 s, ... with their number as `n`.
std::shared_ptr<const TestBlockSet> Numbered(size_t count) {
  std::vector<TestRecord> records;
  for (size_t i = 0; i < count; ++i)
    records.push_back({kStartNs + static_cast<int64_t>(i) * kSecondNs,
                       {{"n", ValueType::kNumber, std::to_string(i)}}});
  return std::make_shared<const TestBlockSet>(records, 5, TestBlockSet::Form::kMixed);
}

Query Parse(const std::string& text, const ParseOptions& options = {}) {
  auto query = ParseQuery(text, options);
  INFO(text << ": " << query.status().ToString());
  REQUIRE(query.ok());
  return std::move(*query);
}

Result<std::string> Answer(Query query, const ExecuteOptions& options, int* turns = nullptr) {
  Execution execution(std::move(query), Numbered(30), options);
  std::string out;
  for (bool more = true; more;) {
    NL_TRY(more, execution.Next(1 << 20, &out));
    if (turns != nullptr) ++*turns;
  }
  return out;
}

TimeRange Seconds(int64_t from, int64_t to) {
  return {kStartNs + from * kSecondNs, kStartNs + to * kSecondNs};
}

TEST_CASE("the range of a request counts for nested queries unless they ignore it") {
  ExecuteOptions options;
  options.range = Seconds(10, 20);
  CHECK(*Answer(Parse("n:in(* | fields n) | stats count() c"), options) == "{\"c\":10}\n");
  CHECK(*Answer(Parse("n:in(n:<5 | fields n) | stats count() c"), options) == "{\"c\":0}\n");
  CHECK(*Answer(Parse("options(ignore_global_time_filter=true) n:<5 | stats count() c"), options) ==
        "{\"c\":5}\n");
  CHECK(*Answer(Parse("* | stats by (x) count() if_n | filter if_n:in(options("
                      "ignore_global_time_filter=true) n:10 | fields n) | fields if_n"),
                options) == "{\"if_n\":10}\n");
}

TEST_CASE("rows that are not visible do not exist for any query") {
  ExecuteOptions options;
  options.visible = Seconds(8, 30);
  CHECK(*Answer(Parse("options(ignore_global_time_filter=true) * | stats count() c"), options) ==
        "{\"c\":22}\n");
  CHECK(
      *Answer(
          Parse("n:in(options(ignore_global_time_filter=true) n:<10 | fields n) | stats count() c"),
          options) == "{\"c\":2}\n");
  // Shown ten seconds later they are still those that were written from 8 s on.
  CHECK(*Answer(Parse("options(time_offset=10s) * | stats min(n) a, count() c"), options) ==
        "{\"a\":8,\"c\":22}\n");
}

TEST_CASE("the blocks of a query are those of all queries inside of it") {
  const TimeRange all;
  const auto range = [&](const std::string& text, const TimeRange& given,
                         const TimeRange& visible) {
    const TimeRange blocks =
        Parse(text, {.now_ns = kStartNs + 100 * kSecondNs}).BlocksRange(given, visible);
    return std::pair((blocks.start_ns - kStartNs) / kSecondNs,
                     (blocks.end_ns - kStartNs) / kSecondNs);
  };
  CHECK(range("_time:5s x:in(_time:50s | fields y)", all, all) ==
        std::pair<int64_t, int64_t>(50, 100));
  CHECK(range("_time:5s x:in(_time:50s | fields y)", Seconds(60, 99), all) ==
        std::pair<int64_t, int64_t>(60, 99));
  CHECK(range("_time:5s x:in(options(ignore_global_time_filter=true) _time:50s | fields y)",
              Seconds(97, 99), Seconds(70, 200)) == std::pair<int64_t, int64_t>(70, 100));
  CHECK(range("options(time_offset=20s) _time:5s", all, all) ==
        std::pair<int64_t, int64_t>(75, 80));
}

TEST_CASE("extra filters count for nested queries too") {
  const ParseOptions options{.now_ns = 0, .extra_filters = {"n:>=10"}};
  CHECK(*Answer(Parse("n:in(n:<12 | fields n) | fields n", options), {}) ==
        "{\"n\":10}\n{\"n\":11}\n");
  CHECK(Parse("n:in(* | fields n)", options).nested[0]->query().filter->children.size() == 2);
}

TEST_CASE("nested queries take turns, may be cancelled, and have a budget") {
  ExecuteOptions options;
  options.slice_ns = 0;
  int turns = 0;
  CHECK(*Answer(Parse("n:in(n:<12 | fields n) | stats count() c"), options, &turns) ==
        "{\"c\":12}\n");
  CHECK(turns > 6);

  const std::atomic<bool> cancelled = true;
  options.cancelled = &cancelled;
  CHECK(Answer(Parse("n:in(* | fields n)"), options).status().code() == Code::kCancelled);

  ExecuteOptions small;
  small.memory_bytes_max = 2000;
  CHECK(Answer(Parse("n:in(* | fields n)"), small).status().code() == Code::kResourceExhausted);
}

TEST_CASE("rows of join and union are charged to the query's memory and to that of all queries") {
  for (const char* text :
       {"* | union (*) | stats count() c", "* | join by (n) (*) | stats count() c",
        "* | stream_context before 9 | stats count() c"}) {
    CAPTURE(text);
    MemoryPool pool;
    ExecuteOptions options;
    options.memory_pool = &pool;
    CHECK(Answer(Parse(text), options).ok());
    CHECK(pool.used == 0);
    options.memory_bytes_max = 3000;
    CHECK(Answer(Parse(text), options).status().code() == Code::kResourceExhausted);
    CHECK(pool.used == 0);
    options.memory_bytes_max = 1 << 20;
    pool.bytes_max = 3000;
    CHECK(Answer(Parse(text), options).status().code() == Code::kResourceExhausted);
    CHECK(pool.used == 0);
  }
}

TEST_CASE(
    "the rows around a match may lie outside of the request's range, not of what is visible") {
  ExecuteOptions options;
  options.range = Seconds(10, 20);
  CHECK(*Answer(Parse("n:10 | stream_context before 2 after 1 | fields n"), options) ==
        "{\"n\":8}\n{\"n\":9}\n{\"n\":10}\n{\"n\":11}\n");
  CHECK(*Answer(Parse("n:9 | stream_context before 2 | fields n"), options) == "");
  options.visible = Seconds(9, 30);
  CHECK(*Answer(Parse("n:10 | stream_context before 2 | fields n"), options) ==
        "{\"n\":9}\n{\"n\":10}\n");
  CHECK(*Answer(Parse("n:9 | stream_context after 1 time_window 1s | fields n",
                      {.now_ns = 0, .extra_filters = {"n:!=10"}}),
                {}) == "{\"n\":9}\n");
  const TimeRange range =
      Parse("_time:5s x | stream_context before 1 time_window 10s", {.now_ns = kStartNs})
          .BlocksRange(Seconds(-100, 100), {});
  CHECK(range.start_ns == kStartNs + 1 - 15 * kSecondNs);
  CHECK(range.end_ns <= kStartNs + 1);
}

TEST_CASE("too many matches or streams for stream_context end the query") {
  std::vector<TestRecord> records;
  for (int64_t i = 0; i < 2100; ++i)
    records.push_back({kStartNs + i,
                       {{"source", ValueType::kString, i < 2000 ? "one" : std::to_string(i)},
                        {"n", ValueType::kNumber, std::to_string(i)}}});
  const auto blocks = std::make_shared<TestBlockSet>(records, 1000, TestBlockSet::Form::kMixed);
  const auto run = [&](const std::string& text) {
    Execution execution(Parse(text), blocks, {});
    std::string out;
    return execution.Next(1 << 20, &out).status();
  };
  CHECK(run("n:<1000 | stream_context after 1").ok());
  CHECK(run("n:<1001 | stream_context after 1").message().find("more than 1000") !=
        std::string::npos);
  CHECK(run("n:>=2000 | stream_context after 1").ok());
  CHECK(run("n:>=1999 | stream_context after 1").message().find("more than 100 streams") !=
        std::string::npos);
}

TEST_CASE("pipes that read other rows cannot run in a live tail") {
  for (const char* text : {"* | union (*)", "* | join by (a) (b)", "* | stream_context after 1",
                           "* | format if (a:in(b | fields a)) x as y", "* | sort"})
    CHECK(RowPipeline::Check(Parse(text)).code() == Code::kInvalidArgument);
}

TEST_CASE("a printed query with nested queries and options parses to the same text") {
  for (const char* text :
       {"options(concurrency=2, ignore_global_time_filter=true, time_offset=3600000000000ns) a",
        "user:in(a b | fields user) !x:contains_any(y:in(* | uniq by (y)) | fields x)",
        "* | filter a:contains_all(b | fields \"c d\") | stats count(*) as n",
        "a | stream_context before 2 after 3 time_window 5000ns | union (b | sort desc limit 3)",
        "* | join by (a, \"b c\") (options(concurrency=1) d | join by (e) (f) inner) prefix \"x "
        "y\"",
        "* | stats count(*) if (a:in(b | fields a)) as n"}) {
    CHECK(ToText(Parse(text)) == text);
  }
}

}  // namespace
}  // namespace neurallog::query
