// `word`, `"a phrase"`, `i(word)`: the text occurs and does not cut a word at either edge. And the
// same without the check at the end, prefixes (`wor*`), or without any (`*ord*`).
#include <re2/re2.h>

#include "block/char_class.h"
#include "filter/predicate.h"
#include "filter/template_literal.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

class LiteralPredicate : public FieldPredicate {
 public:
  LiteralPredicate(const Filter& filter, Edges edges)
      : FieldPredicate(filter.field),
        finder_(filter.text, filter.ignore_case),
        classes_(block::ClassesOf(filter.text) &
                 (filter.ignore_case ? static_cast<uint8_t>(~block::kClassLetters) : 0xff)),
        edges_(edges),
        of_templates_(finder_, edges) {}

  int cost() const override { return 20; }

 protected:
  bool MatchText(std::string_view text) const override {
    const char* const end = text.data() + text.size();
    for (const char* at = finder_.Find(text.data(), end); at != end; at = finder_.Find(at + 1, end))
      if (Accepts(text, static_cast<size_t>(at - text.data()), finder_.size(), edges_)) return true;
    return false;
  }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool lacks_bytes = (classes_ & ~meta.char_classes) != 0;
    return meta.length_max < finder_.size() || lacks_bytes ? Verdict::kNone : Verdict::kSome;
  }

  bool judges_templates() const override { return true; }
  Status JudgeTemplates(const block::TemplateTexts& texts,
                        std::vector<Verdict>* verdicts) const override {
    return of_templates_.Judge(texts, verdicts);
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    KeepHits(column, finder_, rows, [this](std::string_view text, size_t at) {
      return Accepts(text, at, finder_.size(), edges_);
    });
  }

 private:
  const Finder finder_;
  const uint8_t classes_;  // that a text must have
  const Edges edges_;
  const TemplateLiteral of_templates_;
};

// Letters beyond ASCII: RE2 knows their cases. A match may be of another length than the text that
// was asked for.
class FoldedPredicate : public FieldPredicate {
 public:
  FoldedPredicate(const Filter& filter, Edges edges)
      : FieldPredicate(filter.field),
        regexp_("(?i:" + RE2::QuoteMeta(filter.text) + ")", RE2::Quiet),
        edges_(edges) {}

  int cost() const override { return 200; }

 protected:
  bool MatchText(std::string_view text) const override {
    const re2::StringPiece whole(text.data(), text.size());
    re2::StringPiece hit;
    for (size_t from = 0;
         from < text.size() && regexp_.Match(whole, from, text.size(), RE2::UNANCHORED, &hit, 1);) {
      const auto at = static_cast<size_t>(hit.data() - text.data());
      if (hit.empty() || Accepts(text, at, hit.size(), edges_)) return !hit.empty();
      from = at + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) ++from;
    }
    return false;
  }

 private:
  const RE2 regexp_;
  const Edges edges_;
};

PredicatePtr MakeLiteral(const Filter& filter, Edges edges) {
  const bool is_ascii = std::all_of(filter.text.begin(), filter.text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (filter.ignore_case && !is_ascii) return std::make_unique<FoldedPredicate>(filter, edges);
  return std::make_unique<LiteralPredicate>(filter, edges);
}

}  // namespace

PredicatePtr MakePhrase(const Filter& filter) { return MakeLiteral(filter, Edges::kBoth); }
PredicatePtr MakePrefix(const Filter& filter) { return MakeLiteral(filter, Edges::kStart); }

PredicatePtr MakeSubstring(const Filter& filter) { return MakeLiteral(filter, Edges::kNone); }

}  // namespace neurallog::filter
