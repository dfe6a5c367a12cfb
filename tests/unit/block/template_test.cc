// Splitting texts into templates and variables, and columns stored that way.
#include <set>

#include "block/template_parser.h"
#include "block/template_scan.h"
#include "block_fixture.h"
#include "index/token.h"

namespace neurallog::block {
namespace {

struct Split {
  std::string text;
  std::vector<std::string> variables;
};

// The text lies in a buffer with padding, as the parser wants it.
base::Buffer Padded(const std::string& text) {
  base::Buffer buffer(text.size() + 1);
  buffer.Append(text);
  std::memset(buffer.data() + text.size(), '7', base::Buffer::kPadding);
  return buffer;
}

Split SplitText(const std::string& text, ScanTextFunction scan = ScanText()) {
  const base::Buffer buffer = Padded(text);
  TemplateParser parser(scan);
  std::vector<Variable> variables(kVariablesMax);
  uint64_t hash;
  const int count = parser.Parse(buffer.view(), variables.data(), &hash);
  if (count < 0) return {"not split", {}};
  variables.resize(static_cast<size_t>(count));
  Split split{TemplateText(text, variables.data(), variables.size()), {}};
  for (char& c : split.text)
    if (c == kVariableMark) c = '*';
  for (const Variable& each : variables)
    split.variables.push_back(text.substr(each.begin, each.size));
  return split;
}

std::string TemplateOf(const std::string& text) { return SplitText(text).text; }

std::vector<TestRow> Messages(size_t rows, const std::function<std::string(size_t)>& message) {
  std::vector<TestRow> made(rows);
  for (size_t i = 0; i < rows; ++i)
    made[i] = {static_cast<int64_t>(i), {{"message", ValueType::kString, message(i)}}};
  return made;
}

std::string Hex(std::mt19937_64& rng, size_t digits) {
  std::string text;
  while (text.size() < digits) text.push_back("0123456789abcdef"[rng() % 16]);
  return text;
}

std::string RandomText(std::mt19937_64& rng) {
  static const std::string alphabet = "0123456789abcdefxyzABC_.:-/= \t\n\x80\xff";
  std::string text(rng() % 150, ' ');
  for (char& c : text) c = alphabet[rng() % alphabet.size()];
  return text;
}

}  // namespace

TEST_CASE("words with a digit are variables, the rest of a text is its template") {
  REQUIRE(TemplateOf("took 12 ms") == "took * ms");
  REQUIRE(TemplateOf("user u-17 of h2o") == "user u-* of *");
  REQUIRE(TemplateOf("7") == "*");
  REQUIRE(TemplateOf("") == "");
  REQUIRE(TemplateOf("no digits") == "no digits");
  REQUIRE(TemplateOf("blk_38 /a/b1/c") == "* /a/*/c");
}

TEST_CASE("decimals, addresses, times, dates and UUIDs are one variable each") {
  REQUIRE(TemplateOf("in 12.5 s from 10.0.0.1:8080.") == "in * s from *:*.");
  REQUIRE(TemplateOf("at 08:15:59.123 today") == "at * today");
  REQUIRE(TemplateOf("on 2025-06-30 or 5-6") == "on * or *-*");
  REQUIRE(TemplateOf("id=c62f4f25-982c-4ea2-b5e4-93000edfcfbf!") == "id=*!");
  REQUIRE(TemplateOf("id=abcdefab-cdef-abcd-efab-abcdefabcdef") ==
          "id=abcdefab-cdef-abcd-efab-abcdefabcdef");
}

TEST_CASE("runs are found across the borders of 64 bytes") {
  for (size_t before = 40; before < 140; ++before) {
    const std::string text = std::string(before, ' ') + "x12.75-" + std::string(before, 'a') + "9";
    const Split split = SplitText(text);
    REQUIRE(split.text == std::string(before, ' ') + "*-*");
    REQUIRE(split.variables[0] == "x12.75");
    REQUIRE(split.variables[1].size() == before + 1);
  }
}

TEST_CASE("texts that are too long, have too many variables or hold bytes 0 or 1 are not split") {
  REQUIRE(TemplateOf(std::string(kTemplateTextMax, 'a')) != "not split");
  REQUIRE(TemplateOf(std::string(kTemplateTextMax + 1, 'a')) == "not split");
  std::string many;
  for (size_t i = 0; i < kVariablesMax; ++i) many += "7 ";
  REQUIRE(TemplateOf(many) != "not split");
  REQUIRE(TemplateOf(many + "7") == "not split");
  REQUIRE(TemplateOf(std::string("a\0b", 3)) == "not split");
  REQUIRE(TemplateOf("a\1b") == "not split");
}

TEST_CASE("both ways to scan find the same kinds of all bytes") {
  std::mt19937_64 rng(3);
  TextMasks a, b;
  for (size_t size = 0; size < 600; ++size) {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(size < 260 ? i : rng());
    const base::Buffer buffer = Padded(text);
    ScanTextScalar(buffer.data(), size, &a);
    ScanTextAvx2(buffer.data(), size, &b);
    const auto same = [size](const TextMasks::Mask& x, const TextMasks::Mask& y) {
      return std::equal(x.begin(), x.begin() + static_cast<ptrdiff_t>((size + 63) / 64 + 2),
                        y.begin());
    };
    REQUIRE(same(a.word, b.word));
    REQUIRE(same(a.digit, b.digit));
    REQUIRE(same(a.hex, b.hex));
    REQUIRE(same(a.dot, b.dot));
    REQUIRE(same(a.dash, b.dash));
    REQUIRE(same(a.colon, b.colon));
    REQUIRE((a.joint == 0) == (b.joint == 0));
    REQUIRE((a.marks == 0) == (b.marks == 0));
  }
}

TEST_CASE("every word of a text is whole in its template or in a variable") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (int round = 0; round < 3000; ++round) {
    const std::string text = RandomText(rng);
    const Split split = SplitText(text);
    REQUIRE(SplitText(text, ScanTextScalar).text == split.text);
    std::multiset<std::string> words, found;
    index::ForEachToken(text, [&](std::string_view word) { words.emplace(word); });
    std::string whole = split.text;
    for (const std::string& each : split.variables) {
      index::ForEachToken(each, [&](std::string_view word) { found.emplace(word); });
      whole.replace(whole.find('*'), 1, std::string(1, '#'));
    }
    index::ForEachToken(split.text, [&](std::string_view word) { found.emplace(word); });
    REQUIRE(words == found);
  }
}

TEST_CASE("columns of messages become templates and come back, whatever their variables are") {
  std::mt19937_64 rng(7);
  const std::vector<std::function<std::string(size_t)>> shapes = {
      [](size_t i) { return std::to_string(i); },
      [&](size_t) { return std::to_string(rng()).substr(0, 1 + rng() % 19); },
      [&](size_t) { return std::to_string(rng()); },
      [&](size_t) { return "0" + std::to_string(100 + rng() % 900); },
      [&](size_t) { return std::to_string(rng() % 100) + "." + std::to_string(10 + rng() % 90); },
      [&](size_t) { return std::to_string(rng() % 900) + ".5" + std::string(rng() % 2, '7'); },
      [&](size_t) { return std::to_string(rng() % 3000) + "ms"; },
      [&](size_t) { return "v" + std::to_string(rng() % 30) + "x"; },
      [&](size_t) { return Hex(rng, 32) + "1"; },
      [&](size_t) { return Hex(rng, 7) + "1"; },
      [&](size_t) {
        return Hex(rng, 8) + "-" + Hex(rng, 4) + "-4" + Hex(rng, 3) + "-" + Hex(rng, 4) + "-" +
               Hex(rng, 12);
      },
      [&](size_t) {
        return std::to_string(rng() % 256) + "." + std::to_string(rng() % 256) + ".0." +
               std::to_string(rng() % 256);
      },
      [&](size_t) { return "300.1.2." + std::to_string(rng() % 999); },
      [](size_t i) {
        return "1" + std::to_string(i / 60 % 10) + ":" + std::to_string(10 + i % 50);
      },
      [](size_t) { return std::string("constant1"); },
      [&](size_t) {
        return "server" + std::to_string(rng() % 7) + "z" + std::to_string(rng() % 2);
      },
      [&](size_t) { return Hex(rng, rng() % 9) + "G" + std::to_string(rng() % 10); },
      [](size_t i) { return i % 97 == 0 ? std::string("odd1") : std::to_string(i); },
  };
  for (size_t shape = 0; shape < shapes.size(); ++shape) {
    INFO("shape " << shape);
    const OpenedBlock block = RoundTrip(Messages(1000, [&](size_t i) {
      const std::string value = shapes[shape](i);
      return i % 2 == 0 ? "begin " + value + " and end " + std::to_string(i)
                        : "also " + value + "!" + value;
    }));
    REQUIRE(block.header->columns[1].encoding == Encoding::kTemplates);
    REQUIRE(block.header->columns[1].templates >= 2);
  }
}

TEST_CASE("random texts come back from a templates column") {
  INFO("seed " << RandomSeed());
  std::mt19937_64 rng(RandomSeed());
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> statics(1 + rng() % 40);
    for (std::string& each : statics) each = RandomText(rng);
    std::vector<TestRow> rows = Messages(20 + rng() % 900, [&](size_t) {
      if (rng() % 20 == 0) return RandomText(rng) + std::string(rng() % 2, '\0');
      return statics[rng() % statics.size()] + " " + std::to_string(rng() % 5000) + " " +
             Hex(rng, 4) + statics[0];
    });
    for (TestRow& row : rows) {
      if (rng() % 4 == 0) row.fields.front().type = ValueType::kNull;
      if (rng() % 5 == 0) row.fields.clear();
    }
    RoundTrip(rows);
  }
}

TEST_CASE("columns of which every text is another template stay strings") {
  std::mt19937_64 rng(9);
  const OpenedBlock block = RoundTrip(Messages(3000, [&](size_t) {
    std::string text;
    for (int i = 0; i < 30; ++i) text.push_back(static_cast<char>('a' + rng() % 26));
    return text;
  }));
  REQUIRE(block.header->columns[1].encoding == Encoding::kStrings);
}

TEST_CASE("templates pay even where every other text has one of its own") {
  std::mt19937_64 rng(10);
  const auto letters = [&rng](size_t count) {
    std::string text;
    for (; count > 0; --count) text.push_back(static_cast<char>('a' + rng() % 26));
    return text;
  };
  const auto encoding = [&](const std::function<std::string()>& number) {
    const OpenedBlock block = RoundTrip(Messages(
        4000, [&](size_t i) { return i % 2 == 0 ? "took " + number() + " ns" : letters(12); }));
    return block.header->columns[1].encoding;
  };
  REQUIRE(encoding([&] { return std::to_string(rng() % 1'000'000'000); }) == Encoding::kTemplates);
}

TEST_CASE("the header counts the most frequent templates, by the same hash in every block") {
  const auto message = [](size_t i) {
    return i % 4 == 0 ? "rare " + std::to_string(i) : "user " + std::to_string(i) + " logged in";
  };
  const OpenedBlock a = RoundTrip(Messages(1000, message));
  const OpenedBlock b = RoundTrip(Messages(400, message));
  const ColumnMeta& of_a = a.header->columns[1];
  const ColumnMeta& of_b = b.header->columns[1];
  REQUIRE(of_a.templates == 2);
  REQUIRE(of_a.top_templates.size() == 2);
  REQUIRE(of_a.top_templates[0].rows == 750);
  REQUIRE(of_a.top_templates[1].rows == 250);
  REQUIRE(of_b.top_templates[0].hash == of_a.top_templates[0].hash);
  REQUIRE(of_b.top_templates[1].hash == of_a.top_templates[1].hash);
}

TEST_CASE("templates can be read without the variables") {
  std::vector<TestRow> rows = Messages(1000, [](size_t i) {
    if (i == 500) return std::string("\0 stored whole 1", 16);
    return i % 4 == 0 ? "rare " + std::to_string(i) : "user " + std::to_string(i) + " logged in";
  });
  rows[7].fields.clear();
  const OpenedBlock block = RoundTrip(rows);
  const auto read = DecodeTemplates(block.header->columns[1], 1000, block.chunk(1));
  REQUIRE(read.ok());
  const TemplateColumn& column = read.value();
  REQUIRE(column.texts.size() == 2);
  REQUIRE(column.texts[0] == std::string("user \0 logged in", 16));
  REQUIRE(column.texts[1] == std::string("rare \0", 6));
  REQUIRE(column.ids[4] == 1);
  REQUIRE(column.ids[5] == 0);
  REQUIRE(column.ids[7] == TemplateColumn::kNone);
  REQUIRE(column.ids[500] == TemplateColumn::kNone);
}

}  // namespace neurallog::block
