// Blocks merged from decoded blocks, against a block of all rows at once.
#include "block_fixture.h"

namespace neurallog::block {
namespace {

std::string RandomValue(std::mt19937_64& rng, unsigned kind) {
  switch (kind % 6) {
    case 0: return "same";
    case 1: return std::to_string(static_cast<int64_t>(rng()) % 1'000'000);
    case 2: return "choice " + std::to_string(rng() % 5);
    case 3:
      return "request " + std::to_string(rng() % 500) + " took " + std::to_string(rng() % 90) +
             "ms";
    case 4: return std::string(rng() % 30, static_cast<char>(rng()));
    default: return rng() % 2 == 0 ? std::to_string(rng() % 1000) : "x";
  }
}

std::vector<TestRow> RandomRows(std::mt19937_64& rng, size_t rows, size_t first_column) {
  std::vector<TestRow> made(rows);
  for (size_t i = 0; i < rows; ++i) {
    made[i].timestamp_ns = static_cast<int64_t>(rng() % 3000) - 500;
    for (size_t c = first_column; c < first_column + 8; ++c)
      if (rng() % 3 != 0)
        made[i].fields.push_back(
            {"column" + std::to_string(c),
             c % 5 == 4 ? static_cast<ValueType>(rng() % kValueTypes) : ValueType::kString,
             RandomValue(rng, static_cast<unsigned>(c))});
  }
  return made;
}

struct Source {
  OpenedBlock block;
  std::vector<Column> columns;
  std::vector<uint64_t> deleted;

  explicit Source(const std::vector<TestRow>& rows) : block(Build(rows)) {
    for (size_t i = 0; i < block.header->columns.size(); ++i) columns.push_back(block.Read(i));
  }
  MergeInput input() const { return {block.header.get(), columns, deleted}; }
};

OpenedBlock Merge(const std::vector<Source>& sources, const BuildOptions& options) {
  std::vector<MergeInput> inputs;
  for (const Source& each : sources) inputs.push_back(each.input());
  OpenedBlock merged;
  merged.built = MergeBlocks(inputs, options);
  auto header = BlockHeader::Decode(merged.built.header);
  REQUIRE(header.ok());
  merged.header = std::move(header).value();
  return merged;
}

// Rows sorted by time, as a block holds them.
void SortByTime(std::vector<TestRow>* rows) {
  std::stable_sort(rows->begin(), rows->end(), [](const TestRow& a, const TestRow& b) {
    return a.timestamp_ns < b.timestamp_ns;
  });
}

}  // namespace

TEST_CASE(
    "merged blocks hold the rows that are left, sorted by time, types and texts as they were") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (int round = 0; round < 25; ++round) {
    std::vector<Source> sources;
    std::vector<TestRow> left;
    for (size_t s = 0; s < 1 + rng() % 4; ++s) {
      std::vector<TestRow> rows = RandomRows(rng, 1 + rng() % 300, rng() % 10);
      SortByTime(&rows);
      Source& source = sources.emplace_back(rows);
      if (rng() % 2 == 0) source.deleted.resize((rows.size() + 63) / 64);
      for (size_t i = 0; i < rows.size(); ++i) {
        const bool is_deleted = !source.deleted.empty() && rng() % 3 == 0 && i > 0;
        if (is_deleted) source.deleted[i / 64] |= uint64_t{1} << i % 64;
        if (!is_deleted) left.push_back(rows[i]);
      }
    }
    const OpenedBlock merged = Merge(sources, {.lsn_min = 3, .lsn_max = 5, .zstd_level = 9});
    REQUIRE(merged.header->rows == left.size());
    REQUIRE(merged.header->lsn_min == 3);
    const auto expected = ExpectedRows(left);
    size_t values = 0;
    for (const auto& row : expected) values += row.size();
    for (size_t i = 0; i < merged.header->columns.size(); ++i)
      values -= CheckColumn(merged.Read(i), merged.header->columns[i], expected);
    REQUIRE(values == 0);
  }
}

TEST_CASE("a merged block is the block that its rows make at once") {
  std::mt19937_64 rng(5);
  std::vector<TestRow> rows = RandomRows(rng, 2000, 0);
  SortByTime(&rows);
  const std::vector<TestRow> first(rows.begin(), rows.begin() + 700);
  const std::vector<TestRow> second(rows.begin() + 700, rows.end());
  std::vector<Source> sources;
  sources.emplace_back(first);
  sources.emplace_back(second);
  const OpenedBlock merged = Merge(sources, {.lsn_min = 7, .lsn_max = 9});
  const OpenedBlock whole = Build(rows);
  REQUIRE(merged.header->level_counts == whole.header->level_counts);
  REQUIRE(merged.built.header.size() == whole.built.header.size());
  REQUIRE(merged.built.chunks.size() == whole.built.chunks.size());
}

TEST_CASE("columns all of whose rows were deleted are gone from a merged block") {
  std::vector<Source> sources;
  sources.emplace_back(std::vector<TestRow>{{1, {{"a", ValueType::kString, "1"}}},
                                            {2, {{"b", ValueType::kString, "2"}}}});
  sources.back().deleted = {1};
  const OpenedBlock merged = Merge(sources, {});
  REQUIRE(merged.header->rows == 1);
  REQUIRE(merged.header->FindColumn("a") == -1);
  REQUIRE(merged.header->FindColumn("b") == 1);
  REQUIRE(merged.header->min_ns == 2);
}

}  // namespace neurallog::block
