// Values that are alternatives and are tested the same way become one test with many texts: a list
// of 4,000 hashes is one test, which an index answers with one look-up.
#include "rules/item_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rules/address.h"
#include "rules/case_fold.h"
#include "rules/compiled_test.h"
#include "rules/pattern.h"
#include "rules/value_encoding.h"

namespace neurallog::rules {
namespace {

constexpr size_t kPatternsPerValueMax = 100'000;

bool TakesTexts(const Test& test) { return !test.texts.empty() && test.op != Op::kSameAs; }

bool CanJoin(const Test& a, const Test& b) {
  if (a.op != b.op || a.cased != b.cased) return false;
  return a.op == Op::kRegexp || (TakesTexts(a) && TakesTexts(b));
}

void SortTexts(Test* test) {
  std::sort(test->texts.begin(), test->texts.end());
  test->texts.erase(std::unique(test->texts.begin(), test->texts.end()), test->texts.end());
}

// The alternatives of `tests`, joined where they can be.
Expression JoinAny(std::vector<Test> tests) {
  std::vector<Test> joined;
  for (Test& test : tests) {
    const auto same = std::find_if(joined.begin(), joined.end(),
                                   [&](const Test& other) { return CanJoin(other, test); });
    if (same == joined.end()) {
      joined.push_back(std::move(test));
      continue;
    }
    std::move(test.texts.begin(), test.texts.end(), std::back_inserter(same->texts));
    std::move(test.regexps.begin(), test.regexps.end(), std::back_inserter(same->regexps));
  }
  std::vector<Expression> any;
  for (Test& test : joined) {
    SortTexts(&test);
    any.push_back(MakeTest(std::move(test)));
  }
  return MakeOr(std::move(any));
}

class ItemParser {
 public:
  ItemParser(const ItemKey& key, const DetectionContext& context) : key_(key), context_(context) {}

  std::optional<Expression> Parse(const Node& value) {
    if (value.is_map()) return Fail(value.at, "expected a value or a list of values, got a map");
    if (value.is_list() && value.items.empty()) return Fail(value.at, "an empty list of values");
    if (!value.is_list()) {
      ParseValue(value);
    } else {
      for (const Node& one : value.items) ParseValue(one);
    }
    if (values_.empty()) return std::nullopt;
    Expression item = Join();
    return key_.neq ? MakeNot(std::move(item)) : std::move(item);
  }

 private:
  std::nullopt_t Fail(Position at, std::string message) {
    context_.problems->push_back({at, std::move(message)});
    return std::nullopt;
  }

  // Each value is a list of tests that are alternatives.
  Expression Join() {
    if (!key_.all) {
      std::vector<Test> any;
      for (auto& tests : values_) std::move(tests.begin(), tests.end(), std::back_inserter(any));
      return JoinAny(std::move(any));
    }
    std::vector<Expression> all;
    for (auto& tests : values_) all.push_back(JoinAny(std::move(tests)));
    return MakeAnd(std::move(all));
  }

  Test NewTest(Op op) const {
    Test test;
    test.field = key_.field;
    test.op = op;
    test.cased = key_.cased;
    return test;
  }

  void ParseValue(const Node& value) {
    if (value.is_list() || value.is_map()) {
      Fail(value.at, fmt::format("expected a value, got {}", value.KindName()));
    } else if (value.text.size() > context_.limits->value_bytes_max) {
      Fail(value.at, fmt::format("a value of {} bytes, more than {}", value.text.size(),
                                 context_.limits->value_bytes_max));
    } else if (value.is_null()) {
      ParseNull(value);
    } else {
      ParseText(value);
    }
  }

  void ParseNull(const Node& value) {
    if (key_.field.empty()) Fail(value.at, "a keyword must not be null");
    else if (key_.use != ValueUse::kPattern) Fail(value.at, "expected a value, got nothing");
    else values_.push_back({NewTest(Op::kNull)});
  }

  void ParseText(const Node& value) {
    switch (key_.use) {
      case ValueUse::kPattern: return ParsePatterns(value);
      case ValueUse::kRegexp: return ParseRegexp(value);
      case ValueUse::kCidr: return ParseNetworks(value);
      case ValueUse::kNumber: return ParseNumberValue(value);
      case ValueUse::kExists: return ParseExists(value);
      case ValueUse::kFieldRef: break;
    }
    Test test = NewTest(Op::kSameAs);
    test.texts = {value.text};
    values_.push_back({std::move(test)});
  }

  void ParseExists(const Node& value) {
    const std::string text = Fold(value.text);
    if (text != "true" && text != "false" && text != "yes" && text != "no") {
      Fail(value.at, fmt::format("exists: expected true or false, got \"{}\"", value.text));
      return;
    }
    const bool wants = text == "true" || text == "yes";
    values_.push_back({NewTest(wants ? Op::kPresent : Op::kAbsent)});
  }

  void ParseNumberValue(const Node& value) {
    double number = 0;
    if (!ParseNumber(value.text, &number) || !std::isfinite(number)) {
      Fail(value.at, fmt::format("expected a number, got \"{}\"", value.text));
      return;
    }
    Test test = NewTest(key_.compare);
    test.cased = false;
    test.part = key_.part;
    test.number = number;
    values_.push_back({std::move(test)});
  }

  void ParseRegexp(const Node& value) {
    const std::string& flags = key_.regexp_flags;
    const std::string pattern =
        flags.empty() ? value.text : fmt::format("(?{}){}", flags, value.text);
    auto regexp = Regexp::Compile(pattern, context_.limits->regexp);
    if (!regexp.ok()) {
      Fail(value.at, std::string(regexp.status().message()));
      return;
    }
    Test test = NewTest(Op::kRegexp);
    test.cased = true;
    test.regexps = {std::move(*regexp)};
    values_.push_back({std::move(test)});
  }

  void ParseNetworks(const Node& value) {
    Test test = NewTest(Op::kCidr);
    test.cased = false;
    for (const Pattern& pattern : ExpandLists(value)) {
      const auto text = PlainText(pattern);
      if (!text || !ParseNetwork(*text))
        Fail(value.at, fmt::format("\"{}\" is no network", value.text));
      else test.texts.push_back(*text);
    }
    if (!test.texts.empty()) values_.push_back({std::move(test)});
  }

  void ParsePatterns(const Node& value) {
    std::vector<Pattern> patterns = ExpandLists(value);
    for (const Encoding encoding : key_.encodings) patterns = Encode(value, encoding, patterns);
    std::vector<Test> tests;
    for (Pattern& pattern : patterns) {
      if (CountWildcards(pattern) > kPatternWildcardsMax) {
        Fail(value.at, fmt::format("more than {} wildcards", kPatternWildcardsMax));
        return;
      }
      if (auto test = PatternTest(value, std::move(pattern))) tests.push_back(std::move(*test));
    }
    if (!tests.empty()) values_.push_back(std::move(tests));
  }

  std::optional<Test> PatternTest(const Node& value, Pattern pattern) {
    Test test = NewTest(Op::kWord);
    if (key_.word) {
      const auto text = PlainText(pattern);
      if (!text || text->empty()) return Fail(value.at, "word needs a text without wildcards");
      test.texts = {key_.cased ? *text : Fold(*text)};
      return test;
    }
    const bool is_keyword = key_.field.empty();
    if (key_.contains || key_.ends || is_keyword) OpenStart(&pattern);
    if (key_.contains || key_.starts || is_keyword) OpenEnd(&pattern);
    ToTest(pattern, &test);
    return test;
  }

  std::vector<Pattern> Encode(const Node& value, Encoding encoding,
                              const std::vector<Pattern>& patterns) {
    std::vector<Pattern> encoded;
    for (const Pattern& pattern : patterns) {
      std::vector<Pattern> some = EncodeValue(encoding, pattern);
      if (some.empty()) Fail(value.at, "base64 needs a value without wildcards");
      std::move(some.begin(), some.end(), std::back_inserter(encoded));
    }
    return encoded;
  }

  // With expand, each %name% is replaced by each text of that list, taken as plain text.
  std::vector<Pattern> ExpandLists(const Node& value) {
    if (!key_.expand) return {ParsePattern(value.text)};
    std::vector<Pattern> patterns{Pattern()};
    const std::string& text = value.text;
    size_t at = 0;
    while (at < text.size()) {
      const size_t open = text.find('%', at);
      const size_t close = open == std::string::npos ? open : text.find('%', open + 1);
      if (close == std::string::npos) break;
      AppendToAll(&patterns, {ParsePattern(std::string_view(text).substr(at, open - at))});
      if (!AppendList(value, text.substr(open + 1, close - open - 1), &patterns)) return {};
      at = close + 1;
    }
    AppendToAll(&patterns, {ParsePattern(std::string_view(text).substr(at))});
    return patterns;
  }

  bool AppendList(const Node& value, const std::string& name, std::vector<Pattern>* patterns) {
    const auto list = context_.lists->find(name);
    if (list == context_.lists->end()) {
      context_.missing_lists->insert(name);
      return false;
    }
    if (list->second.empty() || patterns->size() * list->second.size() > kPatternsPerValueMax) {
      Fail(value.at, list->second.empty() ? fmt::format("list \"{}\" is empty", name)
                                          : fmt::format("lists expand to more than {} values",
                                                        kPatternsPerValueMax));
      return false;
    }
    std::vector<Pattern> texts;
    for (const std::string& text : list->second) texts.push_back(PlainPattern(text));
    AppendToAll(patterns, texts);
    return true;
  }

  static void AppendToAll(std::vector<Pattern>* patterns, const std::vector<Pattern>& tails) {
    std::vector<Pattern> longer;
    for (const Pattern& head : *patterns) {
      for (const Pattern& tail : tails) {
        std::string encoded = EncodePattern(head) + EncodePattern(tail);
        longer.push_back(DecodePattern(encoded));
      }
    }
    *patterns = std::move(longer);
  }

  const ItemKey& key_;
  const DetectionContext& context_;
  std::vector<std::vector<Test>> values_;
};

}  // namespace

std::optional<Expression> ParseItem(const Node& key, const Node& value,
                                    const DetectionContext& context) {
  const auto parsed = ParseItemKey(key, context.problems);
  if (!parsed) return std::nullopt;
  return ItemParser(*parsed, context).Parse(value);
}

}  // namespace neurallog::rules
