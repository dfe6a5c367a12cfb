// Forms of texts, and what a matcher remembers by them, against plain searches and the naive interpreter.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "rules/case_fold.h"
#include "rules/field_index.h"
#include "rules/matcher.h"
#include "rules/regexp.h"
#include "rules/rule_parser.h"
#include "rules/text_form.h"
#include "rules/truth_cache.h"
#include "support/naive_rules.h"
#include "support/seed.h"

using namespace neurallog;
using namespace neurallog::rules;

namespace {

class FormRandom {
 public:
  explicit FormRandom(uint64_t seed) : random_(seed) {}
  size_t Below(size_t bound) { return random_() % bound; }
  // Of pieces that meet often.
  std::string Text(size_t pieces) {
    static constexpr const char* kPieces[] = {
        "a", "Ab", "7", "42", "0", " ", "-", "_x", "k", ".", "\xc3\xa4", "\xe2\x84\xaa", "7a"};
    std::string text;
    for (size_t i = 0; i < pieces; ++i) text += kPieces[Below(std::size(kPieces))];
    return text;
  }

 private:
  std::mt19937_64 random_;
};

std::set<uint32_t> FormHits(size_t triggers, const std::function<void(TriggerSink*)>& scan) {
  std::vector<uint32_t> stamps(triggers), hits;
  TriggerSink sink{stamps.data(), 1, &hits};
  scan(&sink);
  return {hits.begin(), hits.end()};
}

std::string LineOf(const std::string& text, size_t line) {
  size_t begin = 0;
  for (; line > 0; --line) begin = text.find('\n', begin) + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("a form is the text with one 0 for each number, in whatever way it is made") {
  FormRandom random(testing::RandomSeed());
  TextForm fast, slow;
  fast.Set("took 17 ms, try 3, id 00x9");
  CHECK(fast.text() == "took 0 ms, try 0, id 0x0");
  for (size_t i = 0; i < 2000; ++i) {
    std::string text = random.Text(i % 2 == 0 ? i % 90 : 300);
    text.resize(std::min<size_t>(text.size(), i % 7 == 0 ? 64 * (i % 5) : TextForm::kBytesMax));
    fast.Set(text);
    slow.SetScalar(text);
    REQUIRE(fast.text() == slow.text());
    REQUIRE(fast.has_digits() == HasDigit(text));
    REQUIRE(slow.has_digits() == HasDigit(text));
    std::vector<size_t> near, expected;
    fast.ForEachNear([&](size_t at) { near.push_back(at); });
    for (size_t at = 0; at < text.size(); ++at)
      if (HasDigit(text.substr(at, 4))) expected.push_back(at);
    REQUIRE(near == expected);
  }
}

TEST_CASE("a literal without digits stands in a text as it stands in the form") {
  FormRandom random(testing::RandomSeed());
  size_t found = 0;
  for (size_t i = 0; i < 20'000; ++i) {
    const std::string text = random.Text(20), literal = random.Text(1 + i % 3);
    if (HasDigit(literal)) continue;
    TextForm form;
    form.Set(text);
    const std::string formed(form.text());
    for (const bool is_folded : {false, true}) {
      const std::string in = is_folded ? Fold(text) : text,
                        wanted = is_folded ? Fold(literal) : literal;
      const std::string in_form = is_folded ? Fold(formed) : formed;
      REQUIRE((in.find(wanted) == std::string::npos) ==
              (in_form.find(wanted) == std::string::npos));
      REQUIRE(in.starts_with(wanted) == in_form.starts_with(wanted));
      REQUIRE(in.ends_with(wanted) == in_form.ends_with(wanted));
      REQUIRE((in == wanted) == (in_form == wanted));
      found += in.find(wanted) != std::string::npos;
    }
  }
  CHECK(found > 1000);
}

TEST_CASE("an index finds in a form and in the rest together what it finds in the text") {
  FormRandom random(testing::RandomSeed());
  size_t held = 0;
  constexpr Op kOps[] = {Op::kEqual, Op::kPrefix, Op::kSuffix, Op::kContains};
  for (size_t round = 0; round < 40; ++round) {
    FieldIndexBuilder builder;
    const uint32_t kTests = round % 2 == 0 ? 4 : 120;
    for (uint32_t i = 0; i < kTests; ++i) {
      Test test;
      test.field = "f";
      test.op = kOps[random.Below(4)];
      test.texts = {Fold(random.Text(1 + random.Below(5))), Fold(random.Text(2))};
      builder.Add(test, i);
    }
    const FieldIndex index = builder.Build(Statistics());
    for (size_t i = 0; i < 100; ++i) {
      const std::string text = random.Text(random.Below(30)), folded = Fold(text);
      TextForm form;
      form.Set(text);
      const auto whole = FormHits(kTests, [&](TriggerSink* sink) {
        index.Scan({text, folded}, sink);
      });
      const auto parts = FormHits(kTests, [&](TriggerSink* sink) {
        const std::string folded_form = Fold(form.text());
        index.ScanForm(folded_form, sink);
        const bool may_hold = index.MayHoldDigits(folded_form);
        held += may_hold;
        index.ScanRest({text, folded}, may_hold ? &form : nullptr, sink);
      });
      REQUIRE(whole == parts);
    }
  }
  CHECK(held > 0);
  CHECK(held < 40 * 100);
}

TEST_CASE("messages of known forms match what the naive interpreter says") {
  const uint64_t seed = testing::RandomSeed();
  INFO("NL_SEED=" << seed);
  FormRandom random(seed);
  constexpr const char* kKeys[] = {
      "message|contains",   "message|contains|cased", "message|word", "message|word|cased",
      "message|startswith", "message|endswith",       "message",      "message|re"};
  constexpr const char* kNotes[] = {"level: error", "source: web", "n|gt: 20",
                                    "user|contains: '7'"};
  std::string text;
  constexpr size_t kRules = 60;
  for (size_t i = 0; i < kRules; ++i) {
    const auto item = [&] {
      const std::string key = kKeys[random.Below(std::size(kKeys))];
      std::string value = random.Text(1 + random.Below(4));
      const auto is_edge = [](char c) { return c == ' ' || c == '.' || c == '-'; };
      while (!value.empty() && is_edge(value.back())) value.pop_back();
      while (!value.empty() && is_edge(value.front())) value.erase(0, 1);
      if (value.empty()) value = "a";
      if (key == "message|re" && random.Below(2) == 0) value += "[0-9]+x?a";
      return key + ": '" + value + "'";
    };
    const std::string name = "r" + std::to_string(i);
    text += "---\n{name: " + name + ", detection: {a: {" + item() + "}, b: {" + item() + "}, c: {" +
            kNotes[random.Below(std::size(kNotes))] + "}, condition: " +
            (i % 3 == 0   ? "a and not b"
             : i % 3 == 1 ? "(a or b) and c"
                          : "a and b") +
            "}}\n";
  }
  std::vector<Rule> parsed;
  std::vector<testing::NaiveRule> naive;
  const Documents documents = ParseDocuments(text, {});
  const Lists lists;
  for (const Node& document : documents.documents) {
    Parsed one = ParseRule(document, {});
    for (const Problem& problem : one.problems) UNSCOPED_INFO(ToString(problem));
    REQUIRE(one.rule.has_value());
    parsed.push_back(std::move(*one.rule));
    naive.emplace_back(document, lists);
  }
  std::vector<std::string> kinds;
  for (size_t i = 0; i < 30; ++i) kinds.push_back(random.Text(12 + random.Below(40)));
  std::vector<testing::TestRecord> records;
  constexpr size_t kRows = 2000, kCheckedFrom = 1900;
  for (size_t i = 0; i < kRows; ++i) {
    std::string message = i % 100 == 0 ? random.Text(600) : kinds[random.Below(kinds.size())];
    for (size_t at = message.find('7'); at != std::string::npos; at = message.find('7', at + 1))
      message.replace(at, 1, std::to_string(random.Below(100)));
    records.push_back({0,
                       {{"level", ValueType::kString, random.Below(2) == 0 ? "error" : "info"},
                        {"source", ValueType::kString, random.Below(2) == 0 ? "web" : "db"},
                        {"n", ValueType::kString, std::to_string(i % 40)},
                        {"user", ValueType::kString, "user-" + std::to_string(i)},
                        {"message", ValueType::kString, message}}});
  }
  std::vector<const Rule*> pointers;
  for (const Rule& rule : parsed) pointers.push_back(&rule);
  CompileReport report;
  CompileOptions options;
  options.always_evaluated_max = kRules;
  Matcher matcher(RuleSet::Compile(pointers, {}, options, &report));
  const auto batch = testing::MakeBatch(records);
  matcher.Bind(*batch);
  const auto rows = testing::RowsOf(*batch);
  size_t matches = 0;
  for (size_t i = 0; i < kRows; ++i) {
    const auto found = matcher.Match(rows[i].row);
    if (i < kCheckedFrom) continue;
    const testing::NaiveRecord record(records[i], BuiltinPipeline());
    for (uint32_t rule = 0; rule < kRules; ++rule) {
      const bool has_matched = std::binary_search(found.begin(), found.end(), rule);
      if (has_matched == naive[rule].Matches(record, BuiltinPipeline())) continue;
      FAIL("row " << i << " rule " << LineOf(text, 2 * rule + 1) << " message "
                  << records[i].fields[4].value);
    }
    matches += found.size();
  }
  CHECK(matches > 100);
  CHECK(matcher.forms() > kinds.size() / 2);
  CHECK(matcher.known_forms() > kRows / 2);
}

TEST_CASE("forms that come once are not remembered, and are given up when nearly all do") {
  auto rule = ParseRules("{name: a, detection: {s: {message|contains: wanted}, condition: s}}", {});
  const std::vector<const Rule*> pointers{&*rule.at(0).rule};
  CompileReport report;
  Matcher matcher(RuleSet::Compile(pointers, {}, {}, &report));
  FormRandom random(1);
  size_t expected = 0, found = 0;
  for (int round = 0; round < 4; ++round) {
    std::vector<testing::TestRecord> records;
    for (size_t i = 0; i < 10'000; ++i) {
      const bool is_wanted = random.Below(10) == 0;
      expected += is_wanted;
      records.push_back({0,
                         {{"message", ValueType::kString,
                           random.Text(30) + (is_wanted ? "wanted" : "") + random.Text(30)}}});
    }
    const auto batch = testing::MakeBatch(records);
    matcher.Bind(*batch);
    for (const auto& row : testing::RowsOf(*batch)) found += matcher.Match(row.row).size();
  }
  CHECK(found == expected);
  CHECK(matcher.forms() < 100);
}

TEST_CASE("a truth is known until another one takes its place") {
  TruthCache truths(10);
  CHECK(truths.Find(1, 0) == std::nullopt);
  size_t right = 0;
  for (uint32_t owner = 1; owner < 100; ++owner)
    for (uint32_t test = 0; test < 10; ++test) {
      truths.Add(owner, test, (owner + test) % 3 == 0);
      REQUIRE(truths.Find(owner, test) == ((owner + test) % 3 == 0));
    }
  for (uint32_t owner = 1; owner < 100; ++owner)
    for (uint32_t test = 0; test < 10; ++test)
      if (const auto known = truths.Find(owner, test)) {
        REQUIRE(*known == ((owner + test) % 3 == 0));
        ++right;
      }
  CHECK(right > 0);
  truths.Clear();
  CHECK(truths.Find(99, 9) == std::nullopt);
}

TEST_CASE("what a regular expression needs is spelt out with and without optional characters") {
  const auto needed = [](const std::string& pattern) {
    return (*Regexp::Compile(pattern, {}))->needed();
  };
  using Needed = std::vector<std::vector<std::string>>;
  CHECK(needed("blk_-?48[0-9]+") == Needed{{"blk_48", "blk_-48"}});
  CHECK(needed("https?://evil") == Needed{{"https://evil", "http://evil"}});
  FormRandom random(testing::RandomSeed());
  constexpr const char* kParts[] = {"ab",      "b?",     "-?",     "[a?b]", "\\d?", "a??",
                                    "(ab?|b)", "x?y",    "\\.",    ".*?",   "a+",   "7?",
                                    "_?",      "(?:b|)", "\\x41?", "[]a?]"};
  size_t matched = 0;
  for (size_t i = 0; i < 400; ++i) {
    std::string pattern;
    for (size_t part = 0; part < 2 + random.Below(4); ++part)
      pattern += kParts[random.Below(std::size(kParts))];
    const auto regexp = Regexp::Compile(pattern, {});
    REQUIRE(regexp.ok());
    for (size_t k = 0; k < 100; ++k) {
      std::string text;
      for (size_t c = 0; c < 8; ++c) text += "ab-x7_.yA?]"[random.Below(11)];
      if (!(*regexp)->Finds(text)) continue;
      ++matched;
      INFO(pattern << " in " << text);
      const std::string folded = Fold(text);
      for (const auto& any : (*regexp)->needed())
        REQUIRE(std::any_of(any.begin(), any.end(), [&](const std::string& literal) {
          return folded.find(literal) != std::string::npos;
        }));
    }
  }
  CHECK(matched > 1000);
}

TEST_CASE("a pattern that asks for a long line finds what RE2 finds") {
  FormRandom random(testing::RandomSeed());
  constexpr const char* kPieces[] = {"a", "b c", "\n", "\r", "\xc3\xa4", "\xff", "\xe2\x84"};
  size_t found = 0;
  for (const std::string pattern : {".{7}", ".{7,}", "(.){7,}", "(.){1}", ".{12,}", "(.){12}"}) {
    const auto regexp = Regexp::Compile(pattern, {}), slow = Regexp::Compile("()" + pattern, {});
    REQUIRE((regexp.ok() && slow.ok()));
    for (size_t i = 0; i < 1000; ++i) {
      std::string text;
      for (size_t piece = 0; piece < i % 30; ++piece)
        text += kPieces[random.Below(i % 2 == 0 ? 3 : std::size(kPieces))];
      INFO(pattern << " in " << text);
      REQUIRE((*regexp)->Finds(text) == (*slow)->Finds(text));
      found += (*regexp)->Finds(text);
    }
  }
  CHECK((found > 1000 && found < 5000));
  const std::string lines = std::string(999, 'x') + "\n" + std::string(999, 'y');
  CHECK_FALSE((*Regexp::Compile(".{1000,}", {}))->Finds(lines));
  CHECK((*Regexp::Compile(".{1000,}", {}))->Finds(lines + "y"));
}
