#include "rules/compiled_test.h"

#include <algorithm>
#include <charconv>

#include "base/time_format.h"
#include "filter/predicate.h"
#include "rules/text_form.h"
#include "rules/time_part.h"

namespace neurallog::rules {
namespace {

constexpr size_t kLargeTexts = 8;

}  // namespace

bool ParseNumber(std::string_view text, double* number) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && at == text.data() + text.size();
}

int CompiledTest::CostOf(const Test& test) {
  const int texts = static_cast<int>(std::min<size_t>(test.texts.size(), 1000));
  const int factor = test.is_keyword() ? 20 : 1;
  switch (test.op) {
    case Op::kNull:
    case Op::kAbsent:
    case Op::kPresent: return 0;
    case Op::kEqual: return factor * (1);
    case Op::kPrefix:
    case Op::kSuffix: return factor * (1 + texts);
    case Op::kSameAs: return factor * (10);
    case Op::kQuery: return 300;
    case Op::kContains:
    case Op::kWord: return factor * (10 + 5 * texts);
    case Op::kGlob: return factor * (20 + 10 * texts);
    case Op::kRegexp:
      return factor * (200 + 100 * static_cast<int>(std::min<size_t>(test.regexps.size(), 100)));
    default: return factor * (5);
  }
}

CompiledTest::CompiledTest(const Test& test, uint32_t field, uint32_t other)
    : op_(test.op),
      cased_(test.cased),
      part_(test.part),
      is_large_(test.texts.size() >= kLargeTexts),
      field_(field),
      other_(other),
      number_(test.number),
      regexps_(test.regexps),
      query_(test.query) {
  for (const std::string& text : test.texts) {
    if (op_ == Op::kContains || op_ == Op::kWord)
      finders_.emplace_back(text, /*ignore_case=*/false);
    else if (op_ == Op::kGlob) patterns_.push_back(DecodePattern(text));
    else if (op_ == Op::kCidr) networks_.push_back(*ParseNetwork(text));
    else texts_.push_back(text);
  }
  std::sort(texts_.begin(), texts_.end());
  const bool asks_for_texts = op_ == Op::kEqual || op_ == Op::kPrefix || op_ == Op::kSuffix ||
                              op_ == Op::kContains || op_ == Op::kWord;
  is_plain_ = asks_for_texts && std::none_of(test.texts.begin(), test.texts.end(), HasDigit);
}

bool CompiledTest::Passes(const ValueTexts& value) const {
  const std::string_view text = cased_ ? value.raw : value.folded;
  const auto any = [](const auto& choices, auto passes) {
    return std::any_of(choices.begin(), choices.end(), passes);
  };
  switch (op_) {
    case Op::kEqual: return std::binary_search(texts_.begin(), texts_.end(), text);
    case Op::kPrefix:
      return any(texts_, [&](const std::string& one) { return text.starts_with(one); });
    case Op::kSuffix:
      return any(texts_, [&](const std::string& one) { return text.ends_with(one); });
    case Op::kContains:
      return any(finders_, [&](const filter::Finder& one) { return one.Contains(text); });
    case Op::kWord:
      return any(finders_, [&](const filter::Finder& one) { return PassesWord(text, one); });
    case Op::kGlob:
      return any(patterns_, [&](const Pattern& one) { return MatchPattern(one, text); });
    case Op::kRegexp: return any(regexps_, [&](const auto& one) { return one->Finds(value.raw); });
    case Op::kCidr: {
      const auto address = ParseAddress(value.raw);
      return address && any(networks_, [&](const Network& one) { return one.Contains(*address); });
    }
    default: return PassesNumber(value.raw);
  }
}

bool CompiledTest::PassesWord(std::string_view text, const filter::Finder& finder) const {
  const char* const end = text.data() + text.size();
  for (const char* at = finder.Find(text.data(), end); at != end; at = finder.Find(at + 1, end)) {
    const auto offset = static_cast<size_t>(at - text.data());
    if (filter::IsWordStart(text, offset) && filter::IsWordEnd(text, offset, finder.size()))
      return true;
  }
  return false;
}

bool CompiledTest::PassesNumber(std::string_view raw) const {
  double value = 0;
  if (part_ != TimePart::kNone) {
    const auto ns = base::ParseTimestamp(raw);
    if (!ns) return false;
    value = static_cast<double>(TimePartOf(part_, *ns));
  } else if (!ParseNumber(raw, &value)) {
    return false;
  }
  switch (op_) {
    case Op::kNumberEqual: return value == number_;
    case Op::kLess: return value < number_;
    case Op::kLessEqual: return value <= number_;
    case Op::kGreater: return value > number_;
    default: return value >= number_;
  }
}

}  // namespace neurallog::rules
