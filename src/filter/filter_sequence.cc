// `seq(a, "b c")`: the phrases occur one behind the other. The longest one is searched first.
#include <algorithm>

#include "block/char_class.h"
#include "filter/predicate.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

class SequencePredicate : public FieldPredicate {
 public:
  explicit SequencePredicate(const Filter& filter) : FieldPredicate(filter.field) {
    for (const std::string& phrase : filter.values) {
      finders_.emplace_back(phrase, /*ignore_case=*/false);
      bytes_ += phrase.size();
      classes_ |= block::ClassesOf(phrase);
      if (phrase.size() > finders_[longest_].size()) longest_ = finders_.size() - 1;
    }
  }

  int cost() const override { return 30; }

 protected:
  bool MatchText(std::string_view text) const override {
    size_t from = 0;
    return std::all_of(finders_.begin(), finders_.end(),
                       [&](const Finder& finder) { return FindPhrase(finder, text, &from); });
  }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool lacks_bytes = (classes_ & ~meta.char_classes) != 0;
    return meta.length_max < bytes_ || lacks_bytes ? Verdict::kNone : Verdict::kSome;
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    KeepHits(column, finders_[longest_], rows, [](std::string_view, size_t) { return true; });
    KeepIf(rows, [&](uint32_t row) { return MatchText(TextOfString(column, row)); });
  }

 private:
  // The first occurrence at or behind *from that cuts no word; *from moves behind it.
  static bool FindPhrase(const Finder& finder, std::string_view text, size_t* from) {
    const char* const end = text.data() + text.size();
    for (const char* hit = finder.Find(text.data() + *from, end); hit != end;
         hit = finder.Find(hit + 1, end)) {
      const auto at = static_cast<size_t>(hit - text.data());
      if (!IsWordStart(text, at) || !IsWordEnd(text, at, finder.size())) continue;
      *from = at + finder.size();
      return true;
    }
    return false;
  }

  std::vector<Finder> finders_;
  size_t longest_ = 0;
  size_t bytes_ = 0;  // of all phrases
  uint8_t classes_ = 0;
};

}  // namespace

PredicatePtr MakeSequence(const Filter& filter) {
  return std::make_unique<SequencePredicate>(filter);
}

}  // namespace neurallog::filter
