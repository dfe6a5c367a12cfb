// `contains_all(a, "b c")`, `contains_any(a, "b c")`: phrases. Of many words each text is cut into
// words once, and these are looked up.
#include <algorithm>
#include <unordered_set>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

// Fewer are searched one by one.
constexpr size_t kWordSetMin = 8;

bool IsWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsWordByte);
}

// Calls f(word) for each word until it returns true; returns whether it did.
template <typename F>
bool AnyWord(std::string_view text, F f) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && IsWordByte(text[end])) ++end;
    if (end > begin && f(text.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

class AnyWordPredicate : public FieldPredicate {
 public:
  AnyWordPredicate(std::string field, std::vector<std::string> words)
      : FieldPredicate(std::move(field)),
        texts_(std::move(words)),
        words_(texts_.begin(), texts_.end()) {
    for (const std::string& word : texts_) length_min_ = std::min(length_min_, word.size());
  }

  int cost() const override { return 60; }

 protected:
  bool MatchText(std::string_view text) const override {
    return AnyWord(text, [this](std::string_view word) { return words_.count(word) != 0; });
  }
  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    return meta.length_max < length_min_ ? Verdict::kNone : Verdict::kSome;
  }

 private:
  const std::vector<std::string> texts_;
  const std::unordered_set<std::string_view> words_;  // into texts_
  size_t length_min_ = SIZE_MAX;
};

PredicatePtr MakePhraseOf(const std::string& field, const std::string& text) {
  if (text.empty()) return MakeEmpty(field);
  Filter phrase;
  phrase.field = field;
  phrase.text = text;
  return MakePhrase(phrase);
}

std::vector<PredicatePtr> MakePhrases(const std::string& field,
                                      const std::vector<std::string>& texts) {
  std::vector<PredicatePtr> phrases;
  for (const std::string& text : texts) phrases.push_back(MakePhraseOf(field, text));
  return phrases;
}

}  // namespace

PredicatePtr MakeContainsAll(const std::string& field, const std::vector<std::string>& values) {
  return values.empty() ? MakeAll() : MakeAnd(MakePhrases(field, values));
}

PredicatePtr MakeContainsAny(const std::string& field, const std::vector<std::string>& values) {
  if (values.empty()) return MakeNone();
  std::vector<std::string> words, others;
  for (const std::string& value : values) (IsWord(value) ? words : others).push_back(value);
  if (words.size() < kWordSetMin) return MakeOr(MakePhrases(field, values));
  std::vector<PredicatePtr> alternatives = MakePhrases(field, others);
  alternatives.push_back(std::make_unique<AnyWordPredicate>(field, std::move(words)));
  return MakeOr(std::move(alternatives));
}

}  // namespace neurallog::filter
