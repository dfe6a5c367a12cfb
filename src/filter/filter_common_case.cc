// `contains_common_case("VictoriaLogs")`, `equals_common_case(...)`: the phrase as it is, in upper case,
// in lower case, or with any of its capitals small.
#include <locale.h>
#include <wctype.h>

#include <algorithm>

#include "base/utf8.h"
#include "filter/predicate.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The letters of all alphabets, whatever the process's own locale is; those of ASCII when the system
// lacks C.UTF-8. Never freed.
wint_t WithCase(wint_t code, wint_t (*of_locale)(wint_t, locale_t)) {
  static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale == nullptr ? code : of_locale(code, kLocale);
}

wint_t Decode(std::string_view letter) {
  const auto first = static_cast<unsigned char>(letter[0]);
  if (letter.size() == 1 || letter.size() > 4) return first;
  wint_t code = first & (0x7f >> letter.size());
  for (const char c : letter.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return code;
}

std::string WithCase(std::string_view letter, wint_t (*of_locale)(wint_t, locale_t)) {
  const bool is_letter = letter.size() <= 4 && (letter.size() == 1) == (Decode(letter) < 0x80);
  if (!is_letter) return std::string(letter);  // not UTF-8
  const wint_t code = Decode(letter);
  const wint_t other = WithCase(code, of_locale);
  if (other == code) return std::string(letter);
  std::string text;
  base::AppendUtf8(&text, other);
  return text;
}

class CommonCase {
 public:
  explicit CommonCase(const std::string& phrase) {
    for (size_t begin = 0, end; begin < phrase.size(); begin = end) {
      for (end = begin + 1; end < phrase.size() && IsContinuation(phrase[end]);) ++end;
      const std::string_view letter = std::string_view(phrase).substr(begin, end - begin);
      letters_.push_back({std::string(letter), WithCase(letter, towlower_l)});
      upper_ += WithCase(letter, towupper_l);
    }
  }

  // How much of the beginning of `text` is the phrase in one of its spellings, 0: none is there.
  // There may be one of each kind.
  size_t MatchUpper(std::string_view text) const {
    return text.substr(0, upper_.size()) == upper_ ? upper_.size() : 0;
  }
  size_t MatchLowered(std::string_view text) const {
    size_t at = 0;
    for (const Letter& letter : letters_) {
      const std::string_view rest = text.substr(at);
      if (rest.substr(0, letter.own.size()) == letter.own) {
        at += letter.own.size();
      } else if (rest.substr(0, letter.lower.size()) == letter.lower) {
        at += letter.lower.size();
      } else {
        return 0;
      }
    }
    return at;
  }

 private:
  struct Letter {
    std::string own;
    std::string lower;
  };
  std::vector<Letter> letters_;
  std::string upper_;
};

class ContainsPredicate : public FieldPredicate {
 public:
  ContainsPredicate(std::string field, const std::string& phrase)
      : FieldPredicate(std::move(field)),
        phrase_(phrase),
        finder_(phrase, /*ignore_case=*/true),
        is_ascii_(std::all_of(phrase.begin(), phrase.end(),
                              [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {}

  int cost() const override { return is_ascii_ ? 22 : 100; }

 protected:
  bool MatchText(std::string_view text) const override {
    if (!is_ascii_) return MatchAnywhere(text);
    const char* const end = text.data() + text.size();
    for (const char* at = finder_.Find(text.data(), end); at != end; at = finder_.Find(at + 1, end))
      if (Accepts(text, static_cast<size_t>(at - text.data()))) return true;
    return false;
  }
  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    if (!is_ascii_) return FieldPredicate::RefineStrings(column, rows);
    KeepHits(column, finder_, rows,
             [this](std::string_view text, size_t at) { return Accepts(text, at); });
  }

 private:
  bool MatchAnywhere(std::string_view text) const {
    for (size_t at = 0; at < text.size(); ++at)
      if (!IsContinuation(text[at]) && Accepts(text, at)) return true;
    return false;
  }
  bool Accepts(std::string_view text, size_t at) const {
    if (!IsWordStart(text, at)) return false;
    const std::string_view rest = text.substr(at);
    const size_t upper = phrase_.MatchUpper(rest), lowered = phrase_.MatchLowered(rest);
    return (upper > 0 && IsWordEnd(text, at, upper)) ||
           (lowered > 0 && IsWordEnd(text, at, lowered));
  }

  const CommonCase phrase_;
  const Finder finder_;  // finds all spellings when the phrase is ASCII
  const bool is_ascii_;
};

class EqualsPredicate : public FieldPredicate {
 public:
  EqualsPredicate(std::string field, const std::vector<std::string>& phrases)
      : FieldPredicate(std::move(field)),
        phrases_(phrases.begin(), phrases.end()),
        matches_empty_(std::find(phrases.begin(), phrases.end(), "") != phrases.end()) {}

  int cost() const override { return 8; }

 protected:
  bool MatchText(std::string_view text) const override {
    if (text.empty()) return matches_empty_;
    return std::any_of(phrases_.begin(), phrases_.end(), [&](const CommonCase& phrase) {
      return phrase.MatchUpper(text) == text.size() || phrase.MatchLowered(text) == text.size();
    });
  }

 private:
  const std::vector<CommonCase> phrases_;
  const bool matches_empty_;
};

}  // namespace

PredicatePtr MakeContainsCommonCase(const Filter& filter) {
  std::vector<PredicatePtr> alternatives;
  for (const std::string& phrase : filter.values) {
    if (phrase.empty()) {
      alternatives.push_back(MakeEmpty(filter.field));
    } else {
      alternatives.push_back(std::make_unique<ContainsPredicate>(filter.field, phrase));
    }
  }
  return alternatives.empty() ? MakeNone() : MakeOr(std::move(alternatives));
}

PredicatePtr MakeEqualsCommonCase(const Filter& filter) {
  if (filter.values.empty()) return MakeNone();
  return std::make_unique<EqualsPredicate>(filter.field, filter.values);
}

}  // namespace neurallog::filter
