// Headers of the first version, and what later ones add.
#include "base/bytes.h"
#include "base/hash.h"
#include "block/block_header.h"
#include "block_fixture.h"

namespace neurallog::block {
namespace {

// As the first version wrote it: rows 2, a timestamp and a string column, both chunks stored beside.
std::string FirstVersionHeader(uint8_t encoding, uint8_t flags) {
  std::string bytes;
  base::AppendLe<uint32_t>(&bytes, 0x314b4c42);
  bytes.push_back(1);
  base::AppendVarint(&bytes, 2);
  base::AppendLe<int64_t>(&bytes, 10);
  base::AppendLe<int64_t>(&bytes, 20);
  base::AppendVarint(&bytes, 5);
  base::AppendVarint(&bytes, 6);
  for (size_t level = 0; level < kLevels; ++level) base::AppendVarint(&bytes, level == 2 ? 2 : 0);
  base::AppendVarint(&bytes, 2);
  base::AppendLengthPrefixed(&bytes, "_time");
  bytes.push_back(2);
  bytes.push_back(2);
  for (const uint64_t value : {2, 2, 0}) base::AppendVarint(&bytes, value);
  base::AppendVarint(&bytes, base::ZigZag(10));
  base::AppendVarint(&bytes, 10);
  base::AppendVarint(&bytes, 700);
  base::AppendLengthPrefixed(&bytes, "f");
  bytes.push_back(static_cast<char>(encoding));
  bytes.push_back(static_cast<char>(flags));
  for (const uint64_t value : {1, 3, 4, 900}) base::AppendVarint(&bytes, value);
  base::AppendLe(&bytes, base::Crc32c(0, bytes.data(), bytes.size()));
  return bytes;
}

BlockHeader TwoColumns() {
  BlockHeader header;
  header.rows = 100;
  header.max_ns = 50;
  header.level_counts[0] = 100;
  header.columns.resize(2);
  ColumnMeta& time = header.columns[0];
  time.name = "_time";
  time.encoding = Encoding::kInts;
  time.present_rows = 100;
  time.has_int_range = true;
  time.int_max = 50;
  time.chunk_bytes = 600;
  ColumnMeta& message = header.columns[1];
  message.name = "message";
  message.encoding = Encoding::kTemplates;
  message.present_rows = 90;
  message.length_min = 2;
  message.length_max = 9;
  message.value_bytes = 500;
  message.chunk_bytes = 700;
  message.char_classes = 7;
  message.indexed = true;
  message.templates = 3;
  message.top_templates = {{0x1234567890abcdef, 50}, {7, 30}};
  return header;
}

bool IsRefused(const BlockHeader& header) {
  return BlockHeader::Decode(EncodeHeader(header)).status().code() == Code::kCorruption;
}

}  // namespace

TEST_CASE("headers of the first version are read, and tell nothing of what came later") {
  const auto header = BlockHeader::Decode(FirstVersionHeader(3, 0));
  REQUIRE(header.ok());
  const ColumnMeta& column = header.value()->columns[1];
  REQUIRE(column.name == "f");
  REQUIRE(column.encoding == Encoding::kStrings);
  REQUIRE(column.length_max == 7);
  REQUIRE(column.chunk_bytes == 900);
  REQUIRE(column.value_bytes == 0);
  REQUIRE(column.char_classes == 0xff);
  REQUIRE_FALSE(column.indexed);
  REQUIRE(BlockHeader::Decode(FirstVersionHeader(4, 0)).status().code() == Code::kCorruption);
  REQUIRE(BlockHeader::Decode(FirstVersionHeader(3, 4)).status().code() == Code::kCorruption);
}

TEST_CASE("the bytes of all values come back, and are what the values' lengths allow") {
  BlockHeader header = TwoColumns();
  REQUIRE(BlockHeader::Decode(EncodeHeader(header)).value()->columns[1].value_bytes == 500);
  header.columns[1].value_bytes = 90 * 2 - 1;
  REQUIRE(IsRefused(header));
  header.columns[1].value_bytes = 90 * 9 + 1;
  REQUIRE(IsRefused(header));
}

TEST_CASE("classes, the mark of indexed columns and template counts come back") {
  const BlockHeader header = TwoColumns();
  const auto decoded = BlockHeader::Decode(EncodeHeader(header));
  REQUIRE(decoded.ok());
  const ColumnMeta& column = decoded.value()->columns[1];
  REQUIRE(column.char_classes == 7);
  REQUIRE(column.indexed);
  REQUIRE(column.templates == 3);
  REQUIRE(column.top_templates == header.columns[1].top_templates);
  REQUIRE_FALSE(decoded.value()->columns[0].indexed);
}

TEST_CASE("template counts that contradict the header are corruption") {
  REQUIRE_FALSE(IsRefused(TwoColumns()));
  BlockHeader header = TwoColumns();
  header.columns[1].templates = 1;
  REQUIRE(IsRefused(header));
  header = TwoColumns();
  header.columns[1].templates = kTemplatesMax + 1;
  REQUIRE(IsRefused(header));
  header = TwoColumns();
  header.columns[1].top_templates[1].rows = 51;
  REQUIRE(IsRefused(header));
  header.columns[1].top_templates = {{1, 50}, {2, 41}};
  REQUIRE(IsRefused(header));
  header.columns[1].top_templates = {{1, 0}};
  REQUIRE(IsRefused(header));
  header.columns[1].templates = 40;
  header.columns[1].top_templates.assign(kTopTemplatesMax + 1, {1, 1});
  REQUIRE(IsRefused(header));
}

}  // namespace neurallog::block
