#include <limits>

#include "block_fixture.h"

namespace neurallog::block {
namespace {

std::vector<TestRow> OneColumn(size_t rows, const std::function<TestField(size_t)>& field) {
  std::vector<TestRow> made(rows);
  for (size_t i = 0; i < rows; ++i) {
    made[i].timestamp_ns = static_cast<int64_t>(i) * 1'000'000;
    TestField each = field(i);
    if (!each.name.empty()) made[i].fields.push_back(std::move(each));
  }
  return made;
}

Encoding EncodingOf(const OpenedBlock& block, const std::string& name) {
  return block.header->columns[static_cast<size_t>(block.header->FindColumn(name))].encoding;
}

std::string RandomBytes(std::mt19937_64& rng, size_t bytes) {
  std::string made(bytes, '\0');
  for (char& byte : made) byte = static_cast<char>(rng());
  return made;
}

// A value of one of the shapes that columns of logs have; `kind` stays the same for a column.
TestField RandomField(std::mt19937_64& rng, const std::string& name, unsigned kind) {
  switch (kind % 8) {
    case 0: return {name, ValueType::kString, "same"};
    case 1: return {name, ValueType::kString, "choice-" + std::to_string(rng() % 7)};
    case 2:
      return {name, ValueType::kNumber,
              std::to_string(static_cast<int64_t>(rng()) % (int64_t{1} << (rng() % 56)))};
    case 3: return {name, static_cast<ValueType>(rng() % kValueTypes), std::to_string(rng() % 100)};
    case 4: return {name, ValueType::kString, RandomBytes(rng, rng() % 40)};
    case 5: return {name, static_cast<ValueType>(rng() % kValueTypes), RandomBytes(rng, rng() % 3)};
    case 6:
      return {name, ValueType::kString,
              "request " + std::to_string(rng() % 1000) + " took " + std::to_string(rng() % 90) +
                  " ms"};
    default:
      return {name, rng() % 2 == 0 ? ValueType::kNull : ValueType::kBool,
              rng() % 2 == 0 ? "" : "true"};
  }
}

std::vector<TestRow> RandomRows(std::mt19937_64& rng, size_t rows, size_t columns) {
  std::vector<unsigned> kinds(columns);
  std::vector<unsigned> percent(columns);
  for (size_t c = 0; c < columns; ++c) {
    kinds[c] = static_cast<unsigned>(rng());
    percent[c] = rng() % 2 == 0 ? 100 : static_cast<unsigned>(rng() % 101);
  }
  std::vector<TestRow> made(rows);
  for (size_t i = 0; i < rows; ++i) {
    made[i].timestamp_ns = static_cast<int64_t>(i * 1000 + rng() % 5000) - 2'000'000;
    for (size_t c = 0; c < columns; ++c)
      if (rng() % 100 < percent[c])
        made[i].fields.push_back(RandomField(rng, "column" + std::to_string(c), kinds[c]));
    if (rng() % 50 == 0 && columns > 0)
      made[i].fields.push_back(RandomField(rng, "column0", kinds[0]));
  }
  return made;
}

}  // namespace

TEST_CASE("random rows come back with their types and bytes, from a sealed block and from memory") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (int round = 0; round < 60; ++round)
    RoundTrip(RandomRows(rng, 1 + rng() % 700, rng() % 20), 1 + rng() % 100);
}

TEST_CASE("blocks of every interesting number of rows come back") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (const size_t rows :
       {1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 511, 512, 513, 1023, 1024, 1025, 8191, 8192})
    RoundTrip(RandomRows(rng, rows, 8));
  RoundTrip(RandomRows(rng, kBlockRowsMax, 8), 5000);
}

TEST_CASE("no rows make an empty memory block") {
  const MemoryBlock block({}, {});
  REQUIRE(block.header().rows == 0);
  REQUIRE(block.header().columns.size() == 1);
  REQUIRE(block.GetColumn(0).rows == 0);
}

TEST_CASE("the header tells rows, times, log sequence numbers and the order of columns") {
  const OpenedBlock block =
      RoundTrip({{30, {{"b", ValueType::kString, "x"}}},
                 {20, {{"a", ValueType::kNumber, "1"}, {"b", ValueType::kNull, ""}}}});
  REQUIRE(block.header->rows == 2);
  REQUIRE(block.header->min_ns == 20);
  REQUIRE(block.header->max_ns == 30);
  REQUIRE(block.header->lsn_min == 7);
  REQUIRE(block.header->lsn_max == 9);
  REQUIRE(block.header->columns[0].name == "_time");
  REQUIRE(block.header->columns[1].name == "a");
  REQUIRE(block.header->columns[2].name == "b");
  REQUIRE(block.built.min_ns == 20);
  REQUIRE(block.built.max_ns == 30);
  REQUIRE(block.built.chunks.empty());
}

TEST_CASE("equal values of one type are stored once") {
  const OpenedBlock block = RoundTrip(OneColumn(5000, [](size_t) {
    return TestField{"f", ValueType::kString, "web"};
  }));
  REQUIRE(EncodingOf(block, "f") == Encoding::kConst);
}

TEST_CASE("a constant may be absent from some rows, empty, or as long as 1 MiB") {
  for (const size_t bytes : {0, 1, 600, 1 << 20}) {
    const OpenedBlock block = RoundTrip(OneColumn(bytes > 1000 ? 9 : 900, [bytes](size_t i) {
      return i % 3 == 0 ? TestField{"", ValueType::kString, ""}
                        : TestField{"f", ValueType::kArray, std::string(bytes, 'x')};
    }));
    REQUIRE(EncodingOf(block, "f") == Encoding::kConst);
  }
}

TEST_CASE("few distinct values become a dictionary, as many as 4,096") {
  for (const size_t distinct : {2, 3, 255, 256, 257, 4095, 4096, 4097}) {
    const OpenedBlock block = RoundTrip(OneColumn(16'384, [distinct](size_t i) {
      return TestField{"f", ValueType::kString,
                       "host-" + std::to_string(i < 1024 ? i % 2 : i % distinct)};
    }));
    REQUIRE((EncodingOf(block, "f") == Encoding::kDict) == (distinct <= kDictEntriesMax));
  }
}

TEST_CASE("a dictionary tells values of different types apart") {
  const OpenedBlock block = RoundTrip(OneColumn(3000, [](size_t i) {
    return TestField{"f", i % 3 == 0 ? ValueType::kString : ValueType::kBool,
                     i % 2 == 0 ? "true" : "false"};
  }));
  REQUIRE(EncodingOf(block, "f") == Encoding::kDict);
  REQUIRE(block.Read("f").entries.size() == 4);
}

TEST_CASE("canonical integers are packed and know their range") {
  const OpenedBlock block = RoundTrip(OneColumn(3000, [](size_t i) {
    return TestField{"f", ValueType::kNumber,
                     std::to_string(static_cast<int64_t>(i * 7919 % 3001) - 1000)};
  }));
  REQUIRE(EncodingOf(block, "f") == Encoding::kInts);
  const ColumnMeta& meta = block.header->columns[1];
  REQUIRE(meta.has_int_range);
  REQUIRE(meta.int_min == -1000);
  REQUIRE(meta.int_max == 2000);
}

TEST_CASE("one text that is not a canonical integer keeps the column as text") {
  for (const char* odd : {"007", "-0", "+1", "1.0", "1e3", "", "-", "1 ", "9999999999999999999",
                          "1000000000000000000"}) {
    INFO("'" << odd << "'");
    const OpenedBlock block = RoundTrip(OneColumn(1000, [odd](size_t i) {
      return TestField{"f", ValueType::kNumber, i == 999 ? odd : std::to_string(i)};
    }));
    REQUIRE(EncodingOf(block, "f") != Encoding::kInts);
  }
}

TEST_CASE("integers of 18 digits and of mixed types are packed") {
  const OpenedBlock block = RoundTrip(OneColumn(1000, [](size_t i) {
    const char* ends[] = {"999999999999999999", "-999999999999999999", "0"};
    return TestField{"f", i % 5 == 0 ? ValueType::kString : ValueType::kNumber,
                     i < 3 ? ends[i] : std::to_string(i * i * i)};
  }));
  REQUIRE(EncodingOf(block, "f") == Encoding::kInts);
}

TEST_CASE("times of any int64 and out of order come back sorted") {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
  RoundTrip({{kGreatest, {}}, {kLeast, {}}, {0, {}}, {-1, {}}, {kGreatest, {}}, {kLeast + 1, {}}});
  RoundTrip({{kLeast, {}}});
  RoundTrip({{kGreatest, {}}, {kGreatest - 1, {}}});
}

TEST_CASE("rows of one time keep their order, however unsorted the rest") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (const uint64_t times : {1, 2, 50, 100'000}) {
    std::vector<TestRow> rows(4000);
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] = {static_cast<int64_t>(rng() % times),
                 {{"n", ValueType::kNumber, std::to_string(i)}}};
    RoundTrip(rows);
  }
}

TEST_CASE("millisecond stamps cost about a byte each") {
  std::vector<TestRow> rows(8192);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].timestamp_ns =
        1'750'000'000'000'000'000 + static_cast<int64_t>(i * 80 + i * i % 61) * 1'000'000;
  const OpenedBlock block = RoundTrip(rows);
  REQUIRE(block.header->columns[0].chunk_bytes < 8192);
}

TEST_CASE("the last value of a field that a row holds twice wins") {
  const OpenedBlock block = RoundTrip({{1,
                                        {{"f", ValueType::kString, "first"},
                                         {"g", ValueType::kNull, ""},
                                         {"f", ValueType::kNumber, "2"}}},
                                       {2, {}}});
  REQUIRE(block.header->columns[1].present_rows == 1);
}

TEST_CASE("values of 1 MiB and of every byte come back") {
  std::mt19937_64 rng(1);
  std::string every(256, '\0');
  for (int i = 0; i < 256; ++i) every[static_cast<size_t>(i)] = static_cast<char>(i);
  RoundTrip(
      {{1,
        {{"f", ValueType::kString, RandomBytes(rng, 1 << 20)}, {every, ValueType::kString, every}}},
       {2,
        {{"f", ValueType::kString, std::string(1 << 20, 'a')},
         {"", ValueType::kString, "empty name"}}},
       {3, {{"f", ValueType::kString, ""}, {every, ValueType::kString, "\0"}}}});
}

TEST_CASE("every number of present rows comes back") {
  for (const size_t rows : {1, 2, 63, 64, 65, 130})
    for (size_t present = 0; present <= rows; ++present)
      RoundTrip(OneColumn(rows, [=](size_t i) {
        return i * 37 % rows < present ? TestField{"f", ValueType::kString, std::to_string(i) + "x"}
                                       : TestField{"", ValueType::kString, ""};
      }));
}

TEST_CASE("sparse and nearly full columns do not pay for a bitmap") {
  for (const bool sparse : {true, false}) {
    const OpenedBlock block = RoundTrip(OneColumn(8192, [sparse](size_t i) {
      return (i % 400 == 7) == sparse ? TestField{"f", ValueType::kString, "on"}
                                      : TestField{"", ValueType::kString, ""};
    }));
    REQUIRE(block.header->columns[1].chunk_bytes < 100);
  }
}

TEST_CASE("2,000 columns in one row or spread over many rows come back and are found by name") {
  std::vector<TestRow> wide(3);
  std::vector<TestRow> spread(2000);
  for (size_t i = 0; i < 2000; ++i) {
    const TestField field{"field." + std::to_string(i), ValueType::kNumber, std::to_string(i * i)};
    wide[i % 3].fields.push_back(field);
    spread[i] = {static_cast<int64_t>(2000 - i), {field}};
  }
  const OpenedBlock block = RoundTrip(wide);
  for (size_t i = 0; i < block.header->columns.size(); ++i)
    REQUIRE(block.header->FindColumn(block.header->columns[i].name) == static_cast<int>(i));
  REQUIRE(block.header->FindColumn("field.2000") == -1);
  RoundTrip(spread, 1);
}

TEST_CASE("columns that a chunk number cannot name travel in the header") {
  std::vector<TestRow> rows(36);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t c = 0; c < 2000; ++c)
      rows[i].fields.push_back({std::to_string(i) + "/" + std::to_string(c), ValueType::kString,
                                c % 500 == 0 ? std::string(40, 'q') : "v"});
  std::mt19937_64 rng(2);
  rows.back().fields.push_back({"long", ValueType::kString, RandomBytes(rng, 3000)});
  const OpenedBlock block = RoundTrip(rows, 10);
  REQUIRE(block.header->columns.size() == 72'002);
  REQUIRE(block.header->columns.back().inline_chunk.size() > kInlineChunkBytesMax);
}

TEST_CASE("small chunks are inline, others are not") {
  const OpenedBlock block = RoundTrip(OneColumn(8192, [](size_t i) {
    return TestField{"f", ValueType::kString, std::to_string(i * i) + "-"};
  }));
  REQUIRE(block.header->columns[1].inline_chunk.empty());
  for (const ColumnMeta& column : block.header->columns) {
    REQUIRE(column.inline_chunk.empty() == (column.chunk_bytes > kInlineChunkBytesMax));
    if (!column.inline_chunk.empty()) REQUIRE(column.inline_chunk.size() == column.chunk_bytes);
  }
}

TEST_CASE("levels are counted in any spelling, rows without one as none") {
  const char* spellings[] = {"info", "INFO", "warning", "error", "no such level"};
  std::vector<TestRow> rows(100);
  for (size_t i = 0; i < rows.size(); ++i)
    if (i % 10 < 5) rows[i].fields.push_back({"level", ValueType::kString, spellings[i % 10]});
  const OpenedBlock block = RoundTrip(rows);
  const auto& counts = block.header->level_counts;
  REQUIRE(counts[static_cast<size_t>(Level::kInfo)] == 20);
  REQUIRE(counts[static_cast<size_t>(Level::kWarn)] == 10);
  REQUIRE(counts[static_cast<size_t>(Level::kError)] == 10);
  REQUIRE(counts[static_cast<size_t>(Level::kOther)] == 10);
  REQUIRE(counts[static_cast<size_t>(Level::kNone)] == 50);
}

TEST_CASE("a column says what memory it takes") {
  const OpenedBlock block = RoundTrip(OneColumn(1000, [](size_t i) {
    return TestField{"f", ValueType::kString, "value " + std::to_string(i)};
  }));
  REQUIRE(block.Read("f").memory_bytes() >= 1000 * (sizeof(uint32_t) + 7));
  REQUIRE(block.header->memory_bytes() >= sizeof(BlockHeader) + 2 * sizeof(ColumnMeta));
}

}  // namespace neurallog::block
