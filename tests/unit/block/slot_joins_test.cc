// Templates that begin alike share slots, texts without a template begin with a head.
#include "block/slot_joins.h"

#include "block/block_format.h"
#include "block/slot_format.h"
#include "block_fixture.h"

namespace neurallog::block {
namespace {

std::vector<TestRow> Lines(size_t rows, const std::function<std::string(size_t)>& line) {
  std::vector<TestRow> made(rows);
  for (size_t i = 0; i < rows; ++i)
    made[i] = {static_cast<int64_t>(i), {{"message", ValueType::kString, line(i)}}};
  return made;
}

// "12:00:07 host3 app[17]: ", what all lines of a program begin with.
std::string Front(size_t i) {
  const auto two = [](size_t n) { return std::to_string(n / 10 % 10) + std::to_string(n % 10); };
  return "12:" + two(i / 60 % 60) + ":" + two(i % 60) + " host" + std::to_string(i % 4) + " app[" +
         std::to_string(100 + i % 9) + "]: ";
}

bool IsJoined(const OpenedBlock& block) {
  return block.header->columns[1].encoding == Encoding::kTemplates &&
         block.chunk(1)[3] == kJoinedTemplates;
}

std::string Letters(std::mt19937_64& rng, size_t count) {
  std::string text;
  for (; count > 0; --count) text.push_back(static_cast<char>('a' + rng() % 26));
  return text;
}

}  // namespace

TEST_CASE("templates that begin alike share their first slots") {
  const OpenedBlock block = RoundTrip(Lines(1000, [](size_t i) {
    const std::string n = std::to_string(i);
    return Front(i) + (i % 3 == 0   ? "opened " + n
                       : i % 3 == 1 ? "closed"
                                    : "sent " + n + " of " + n);
  }));
  REQUIRE(IsJoined(block));
  REQUIRE(block.header->columns[1].templates == 3);
}

TEST_CASE("templates that have little in common share nothing") {
  const OpenedBlock block = RoundTrip(Lines(1000, [](size_t i) {
    return std::string(1, static_cast<char>('a' + i % 20)) + " took " + std::to_string(i) + " ms";
  }));
  REQUIRE(!IsJoined(block));
}

TEST_CASE("texts that are stored whole begin with the head of a template") {
  std::mt19937_64 rng(1);
  const auto line = [&](size_t i) {
    if (i % 4 != 0) return Front(i) + (i % 4 == 3 ? "done" : "ok " + std::to_string(i));
    return Front(i) + Letters(rng, 9) + " " + std::to_string(i % 7) + std::string(i % 3, '\xff');
  };
  const OpenedBlock block = RoundTrip(Lines(2000, line));
  REQUIRE(IsJoined(block));
  const auto templates = DecodeTemplates(block.header->columns[1], 2000, block.chunk(1));
  REQUIRE(templates.ok());
  REQUIRE(templates->texts.size() == block.header->columns[1].templates);
  REQUIRE(templates->ids[1] == 0);
  REQUIRE(templates->ids[4] == TemplateColumn::kNone);
}

TEST_CASE("values that look different are not shared, whatever stands before them") {
  SlotJoins joins;
  const auto add = [&joins](const std::string& text, std::vector<std::string_view> values) {
    joins.AddTemplate(text, values, 1);
  };
  static const std::string at("at \0 x", 6), at_y("at \0 y", 6);
  joins.Clear();
  add(at, {"12:30"});
  add(at_y, {"7"});
  REQUIRE(!joins.IsMuchShared());
  joins.Clear();
  add(at, {"12:30"});
  add(at_y, {"13:59"});
  REQUIRE(joins.IsMuchShared());
  joins.Finish();
  REQUIRE(joins.groups().groups().size() == 1);
  REQUIRE(joins.groups().groups()[0].rows == 2);
}

TEST_CASE("slots that repeat one before them come back") {
  std::mt19937_64 rng(2);
  const OpenedBlock block = RoundTrip(Lines(900, [&](size_t i) {
    const std::string id = std::to_string(rng());
    const std::string other = i == 776 ? "1" : id;
    return Front(i) + (i % 2 == 0 ? "block " + id + " is " + id + " or " + other : "none");
  }));
  REQUIRE(IsJoined(block));
}

TEST_CASE("random lines with common fronts come back") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> tails(1 + rng() % 60);
    for (std::string& tail : tails) tail = Letters(rng, rng() % 12);
    std::vector<TestRow> rows = Lines(20 + rng() % 1500, [&](size_t i) {
      if (rng() % 30 == 0) return Letters(rng, rng() % 40) + std::string(rng() % 3, '\1');
      std::string line = Front(rng() % 8 == 0 ? rng() : i);
      if (rng() % 10 == 0) line += std::to_string(rng() % 100) + Letters(rng, 5);
      for (uint64_t values = rng() % 4; values > 0; --values)
        line += tails[rng() % tails.size()] + " " + std::to_string(rng() >> rng() % 64);
      if (rng() % 50 == 0) line.resize(rng() % line.size());
      return line;
    });
    for (TestRow& row : rows)
      if (rng() % 5 == 0) row.fields.clear();
    RoundTrip(rows);
  }
}

TEST_CASE("codes of a dictionary that come in runs take next to nothing") {
  const auto value = [](size_t i) { return "program-" + std::to_string(i / 1000 % 7); };
  const OpenedBlock block = RoundTrip(Lines(8000, value));
  REQUIRE(block.header->columns[1].encoding == Encoding::kDict);
  REQUIRE(block.header->columns[1].chunk_bytes < 300);
}

}  // namespace neurallog::block
