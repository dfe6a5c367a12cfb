// The parts of the matcher against plain searches: folding, grams, and what one index fires.
#include <catch2/catch.hpp>
#include <random>

#include "base/cpu.h"
#include "rules/case_fold.h"
#include "rules/field_index.h"
#include "rules/json_elements.h"
#include "rules/time_part.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

std::string RandomText(std::mt19937_64* random, size_t length, std::string_view alphabet) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text.push_back(alphabet[(*random)() % alphabet.size()]);
  return text;
}

// Triggers that fire, ascending.
template <typename F>
std::vector<uint32_t> Fired(size_t triggers, F scan) {
  std::vector<uint32_t> stamps(triggers), hits;
  TriggerSink sink{stamps.data(), 1, &hits};
  scan(&sink);
  std::sort(hits.begin(), hits.end());
  return hits;
}

}  // namespace

TEST_CASE("folding sixteen bytes at once and one by one give the same") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomText(
        &random, random() % 70, i % 2 ? "aAzZ@[`{09\xc3\x84\xa4\xff\xe2\xaa" : "aAzZ@[`{09~");
    std::string slow(text.size(), '\0');
    slow.resize(FoldIntoScalar(text, slow.data()));
    REQUIRE(Fold(text) == slow);
  }
}

TEST_CASE("folding makes texts equal that differ by case only") {
  CHECK(Fold("\xc3\x84\xc3\x96 STRASSE") == "\xc3\xa4\xc3\xb6 strasse");
  CHECK(Fold("\xce\xa3") == Fold("\xcf\x82"));            // both sigmas
  CHECK(Fold("\xe2\x84\xaa") == "k");                     // the Kelvin sign
  CHECK(Fold("\xd0\x9f\xd0\xa0") == "\xd0\xbf\xd1\x80");  // Cyrillic
  CHECK(Fold("\xc3") == "\xc3");                          // not UTF-8
}

TEST_CASE("all ways to scan for grams find what a plain search finds") {
  std::mt19937_64 random(11);
  for (const size_t literals : {1u, 7u, 70u, 300u}) {
    LiteralTable table;
    GramIndex index;
    std::vector<std::pair<std::string, GramIndex::Where>> added;
    for (uint32_t i = 0; i < literals; ++i) {
      const auto where = static_cast<GramIndex::Where>(random() % 3);
      added.emplace_back(RandomText(&random, 1 + random() % 9, "abc"), where);
      index.Add(table.Add(added[i].first, {i}), where, table);
    }
    index.Build(table, Statistics());
    for (int round = 0; round < 300; ++round) {
      const std::string text = RandomText(&random, random() % 120, "abcd");
      std::vector<uint32_t> expected;
      for (uint32_t i = 0; i < literals; ++i) {
        const auto& [literal, where] = added[i];
        const bool fits = where == GramIndex::Where::kStart ? text.starts_with(literal)
                          : where == GramIndex::Where::kEnd
                              ? text.ends_with(literal)
                              : text.find(literal) != std::string::npos;
        if (fits) expected.push_back(i);
      }
      REQUIRE(Fired(literals, [&](TriggerSink* sink) { index.Scan(text, table, sink); }) ==
              expected);
      if (text.size() < 4) continue;
      const auto scalar = Fired(
          literals, [&](TriggerSink* sink) { GramIndex::ScanScalar(index, text, table, sink); });
      const auto avx2 = Fired(
          literals, [&](TriggerSink* sink) { GramIndex::ScanAvx2(index, text, table, sink); });
      const auto few = Fired(
          literals, [&](TriggerSink* sink) { GramIndex::ScanFewAvx2(index, text, table, sink); });
      REQUIRE(scalar == avx2);
      REQUIRE(scalar == few);
    }
  }
}

TEST_CASE("a text that cannot hold one of a few literals is known before it is folded") {
  std::mt19937_64 random(testing::RandomSeed());
  size_t found = 0, refused = 0;
  for (const size_t literals : {1u, 5u, 20u, 40u}) {
    LiteralTable table;
    GramIndex index;
    for (uint32_t i = 0; i < literals; ++i)
      index.Add(table.Add(RandomText(&random, 4 + random() % 2, "akx["), {i}),
                GramIndex::Where::kAnywhere, table);
    index.Build(table, Statistics());
    for (size_t round = 0; round < 4000; ++round) {
      std::string raw = RandomText(&random, round % 140, round % 3 == 0 ? "aAkKxX[" : "aKy.(Q8{");
      if (round % 4 == 0) raw.insert(random() % (raw.size() + 1), "\xe2\x84\xaa");  // folded: k
      const std::string folded = Fold(raw);
      const bool holds =
          !Fired(literals, [&](TriggerSink* sink) { index.Scan(folded, table, sink); }).empty();
      INFO(raw);
      if (holds) REQUIRE(index.MayHoldAny(raw));
      found += holds;
      refused += !index.MayHoldAny(raw);
    }
  }
  CHECK(found > 1000);
  CHECK((!base::HasAvx2() || refused > 1000));
}

TEST_CASE("ten thousand literals with a common beginning share no long list") {
  std::mt19937_64 random(3);
  LiteralTable table;
  GramIndex index;
  for (uint32_t i = 0; i < 10'000; ++i)
    index.Add(table.Add("sha256=" + RandomText(&random, 64, "0123456789abcdef"), {i}),
              GramIndex::Where::kAnywhere, table);
  index.Build(table, Statistics());
  CHECK(index.longest_list() <= 8);
}

TEST_CASE("ten thousand starts and ends with common four bytes are found among few") {
  FieldIndexBuilder builder;
  constexpr uint32_t kTests = 10'000;
  for (uint32_t i = 0; i < kTests; ++i) {
    Test test;
    test.field = "f";
    test.op = i % 2 ? Op::kPrefix : Op::kSuffix;
    test.texts = {i % 2 ? "c:\\windows\\x" + std::to_string(i) : std::to_string(i) + "y.exe"};
    builder.Add(test, i);
  }
  const FieldIndex index = builder.Build(Statistics());
  CHECK(index.longest_list() <= 64);
  const std::string value = "c:\\windows\\x4711 1234y.exe";
  const auto fired = Fired(kTests, [&](TriggerSink* sink) { index.Scan({value, value}, sink); });
  CHECK(fired == std::vector<uint32_t>{4, 34, 47, 234, 471, 1234, 4711});
}

TEST_CASE("networks are found by their prefixes") {
  FieldIndexBuilder builder;
  const char* const networks[] = {"10.0.0.0/8",    "10.1.0.0/16",     "10.1.2.3",       "0.0.0.0/0",
                                  "2001:db8::/32", "2001:db8::1/128", "192.168.1.77/24"};
  for (uint32_t i = 0; i < std::size(networks); ++i) {
    Test test;
    test.field = "ip";
    test.op = Op::kCidr;
    test.texts = {networks[i]};
    builder.Add(test, i);
  }
  const FieldIndex index = builder.Build(Statistics());
  const auto fired = [&](const char* value) {
    return Fired(std::size(networks), [&](TriggerSink* sink) { index.Scan({value, value}, sink); });
  };
  CHECK(fired("10.1.2.3") == std::vector<uint32_t>{0, 1, 2, 3});
  CHECK(fired("192.168.1.1") == std::vector<uint32_t>{3, 6});
  CHECK(fired("2001:db8::1") == std::vector<uint32_t>{4, 5});
  CHECK(fired("10.1.2").empty());
  CHECK(fired("somewhere").empty());
}

TEST_CASE("parts of a time are those of the calendar") {
  const int64_t ns = 1'735'516'800'000'000'000;  // 2024-12-30T00:00:00Z, a Monday
  CHECK(TimePartOf(TimePart::kYear, ns) == 2024);
  CHECK(TimePartOf(TimePart::kMonth, ns) == 12);
  CHECK(TimePartOf(TimePart::kDay, ns) == 30);
  CHECK(TimePartOf(TimePart::kWeek, ns) == 1);
  CHECK(TimePartOf(TimePart::kWeek, ns - 1) == 52);
  CHECK(TimePartOf(TimePart::kHour, ns - 1) == 23);
  CHECK(TimePartOf(TimePart::kMinute, ns - 1) == 59);
  CHECK(TimePartOf(TimePart::kYear, -1) == 1969);
}

TEST_CASE("elements of a list are taken as they stand") {
  std::string_view rest = R"(["a\"b",null,5,{"x":[1,"]"]},true,"\u00e4\ud83d\ude00"])";
  rest.remove_prefix(1);
  std::vector<std::string> found;
  for (JsonElement element; NextElement(&rest, &element);) {
    std::string text(element.text);
    if (element.has_escapes) Unescape(element.text, &text);
    found.push_back(element.is_null ? "<null>" : text);
  }
  CHECK(found == std::vector<std::string>{"a\"b", "<null>", "5", R"({"x":[1,"]"]})", "true",
                                          "\xc3\xa4\xf0\x9f\x98\x80"});
}
