// Random queries whose answer must not depend on how the rows lie in blocks.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <sstream>

#include "base/json_value.h"
#include "query/execution.h"
#include "query/json_print.h"
#include "support/memory_blocks.h"
#include "support/random_queries.h"
#include "support/seed.h"

namespace neurallog::query {
namespace {

using neurallog::testing::RandomQueries;
using neurallog::testing::TestBlockSet;
using neurallog::testing::TestRecord;

const std::vector<std::string> kPipes = {
    "copy level as l, source as _msg",
    "copy status as level, tags as a.b",
    "rename level as l, mixed as level",
    "rename _time as t",
    "fields _time, level, message, mixed, status",
    "delete level, ta*",
    "filter level:* or status:>100",
    "len(message) as n",
    "len(tags) as level",
    "hash(level) as h",
    "json_array_len(tags) as n",
    "replace (\"e\", \"EE\") at level",
    "replace if (status:>200) (\"o\", \"0\")",
    "replace_regexp (\"([a-z])([0-9]*)\", \"$2$1\") limit 3",
    "collapse_nums at mixed prettify",
    "unpack_words from message as words drop_duplicates",
    "format \"<level>/<uc:source> <status>\" as f",
    "format if (rare:*) \"<rare>\" as level keep_original_fields",
    "format \"<rare>\" as source skip_empty_results",
    "math status * 2 + mixed as m, m default status as level",
    "math round(status / 7, 0.1)",
    "pack_json fields (level, status) as j",
    "pack_logfmt fields (source, mixed)",
    "extract \"<a>-<b>\" from message",
    "extract if (level:error) \"t<level>e\" skip_empty_results",
    "extract_regexp \"(?P<x>[A-Z]+)-?(?P<y>[0-9]+)?\"",
    "format '{\"level\":\"<source>\",\"k\":<q:rare>,\"o\":{\"p\":[<status>]}}' as j | unpack_json "
    "from j",
    "format 'a=<status> level=\"x y\"' as j | unpack_logfmt from j result_prefix p_",
    "unroll by (tags)",
    "unroll if (level:*) (tags, level)",
    "drop_empty_fields",
    "limit 40",
    "offset 5",
    "sort by (mixed, status desc, _time)",
    "sort by (status, _time) limit 9 offset 2 rank as r",
    "sort by (_time desc) partition by (level) limit 2",
    "first 3 by (message) partition by (source)",
    "stats by (level, status:200) count() n, sum(mixed) s, uniq_values(source) u",
    "stats by (_time:100ms) count() if (level:error) e, max(mixed) m, row_max(mixed, status) r",
    "stats by (source) values(status) limit 4 v, count_uniq(level, flag) q, median(status) d",
    "stats json_values(level, mixed) sort by (mixed, _time) limit 5 j, histogram(status) h",
    "top 3 by (level) rank",
    "uniq by (source, level) with hits",
    "field_names",
    "field_values level",
    "facets 3 max_value_len 30",
};

// Members by name; the order of columns depends on the block.
std::string Normal(const std::string& line) {
  const auto object = base::ParseJson(line);
  INFO(line);
  REQUIRE(object.ok());
  std::map<std::string, std::string> members;
  for (size_t i = 0; i < object->items().size(); ++i)
    AppendJson(&members[object->names()[i]], object->items()[i]);
  std::string text;
  for (const auto& [name, value] : members)
    if (value != "\"\"") text += name + "=" + value + " ";
  return text;
}

std::vector<std::string> Answer(const std::string& text, std::shared_ptr<TestBlockSet> blocks) {
  auto query = ParseQuery(text, {});
  INFO(query.status().ToString());
  REQUIRE(query.ok());
  ExecuteOptions options;
  options.newest_first = false;
  options.format = OutputFormat::kVictoriaLogs;
  Execution execution(std::move(*query), std::move(blocks), options);
  std::string out;
  for (bool more = true; more;) {
    const auto next = execution.Next(/*bytes_target=*/1000, &out);
    INFO(next.status().ToString());
    REQUIRE(next.ok());
    more = *next;
  }
  std::vector<std::string> lines;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) lines.push_back(Normal(line));
  return lines;
}

}  // namespace

TEST_CASE("the answer of any pipes does not depend on how rows lie in blocks") {
  const uint64_t seed = testing::RandomSeed();
  INFO("NL_SEED=" << seed);
  RandomQueries random(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<TestRecord> records = random.Records(100);
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& a, const auto& b) { return a.timestamp_ns < b.timestamp_ns; });
    const auto whole = std::make_shared<TestBlockSet>(records, 1000, TestBlockSet::Form::kMemory);
    const auto split =
        std::make_shared<TestBlockSet>(records, 1 + random.Below(40), TestBlockSet::Form::kMixed);
    for (int i = 0; i < 10; ++i) {
      std::string text = "*";
      for (uint64_t pipes = 1 + random.Below(4); pipes > 0; --pipes)
        text += " | " + random.Pick(kPipes);
      CAPTURE(text);
      CHECK(Answer(text, split) == Answer(text, whole));
    }
  }
}

}  // namespace neurallog::query
