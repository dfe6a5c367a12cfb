// The tokens that a builder collects are those that a search will ask for.
#include "block_fixture.h"
#include "index/token_set.h"

namespace neurallog::block {

TEST_CASE("a block collects every token of its values but those of integers and of the time") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  std::vector<TestRow> rows(3000);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].timestamp_ns = static_cast<int64_t>(i);
    rows[i].fields = {
        {"constant", ValueType::kString, "One constant"},
        {"dictionary", ValueType::kString, "choice" + std::to_string(i % 30)},
        {"integer", ValueType::kNumber, std::to_string(900'000 + i)},
        {"address", ValueType::kString,
         "10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200)},
        {"message", ValueType::kString,
         "user " + std::to_string(rng() % 100'000) + " in " + std::to_string(rng() % 999) +
             ".25ms"},
        {"text", ValueType::kString,
         std::string(1 + rng() % 60, static_cast<char>('a' + rng() % 26))},
    };
    if (i % 100 == 0)
      rows[i].fields[4].value =
          "Rare" + std::string(1, static_cast<char>('a' + i / 100 % 26)) + " " + std::to_string(i);
  }
  TestRows made = MakeRows(rows);
  index::TokenSet tokens;
  const BuiltBlock built = BuildBlock(made.refs, {.tokens = &tokens});
  const auto header = BlockHeader::Decode(built.header);
  REQUIRE(header.ok());
  for (const ColumnMeta& column : header.value()->columns)
    REQUIRE(column.indexed == (column.encoding != Encoding::kInts));

  std::vector<index::TokenHash> expected;
  for (const TestRow& row : rows)
    for (const TestField& field : row.fields)
      if (field.name != "integer")
        index::ForEachToken(field.value, [&](std::string_view token) {
          expected.push_back(index::HashToken(token));
        });
  std::sort(expected.begin(), expected.end());
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const std::span<const index::TokenHash> hashes = tokens.SortedHashes();
  REQUIRE(std::vector<index::TokenHash>(hashes.begin(), hashes.end()) == expected);
}

// With AddressSanitizer: what is scanned lies in readable memory, template texts too.
TEST_CASE("the words of templates are tokens, however long the template is") {
  const size_t bytes = GENERATE(20, 60, 64, 65, 500, 4000);
  std::string text = "opened";
  while (text.size() < bytes) text += " some words";
  text.resize(bytes, 's');
  std::vector<TestRow> rows(600);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = {static_cast<int64_t>(i),
               {{"message", ValueType::kString, std::to_string(i * 7919) + " " + text}}};
  TestRows made = MakeRows(rows);
  index::TokenSet tokens;
  const BuiltBlock built = BuildBlock(made.refs, {.tokens = &tokens});
  const auto header = BlockHeader::Decode(built.header);
  REQUIRE(header.ok());
  REQUIRE(header.value()->columns.back().encoding == Encoding::kTemplates);
  const std::span<const index::TokenHash> hashes = tokens.SortedHashes();
  index::ForEachToken(text, [&](std::string_view token) {
    CHECK(std::binary_search(hashes.begin(), hashes.end(), index::HashToken(token)));
  });
}

}  // namespace neurallog::block
