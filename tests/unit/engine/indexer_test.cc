// Queries over an engine whose blocks are in hash lists and segments, compared with queries that do
// without the index.
#include "engine/indexer.h"

#include <catch2/catch.hpp>

#include "query/execution.h"
#include "support/engine_fixture.h"
#include "support/random_queries.h"

namespace neurallog::engine {
namespace {

using testing::RandomQueries;

// The same blocks, all of them candidates.
class WithoutIndex : public block::BlockSet {
 public:
  explicit WithoutIndex(std::shared_ptr<const block::BlockSet> blocks)
      : blocks_(std::move(blocks)) {}
  size_t size() const override { return blocks_->size(); }
  const block::BlockHeader& header(size_t i) const override { return blocks_->header(i); }
  std::unique_ptr<block::BlockView> Open(size_t i) const override { return blocks_->Open(i); }

 private:
  const std::shared_ptr<const block::BlockSet> blocks_;
};

struct Answer {
  std::string lines;
  query::ExecuteStats stats;
};

Answer Run(const std::string& text, std::shared_ptr<const block::BlockSet> blocks) {
  INFO(text);
  auto query = query::ParseQuery(text, {.now_ns = RandomQueries::kStartNs + 1'000'000'000});
  REQUIRE(query.status().ToString() == "ok");
  query::Execution execution(std::move(*query), std::move(blocks), {});
  Answer answer;
  for (bool more = true; more;) {
    const auto next = execution.Next(1 << 20, &answer.lines);
    REQUIRE(next.status().ToString() == "ok");
    more = *next;
  }
  answer.stats = execution.stats();
  return answer;
}

class IndexedEngine : public testing::EngineFixture {
 public:
  std::shared_ptr<const block::BlockSet> Blocks() {
    return engine().Snapshot(engine().FindTenant("default"), {}).value();
  }
  // Each row has an id of its own.
  void AppendNumbered(int from, int to) {
    model::RecordBatchBuilder builder(0);
    for (int n = from; n < to; ++n) {
      builder.BeginRow();
      builder.AddField(builder.NameId("message"), ValueType::kString,
                       "request " + std::to_string(n * 7919 % 100'003) + " of trace t" +
                           std::to_string(n) + "x done");
      builder.EndRow(RandomQueries::kStartNs + n);
    }
    REQUIRE(Append(builder.Finish()).ok());
  }
  void AwaitSeals(size_t unsealed_max) {
    REQUIRE(Eventually([&] {
      return engine().FindTenant("default")->buffered().rows <= unsealed_max;
    }));
  }
};

}  // namespace

TEST_CASE_METHOD(IndexedEngine, "a needle costs one block of many, before and after its list is in a segment") {
  options().compactor.small_blocks_min = SIZE_MAX;
  Reopen();
  for (int n = 0; n < 25'600; n += 1'600) AppendNumbered(n, n + 1'600);
  AwaitSeals(255);
  REQUIRE(Blocks()->size() >= 100);
  const auto check = [&](const char* when) {
    INFO(when);
    const Answer needle = Run("t12345x | fields message", Blocks());
    CHECK(needle.stats.rows_returned == 1);
    CHECK(needle.stats.blocks_scanned == 1);
    CHECK(needle.stats.blocks_pruned_by_index >= 99);
    CHECK(needle.stats.index_pages_read > 0);
    const Answer absent = Run("t12345", Blocks());
    CHECK(absent.lines.empty());
    CHECK(absent.stats.blocks_scanned == 0);
    CHECK(Run("request | stats count() n", Blocks()).lines == "{\"n\":25600}\n");
  };
  check("with whatever the indexer has done so far");
  REQUIRE(Eventually([&] { return engine().store().token_index().stats().segments_built > 0; }));
  check("with a segment");
  CHECK(Eventually([&] { return Run("t12345 and nothing", Blocks()).stats.index_pages_read < 70; }));
  Reopen();
  check("after a restart");
}

TEST_CASE_METHOD(IndexedEngine, "answers are the same with and without the index, for random data and filters") {
  options().sealer.block_rows = 16;
  options().compactor.small_blocks_min = SIZE_MAX;
  Reopen();
  RandomQueries random(20250601);
  for (int i = 0; i < 60; ++i) {
    const auto records = random.Records(40);
    REQUIRE(Append(testing::MakeBatch(records)).ok());
  }
  AwaitSeals(15);
  size_t ruled_out = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 80; ++i) {
      const std::string text = ToText(*random.Filter());
      const auto blocks = Blocks();
      const Answer with = Run(text, blocks);
      const Answer without = Run(text, std::make_shared<WithoutIndex>(blocks));
      CHECK(with.lines == without.lines);
      CHECK(without.stats.blocks_pruned_by_index == 0);
      ruled_out += with.stats.blocks_pruned_by_index;
    }
    if (round == 0)
      REQUIRE(Eventually([&] { return engine().store().token_index().stats().segments_built > 0; }));
    if (round == 1) Crash();
  }
  CHECK(ruled_out > 100);
}

}  // namespace neurallog::engine
