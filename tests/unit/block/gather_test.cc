#include "block/gather.h"

#include "block/dictionary.h"
#include "block_fixture.h"

namespace neurallog::block {

TEST_CASE("rows of many batches with other name numbers gather into the same columns") {
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < 3000; ++i) {
    TestRow row{(i * 7919) % 3000, {}};
    const TestField a{"a", ValueType::kNumber, std::to_string(i)};
    const TestField b{"b", ValueType::kString, "b" + std::to_string(i % 50)};
    const TestField rare{"rare" + std::to_string(i % 13), ValueType::kString, "r"};
    if (i % 3 == 0) row.fields = {a, b};
    if (i % 3 == 1) row.fields = {b, rare, a};
    if (i % 3 == 2) row.fields = {rare, b};
    rows.push_back(row);
  }
  for (const size_t rows_per_batch : {1, 2, 17, 1000, 3000}) RoundTrip(rows, rows_per_batch);
}

TEST_CASE("sorting by time is stable over spans of nanoseconds and of centuries") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (const int bits : {0, 1, 10, 40, 47, 48, 49, 63, 64}) {
    for (const size_t count : {1, 2, 100, 3000}) {
      std::vector<RowRef> rows(count);
      std::vector<char> addresses(count);
      for (size_t i = 0; i < count; ++i)
        rows[i] = {nullptr, &addresses[i],
                   bits == 0 ? 5 : static_cast<int64_t>(rng() >> (64 - bits)) - 1'000'000};
      std::vector<RowRef> expected = rows;
      std::stable_sort(expected.begin(), expected.end(), [](const RowRef& a, const RowRef& b) {
        return a.timestamp_ns < b.timestamp_ns;
      });
      SortRows(rows);
      size_t same = 0;
      for (size_t i = 0; i < count; ++i)
        same += rows[i].row == expected[i].row && rows[i].timestamp_ns == expected[i].timestamp_ns;
      REQUIRE(same == count);
    }
  }
}

TEST_CASE("values of every length that differ in one byte are told apart") {
  for (size_t length = 1; length <= 80; ++length) {
    std::vector<TestRow> rows;
    for (size_t at = 0; at < length; ++at) {
      std::string value(length, 'v');
      value[at] = 'w';
      rows.push_back({static_cast<int64_t>(2 * at), {{"f", ValueType::kString, value}}});
      rows.push_back({static_cast<int64_t>(2 * at + 1), {{"f", ValueType::kString, value}}});
    }
    TestRows made = MakeRows(rows);
    const std::vector<GatheredColumn> columns = GatherColumns(made.refs, /*copy=*/true);
    DictionaryBuilder dictionary;
    REQUIRE(dictionary.Build(columns[0].cells, columns[0].length_max, kDictEntriesMax));
    REQUIRE(dictionary.entries().size() == length);
    for (size_t i = 0; i < rows.size(); ++i)
      if (dictionary.codes()[i] != i / 2)
        FAIL("length " << length << ": code " << dictionary.codes()[i] << " of value " << i);
  }
}

TEST_CASE("a dictionary is refused at one entry too many") {
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < 100; ++i)
    rows.push_back({i, {{"f", ValueType::kString, std::to_string(i % 10)}}});
  TestRows made = MakeRows(rows);
  const std::vector<GatheredColumn> columns = GatherColumns(made.refs, /*copy=*/true);
  DictionaryBuilder dictionary;
  REQUIRE(dictionary.Build(columns[0].cells, columns[0].length_max, 10));
  REQUIRE(dictionary.entry_bytes() == 10);
  REQUIRE_FALSE(dictionary.Build(columns[0].cells, columns[0].length_max, 9));
  REQUIRE_FALSE(dictionary.Build(columns[0].cells, columns[0].length_max, 0));
}

}  // namespace neurallog::block
