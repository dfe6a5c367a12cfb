// Filters over a column of templates: what they find by looking at each template once must be what they
// find by looking at each text.
#include <catch2/catch.hpp>
#include <random>

#include "filter/parser.h"
#include "filter/program.h"
#include "filter/row_view.h"
#include "support/memory_blocks.h"
#include "support/random_queries.h"
#include "support/seed.h"

namespace neurallog::filter {
namespace {

using testing::TestRecord;

class Messages {
 public:
  explicit Messages(uint64_t seed) : random_(seed) {}

  // A few templates often, and texts of their own among them.
  std::vector<TestRecord> Records(size_t count) {
    std::vector<TestRecord> records(count);
    for (size_t i = 0; i < count; ++i) {
      records[i].timestamp_ns = static_cast<int64_t>(i);
      if (Below(20) != 0) records[i].fields.push_back({"message", ValueType::kString, Message()});
    }
    return records;
  }

  std::string Message() {
    switch (Below(10)) {
      case 0: return "user=" + Number(6) + " connection refused after " + Number(3) + "ms";
      case 1: return "order ORD-" + Number(7) + "-XA" + Letter("ABCDEF") + " failed: timeout";
      case 2: return "GET /api/v1/items/" + Number(4) + " from 10.0." + Number(2) + ".7";
      case 3: return "trace " + Hex(8) + "-" + Hex(4) + "-" + Hex(4) + "-" + Hex(4) + "-" + Hex(12);
      case 4: return "cache miss for key k" + Number(5) + Letter("xyz") + ", took 0." + Number(2) + " of " + Number(3);
      case 5: return "worker-" + Number(2) + " dead at 08:1" + Number(1) + ":0" + Number(1);
      case 6: return "Failed to open f" + Number(3) + "\\x7fend.txt";
      case 7: return "odd a\x7f" + Number(1) + "b" + Letter("cd") + " word";
      case 8: return Word() + " " + Word() + Number(2) + "-" + Word() + " " + Word();
      default: return "heartbeat ok id=" + Letter("abcdef") + Hex(5);
    }
  }

  // A piece of some message, perhaps with another case or another last byte.
  std::string Piece() {
    std::string text = Message();
    const size_t begin = Below(text.size());
    text = text.substr(begin, 1 + Below(Below(2) == 0 ? 8 : 30));
    if (Below(4) == 0)
      for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (Below(6) == 0) text.back() = "x9- "[Below(4)];
    return text;
  }
  std::string FilterText() {
    switch (Below(9)) {
      case 0: return Quote(Word());
      case 1: return Quote(Piece()) + "*";
      case 2: return "*" + Quote(Piece()) + "*";
      case 3: return "i(" + Quote(Piece()) + ")";
      case 4: return "~\"ORD-[0-9]{7}-X[A-F]{2} \"";
      case 5: return "~\"(?i)(refused|miss|dead).*[0-9]\"";
      case 6: return "!" + Quote(Piece());
      case 7: return Quote("connection refused") + " or " + Quote(Word());
      default: return Quote(Piece());
    }
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::string Pick(std::string_view alphabet, size_t count) {
    std::string text;
    while (text.size() < count) text.push_back(alphabet[Below(alphabet.size())]);
    return text;
  }
  std::string Number(size_t digits) { return Pick("0123456789", digits); }
  std::string Hex(size_t digits) { return Pick("0123456789abcdef", digits); }
  std::string Letter(std::string_view alphabet) { return Pick(alphabet, 1); }
  std::string Word() {
    static constexpr const char* kWords[] = {"timeout", "failed", "dead",   "refused", "miss",
                                             "cache",   "order",  "feed",   "a",       "worker",
                                             "trace",   "word",   "facade", "ok",      "k"};
    return kWords[Below(std::size(kWords))];
  }
  static std::string Quote(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted.push_back('\\');
      quoted.push_back(c);
    }
    return quoted + "\"";
  }

  std::mt19937_64 random_;
};

void CompareOn(const std::vector<TestRecord>& records, const std::string& text) {
  const auto filter = ParseFilter(text);
  CAPTURE(text);
  REQUIRE(filter.ok());
  const auto program = Program::Compile(**filter, {});
  REQUIRE(program.ok());
  const auto batch = testing::MakeBatch(records);
  const testing::SealedStored sealed(batch);
  testing::StoredView<testing::SealedStored> view(sealed);
  Bitmap rows;
  REQUIRE((*program)->MatchBlock(view, &rows).ok());
  RowView row_view;
  uint32_t row = 0;
  for (const block::RowRef& ref : testing::RowsOf(*batch)) {
    row_view.Reset(*batch, ref.row);
    CAPTURE(row, row_view.Get("message"));
    CHECK(rows.Test(row++) == (*program)->MatchRecord(row_view));
  }
}

}  // namespace

TEST_CASE("a filter finds by templates what it finds by texts") {
  const uint64_t seed = testing::RandomSeed();
  CAPTURE(seed);
  Messages messages(seed);
  for (int round = 0; round < 4; ++round) {
    const std::vector<TestRecord> records = messages.Records(700);
    const testing::SealedStored sealed(testing::MakeBatch(records));
    REQUIRE(sealed.header().columns[1].encoding == block::Encoding::kTemplates);
    for (int i = 0; i < 60; ++i) CompareOn(records, messages.FilterText());
  }
}

TEST_CASE("some rows of a column are what all rows have there") {
  testing::RandomQueries random(11);
  const testing::SealedStored sealed(testing::MakeBatch(random.Records(400)));
  for (size_t i = 0; i < sealed.header().columns.size(); ++i) {
    if (sealed.header().columns[i].encoding == block::Encoding::kTemplates) continue;
    const auto all = sealed.Read(i);
    REQUIRE(all.ok());
    for (const uint32_t step : {1u, 3u, 50u, 399u}) {
      std::vector<uint32_t> rows;
      for (uint32_t row = 0; row < 400; row += step) rows.push_back(row);
      const auto some = sealed.ReadRows(i, rows);
      CAPTURE(sealed.header().columns[i].name, step);
      REQUIRE(some.ok());
      char expected[24], found[24];
      for (uint32_t row = 0; row < rows.size(); ++row) {
        REQUIRE((*some)->Has(row) == all->Has(rows[row]));
        if (!all->Has(rows[row])) continue;
        CHECK((*some)->TextAt(row, found) == all->TextAt(rows[row], expected));
        CHECK((*some)->TypeAt(row) == all->TypeAt(rows[row]));
      }
    }
  }
}

TEST_CASE("some rows of a column of templates are what all rows have there") {
  Messages messages(7);
  const testing::SealedStored sealed(testing::MakeBatch(messages.Records(3'000)));
  const auto texts = sealed.ReadTemplates(1);
  REQUIRE(texts != nullptr);
  const auto all = texts->TakeAll();
  REQUIRE(all.ok());
  for (const uint32_t step : {1u, 7u, 64u, 1000u}) {
    std::vector<uint32_t> rows;
    for (uint32_t row = 3; row < 3'000; row += step) rows.push_back(row);
    const auto some = texts->TakeWithGaps(rows);
    REQUIRE(some.ok());
    REQUIRE(some->rows == rows.size());
    for (uint32_t i = 0; i < rows.size(); ++i) {
      CHECK(some->Has(i) == all->Has(rows[i]));
      CHECK(some->TextAt(i, nullptr) == all->TextAt(rows[i], nullptr));
    }
  }
}

}  // namespace neurallog::filter
