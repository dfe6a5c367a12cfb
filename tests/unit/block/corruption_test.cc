#include "base/bytes.h"
#include "base/hash.h"
#include "block_fixture.h"

namespace neurallog::block {
namespace {

// Messages whose variables take every form.
std::string VariedMessage(std::mt19937_64& rng, size_t i) {
  const auto number = [&rng](uint64_t below) { return std::to_string(rng() % below); };
  switch (rng() % 9) {
    case 0: return "took " + number(5000) + "ms of " + std::to_string(i);
    case 1: return "from 10.2." + number(256) + "." + number(256) + " constant1";
    case 2: return "at 12:" + number(10) + "0:1" + number(10) + " ratio " + number(9) + ".25";
    case 3: return "id 12ab" + std::to_string(1000 + rng() % 9000) + "e" + number(10);
    case 4: return "shard a" + number(4) + "b" + number(3);
    case 5: return "text x" + number(9000) + "y" + number(900000) + "z";
    case 6:
      return "id 1" + std::string(1, "abcdef"[rng() % 6]) + "2" + "0123456789abcdef"[rng() % 16];
    case 7: return "minute " + std::to_string(i / 100) + " done";
    default: return std::string("stored whole \0", 14) + number(100);
  }
}

std::string HexText(uint64_t value, size_t digits) {
  std::string text;
  for (; text.size() < digits; value = value * 7 + value / 16)
    text.push_back("0123456789abcdef"[value % 16]);
  return text;
}

// Every encoding, presence and type layout, inline and not.
std::vector<TestRow> VariedRows() {
  std::mt19937_64 rng(11);
  std::vector<TestRow> rows(700);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].timestamp_ns = static_cast<int64_t>(i) * 1'000'000;
    auto add = [&](const char* name, ValueType type, std::string value) {
      rows[i].fields.push_back({name, type, std::move(value)});
    };
    add("level", ValueType::kString, i % 9 == 0 ? "error" : "info");
    add("constant", ValueType::kString, "one value");
    add("seq", ValueType::kNumber, std::to_string(i));
    add("random", ValueType::kNumber, std::to_string(rng() % 1'000'000));
    add("message", ValueType::kString, "request " + std::to_string(rng()) + " done");
    add("identifier", ValueType::kString, HexText(rng(), 16));
    add("address", ValueType::kString,
        "10." + std::to_string(rng() % 256) + ".0." + std::to_string(i % 256));
    add("ratio", ValueType::kNumber, std::to_string(rng() % 900) + (i % 3 == 0 ? ".5" : ".25"));
    add("varied", ValueType::kString, VariedMessage(rng, i));
    add("line", ValueType::kString,
        "12:00:" + std::to_string(10 + i % 50) + " host" + std::to_string(i % 3) + " app[" +
            std::to_string(90 + i % 20) +
            "]: " + (i % 40 == 0 ? HexText(rng() | 10, 9) + "g" : "") + VariedMessage(rng, i));
    add("run", ValueType::kString, "r" + std::to_string(i / 200));
    if (i % 3 == 0) add("third", ValueType::kNumber, std::to_string(rng() % 50'000));
    if (i % 100 == 0) add("rare", ValueType::kString, std::to_string(rng()) + "x");
    if (i % 100 != 0) add("usual", ValueType::kString, "u" + std::to_string(rng() % 20));
    add("mixed", static_cast<ValueType>(rng() % kValueTypes), std::to_string(rng() % 90'000) + "/");
    if (i % 2 == 0)
      add("mixed few", static_cast<ValueType>(rng() % kValueTypes),
          std::to_string(rng() % 3) + "/");
  }
  return rows;
}

void FixCrc(std::string* bytes) {
  const size_t body = bytes->size() - 4;
  base::StoreLe(bytes->data() + body, base::Crc32c(0, bytes->data(), body));
}

// Touches everything a decoded column offers, for the sanitizers.
size_t ReadAll(const Column& column) {
  char scratch[24];
  size_t sum = 0;
  for (uint32_t row = 0; row < column.rows; ++row) {
    for (const char byte : column.TextAt(row, scratch)) sum += static_cast<unsigned char>(byte);
    sum += static_cast<size_t>(column.TypeAt(row));
  }
  return sum;
}

// Decodes a copy of exactly its size, so that a sanitizer sees a read past the end.
Result<Column> DecodeExact(const ColumnMeta& meta, uint32_t rows, const std::string& chunk) {
  const std::vector<char> exact(chunk.begin(), chunk.end());
  return DecodeColumn(meta, rows, {exact.data(), exact.size()});
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a header or chunk is corruption") {
  const OpenedBlock block = Build(VariedRows());
  std::string header = block.built.header;
  for (size_t i = 0; i < header.size(); ++i) {
    header[i] = static_cast<char>(header[i] ^ 1 << i % 8);
    const auto decoded = BlockHeader::Decode(header);
    if (decoded.ok() || decoded.status().code() != Code::kCorruption)
      FAIL("flipped header byte " << i << " was not noticed");
    header[i] = block.built.header[i];
  }
  for (size_t c = 0; c < block.header->columns.size(); ++c) {
    std::string chunk = block.chunk(c);
    for (size_t i = 0; i < chunk.size(); ++i) {
      chunk[i] = static_cast<char>(chunk[i] ^ 1 << i % 8);
      const auto decoded = DecodeColumn(block.header->columns[c], block.header->rows, chunk);
      if (decoded.ok() || decoded.status().code() != Code::kCorruption)
        FAIL("flipped byte " << i << " of column " << block.header->columns[c].name
                             << " was not noticed");
      chunk[i] = block.chunk(c)[i];
    }
  }
}

TEST_CASE("headers and chunks cut at any length are corruption, even with a right checksum") {
  const OpenedBlock block = Build(VariedRows());
  for (size_t size = 0; size < block.built.header.size(); ++size) {
    std::string cut = block.built.header.substr(0, size);
    REQUIRE(BlockHeader::Decode(cut).status().code() == Code::kCorruption);
    if (size < 4) continue;
    FixCrc(&cut);
    REQUIRE(BlockHeader::Decode(cut).status().code() == Code::kCorruption);
  }
  for (size_t c = 0; c < block.header->columns.size(); ++c) {
    ColumnMeta meta = block.header->columns[c];
    for (size_t size = 0; size < block.chunk(c).size(); ++size) {
      std::string cut = block.chunk(c).substr(0, size);
      REQUIRE(DecodeExact(meta, block.header->rows, cut).status().code() == Code::kCorruption);
      meta.chunk_bytes = static_cast<uint32_t>(size);
      if (size >= 4) FixCrc(&cut);
      REQUIRE(DecodeExact(meta, block.header->rows, cut).status().code() == Code::kCorruption);
      meta.chunk_bytes = block.header->columns[c].chunk_bytes;
    }
  }
}

TEST_CASE("damaged bytes with a right checksum decode to something readable or are corruption") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  const OpenedBlock block = Build(VariedRows());
  const auto damage = [&rng](std::string bytes, size_t first_bytes) {
    const size_t range =
        rng() % 2 == 0 ? std::min(first_bytes, bytes.size() - 4) : bytes.size() - 4;
    for (size_t flips = 1 + rng() % 3; flips > 0; --flips)
      bytes[rng() % range] = static_cast<char>(rng() % 3 == 0 ? 0xff : rng());
    FixCrc(&bytes);
    return bytes;
  };
  size_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto header = BlockHeader::Decode(damage(block.built.header, 40));
    if (!header.ok()) {
      ++refused;
      REQUIRE(header.status().code() == Code::kCorruption);
      continue;
    }
    for (const ColumnMeta& meta : header.value()->columns) {
      if (meta.inline_chunk.empty()) continue;
      const auto column = DecodeExact(meta, header.value()->rows, meta.inline_chunk);
      if (column.ok()) ReadAll(column.value());
    }
  }
  REQUIRE(refused > 0);
  refused = 0;
  for (size_t c = 0; c < block.header->columns.size(); ++c) {
    for (int round = 0; round < 2000; ++round) {
      const auto column =
          DecodeExact(block.header->columns[c], block.header->rows, damage(block.chunk(c), 40));
      if (column.ok()) {
        ReadAll(column.value());
        continue;
      }
      ++refused;
      REQUIRE(column.status().code() == Code::kCorruption);
    }
  }
  REQUIRE(refused > 0);
}

TEST_CASE("a chunk that belongs to another column or another number of rows is corruption") {
  const OpenedBlock block = Build(VariedRows());
  const auto meta = [&block](const char* name) {
    return block.header->columns[static_cast<size_t>(block.header->FindColumn(name))];
  };
  const auto chunk = [&block](const char* name) {
    return block.chunk(static_cast<size_t>(block.header->FindColumn(name)));
  };
  REQUIRE(DecodeColumn(meta("seq"), 700, chunk("seq")).ok());
  REQUIRE(DecodeColumn(meta("seq"), 701, chunk("seq")).status().code() == Code::kCorruption);
  REQUIRE(DecodeColumn(meta("seq"), 699, chunk("seq")).status().code() == Code::kCorruption);
  REQUIRE(DecodeColumn(meta("seq"), 0, chunk("seq")).status().code() == Code::kCorruption);
  for (const char* other :
       {"level", "constant", "random", "message", "third", "rare", "usual", "mixed"}) {
    ColumnMeta wrong = meta("seq");
    wrong.chunk_bytes = meta(other).chunk_bytes;
    REQUIRE(DecodeColumn(wrong, 700, chunk(other)).status().code() == Code::kCorruption);
  }
}

TEST_CASE("errors name the block part and the column") {
  const OpenedBlock block = Build(VariedRows());
  ColumnMeta meta = block.header->columns[3];
  REQUIRE(meta.name == "seq");
  std::string chunk = block.chunk(3);
  chunk.back() = static_cast<char>(chunk.back() + 1);
  REQUIRE(DecodeColumn(meta, 700, chunk).status().ToString() ==
          "corruption: block column 'seq': checksum mismatch");
  std::string header = block.built.header;
  header[4] = 99;
  FixCrc(&header);
  REQUIRE(BlockHeader::Decode(header).status().ToString() ==
          "corruption: block header: unknown version 99");
  REQUIRE(BlockHeader::Decode("").status().ToString() == "corruption: block header: 0 bytes");
}

}  // namespace neurallog::block
