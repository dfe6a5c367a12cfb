// `word`, `"a phrase"`, `i(word)`: the text occurs and does not cut a word at either edge. And the
// same without the check at the end: prefixes, `wor*`.
#include <re2/re2.h>

#include "block/char_class.h"
#include "filter/predicate.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

// Where a hit may lie: `check_end` is false for prefixes.
bool Accepts(std::string_view text, size_t at, size_t length, bool check_end) {
  return IsWordStart(text, at) && (!check_end || IsWordEnd(text, at, length));
}

class LiteralPredicate : public FieldPredicate {
 public:
  LiteralPredicate(const Filter& filter, bool check_end)
      : FieldPredicate(filter.field),
        finder_(filter.text, filter.ignore_case),
        classes_(block::ClassesOf(filter.text) &
                 (filter.ignore_case ? static_cast<uint8_t>(~block::kClassLetters) : 0xff)),
        check_end_(check_end) {}

  int cost() const override { return 20; }

 protected:
  bool MatchText(std::string_view text) const override {
    const char* const end = text.data() + text.size();
    for (const char* at = finder_.Find(text.data(), end); at != end; at = finder_.Find(at + 1, end))
      if (Accepts(text, static_cast<size_t>(at - text.data()), finder_.size(), check_end_))
        return true;
    return false;
  }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool lacks_bytes = (classes_ & ~meta.char_classes) != 0;
    return meta.length_max < finder_.size() || lacks_bytes ? Verdict::kNone : Verdict::kSome;
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    KeepHits(column, finder_, rows, [this](std::string_view text, size_t at) {
      return Accepts(text, at, finder_.size(), check_end_);
    });
  }

 private:
  const Finder finder_;
  const uint8_t classes_;  // that a text must have
  const bool check_end_;
};

// Letters beyond ASCII: RE2 knows their cases. A match may be of another length than the text that
// was asked for.
class FoldedPredicate : public FieldPredicate {
 public:
  FoldedPredicate(const Filter& filter, bool check_end)
      : FieldPredicate(filter.field),
        regexp_("(?i:" + RE2::QuoteMeta(filter.text) + ")", RE2::Quiet),
        check_end_(check_end) {}

  int cost() const override { return 200; }

 protected:
  bool MatchText(std::string_view text) const override {
    const re2::StringPiece whole(text.data(), text.size());
    re2::StringPiece hit;
    for (size_t from = 0;
         from < text.size() && regexp_.Match(whole, from, text.size(), RE2::UNANCHORED, &hit, 1);) {
      const auto at = static_cast<size_t>(hit.data() - text.data());
      if (hit.empty() || Accepts(text, at, hit.size(), check_end_)) return !hit.empty();
      from = at + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) ++from;
    }
    return false;
  }

 private:
  const RE2 regexp_;
  const bool check_end_;
};

PredicatePtr MakeLiteral(const Filter& filter, bool check_end) {
  const bool is_ascii = std::all_of(filter.text.begin(), filter.text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (filter.ignore_case && !is_ascii) return std::make_unique<FoldedPredicate>(filter, check_end);
  return std::make_unique<LiteralPredicate>(filter, check_end);
}

}  // namespace

PredicatePtr MakePhrase(const Filter& filter) { return MakeLiteral(filter, /*check_end=*/true); }
PredicatePtr MakePrefix(const Filter& filter) { return MakeLiteral(filter, /*check_end=*/false); }

}  // namespace neurallog::filter
