// Blocks of which a column cannot be read: the answer is that of the other blocks.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "query/execution.h"
#include "support/memory_blocks.h"

namespace neurallog::query {
namespace {

using testing::TestBlockSet;
using testing::TestRecord;

constexpr int64_t kStartNs = 1'750'000'000'000'000'000;
constexpr size_t kRowsPerBlock = 10;
constexpr size_t kBlocks = 12;

class BrokenView : public block::BlockView {
 public:
  BrokenView(std::unique_ptr<block::BlockView> view, std::string column, Code code)
      : view_(std::move(view)), column_(std::move(column)), code_(code) {}
  const block::BlockHeader& header() const override { return view_->header(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    if (header().columns[index].name == column_) return Status(code_, "broken");
    return view_->GetColumn(index);
  }

 private:
  const std::unique_ptr<block::BlockView> view_;
  const std::string column_;
  const Code code_;
};

// Blocks of which some lack a column.
class BrokenSet : public block::BlockSet {
 public:
  BrokenSet(std::shared_ptr<const TestBlockSet> blocks, std::set<size_t> broken, std::string column,
            Code code = Code::kCorruption)
      : blocks_(std::move(blocks)),
        broken_(std::move(broken)),
        column_(std::move(column)),
        code_(code) {}
  size_t size() const override { return blocks_->size(); }
  const block::BlockHeader& header(size_t i) const override { return blocks_->header(i); }
  std::unique_ptr<block::BlockView> Open(size_t i) const override {
    if (!broken_.contains(i)) return blocks_->Open(i);
    return std::make_unique<BrokenView>(blocks_->Open(i), column_, code_);
  }

 private:
  const std::shared_ptr<const TestBlockSet> blocks_;
  const std::set<size_t> broken_;
  const std::string column_;
  const Code code_;
};

// Rows of which none is like another. Blocks of `missing` are left out.
std::shared_ptr<const TestBlockSet> Blocks(const std::set<size_t>& missing) {
  std::vector<TestRecord> records;
  for (size_t i = 0; i < kBlocks * kRowsPerBlock; ++i) {
    if (missing.contains(i / kRowsPerBlock)) continue;
    const std::string number = std::to_string(i);
    records.push_back({kStartNs + static_cast<int64_t>(i) * 1'000,
                       {{"n", ValueType::kNumber, number},
                        {"message", ValueType::kString, "row " + number + " of all"},
                        {"kind", ValueType::kString, i % 3 == 0 ? "fizz" : "plain"}}});
  }
  return std::make_shared<TestBlockSet>(records, kRowsPerBlock, TestBlockSet::Form::kSealed);
}

struct Answer {
  Status status;
  std::string lines;
  uint64_t blocks_damaged = 0;
};

Answer Ask(const std::string& text, std::shared_ptr<const block::BlockSet> blocks,
           ExecuteOptions options = {}, size_t bytes_target = 1 << 20) {
  auto query = ParseQuery(text, {.now_ns = kStartNs + 1'000'000'000});
  REQUIRE(query.ok());
  Execution execution(std::move(*query), std::move(blocks), options);
  Answer answer;
  for (bool more = true; more;) {
    auto next = execution.Next(bytes_target, &answer.lines);
    answer.status = next.status();
    more = next.ok() && *next;
  }
  answer.blocks_damaged = execution.stats().blocks_damaged;
  return answer;
}

TEST_CASE("an answer without damaged blocks is that of the others alone") {
  const std::string query = GENERATE(
      as<std::string>(), "message:row", "message:~\"row .*5\"", "*", "* | fields message",
      "* | sort by (message)", "* | sort by (n) desc limit 25 | fields message",
      "* | stats by (kind) count() c, count_uniq(message) u, max(message) m",
      "* | stats count() c, sum(n) s, min(message) m", "* | uniq by (message) | stats count() c",
      "* | top 5 by (message) | stats count() c", "* | limit 1000 | fields message, kind",
      "kind:fizz | stats count_uniq(message) u", "* | filter message:5 | stats count() c");
  const std::set<size_t> broken =
      GENERATE(values<std::set<size_t>>({{0},
                                         {kBlocks - 1},
                                         {3, 4, 5},
                                         {0, 2, 4, 6, 8, 10},
                                         {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}));
  INFO(query);
  const Answer expected = Ask(query, Blocks(broken));
  REQUIRE(expected.status.ok());
  const Answer got = Ask(query, std::make_shared<BrokenSet>(Blocks({}), broken, "message"));
  INFO(got.status.ToString());
  REQUIRE(got.status.ok());
  CHECK(got.lines == expected.lines);
  CHECK(got.blocks_damaged <= broken.size());
  const bool needs_all = query.find("limit 25") == std::string::npos;
  if (needs_all) CHECK(got.blocks_damaged == broken.size());
}

TEST_CASE("a limit is filled from other blocks") {
  const std::set<size_t> broken = {kBlocks - 1, kBlocks - 3};
  ExecuteOptions options;
  options.limit = 25;
  const Answer expected = Ask("*", Blocks(broken), options);
  const Answer got = Ask("*", std::make_shared<BrokenSet>(Blocks({}), broken, "message"), options);
  REQUIRE(got.status.ok());
  CHECK(got.lines == expected.lines);
  CHECK(got.blocks_damaged == 2);
}

TEST_CASE("a query that needs no damaged column is whole") {
  const auto blocks = std::make_shared<BrokenSet>(Blocks({}), std::set<size_t>{1, 2}, "message");
  for (const char* query : {"* | stats count() c", "kind:fizz | stats sum(n) s", "* | fields n"}) {
    const Answer got = Ask(query, blocks);
    CHECK(got.lines == Ask(query, Blocks({})).lines);
    CHECK(got.blocks_damaged == 0);
  }
}

TEST_CASE("rows that were returned stay, and no row comes twice") {
  const std::set<size_t> broken = {2, 5, 6};
  const Answer got = Ask("*", std::make_shared<BrokenSet>(Blocks({}), broken, "message"), {},
                         /*bytes_target=*/100);
  REQUIRE(got.status.ok());
  CHECK(got.lines == Ask("*", Blocks(broken)).lines);
  CHECK(got.blocks_damaged == 3);
}

TEST_CASE("rows that were sorted and returned stay when a pipe behind finds damage") {
  const std::string query =
      GENERATE(as<std::string>(), "* | sort by (_time desc) limit 1000 | filter message:row",
               "* | sort by (_time) limit 1000 | extract \"row <x> of\"",
               "* | sort by (n desc) | filter message:row");
  INFO(query);
  const std::set<size_t> broken = {2, 5, 6};
  const Answer got = Ask(query, std::make_shared<BrokenSet>(Blocks({}), broken, "message"), {},
                         /*bytes_target=*/100);
  INFO(got.status.ToString());
  REQUIRE(got.status.ok());
  CHECK(got.lines == Ask(query, Blocks(broken)).lines);
  CHECK(got.blocks_damaged == 3);
}

// Two blocks share each stretch of time, row by row.
std::shared_ptr<const TestBlockSet> Overlapping(const std::set<size_t>& missing) {
  std::vector<TestRecord> records;
  for (size_t i = 0; i < kBlocks * kRowsPerBlock; ++i) {
    const size_t block = i / kRowsPerBlock;
    if (missing.contains(block)) continue;
    const size_t at = block / 2 * 2 * kRowsPerBlock + i % kRowsPerBlock * 2 + block % 2;
    records.push_back({kStartNs + static_cast<int64_t>(at) * 1'000,
                       {{"n", ValueType::kNumber, std::to_string(i)},
                        {"message", ValueType::kString, "row " + std::to_string(at) + " of all"}}});
  }
  return std::make_shared<TestBlockSet>(records, kRowsPerBlock, TestBlockSet::Form::kSealed);
}

TEST_CASE("damage in one of two blocks of the same time costs no row of the other") {
  const std::string query =
      GENERATE(as<std::string>(), "* | sort by (_time) limit 1000 | filter message:~\"row .* of\"",
               "* | sort by (_time desc) limit 1000 | filter message:~\"row .* of\"");
  INFO(query);
  const std::set<size_t> broken = {5, 6};
  const Answer got = Ask(query, std::make_shared<BrokenSet>(Overlapping({}), broken, "message"), {},
                         /*bytes_target=*/100);
  INFO(got.status.ToString());
  REQUIRE(got.status.ok());
  CHECK(got.lines == Ask(query, Overlapping(broken)).lines);
  CHECK(got.blocks_damaged == 2);
}

TEST_CASE("other errors end the query") {
  const auto blocks = std::make_shared<BrokenSet>(Blocks({}), std::set<size_t>{1}, "message",
                                                  Code::kDeadlineExceeded);
  CHECK(Ask("message:row", blocks).status.code() == Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace neurallog::query
