// `field:in(a, "b c")`: the whole value is one of the list.
#include <algorithm>
#include <unordered_set>

#include "block/char_class.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class InPredicate : public FieldPredicate {
 public:
  InPredicate(std::string field, const std::vector<std::string>& values)
      : FieldPredicate(std::move(field)), texts_(values), values_(texts_.begin(), texts_.end()) {
    for (const std::string& text : texts_) {
      length_min_ = std::min(length_min_, text.size());
      length_max_ = std::max(length_max_, text.size());
      classes_ &= block::ClassesOf(text);
    }
  }

  int cost() const override { return 10; }

 protected:
  bool MatchText(std::string_view text) const override {
    return text.size() >= length_min_ && text.size() <= length_max_ && values_.count(text) != 0;
  }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool can_match = length_min_ <= meta.length_max && length_max_ >= meta.length_min &&
                           (classes_ & ~meta.char_classes) == 0;
    return can_match ? Verdict::kSome : Verdict::kNone;
  }

 private:
  const std::vector<std::string> texts_;
  const std::unordered_set<std::string_view> values_;  // into texts_
  size_t length_min_ = SIZE_MAX;
  size_t length_max_ = 0;
  uint8_t classes_ = 0xff;  // that all of them have
};

}  // namespace

PredicatePtr MakeIn(std::string field, const std::vector<std::string>& values) {
  if (values.empty()) return MakeNone();
  return std::make_unique<InPredicate>(std::move(field), values);
}

}  // namespace neurallog::filter
