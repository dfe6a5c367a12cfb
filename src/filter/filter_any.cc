// `field:*` and `field:""`: has a value that is not empty, has none or an empty one.
#include "block/block.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class PresencePredicate : public FieldPredicate {
 public:
  PresencePredicate(std::string field, bool wants_value)
      : FieldPredicate(std::move(field)), wants_value_(wants_value) {}

  int cost() const override { return 1; }

 protected:
  bool MatchText(std::string_view text) const override { return text.empty() != wants_value_; }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    if (meta.length_min > 0) return wants_value_ ? Verdict::kAll : Verdict::kNone;
    if (meta.length_max == 0) return wants_value_ ? Verdict::kNone : Verdict::kAll;
    return Verdict::kSome;
  }

  void RefineInts(const block::Column&, Bitmap* rows) const override {
    if (!wants_value_) rows->ClearAll();
  }

 private:
  const bool wants_value_;
};

}  // namespace

PredicatePtr MakeAny(std::string field) {
  return std::make_unique<PresencePredicate>(std::move(field), /*wants_value=*/true);
}
PredicatePtr MakeEmpty(std::string field) {
  return std::make_unique<PresencePredicate>(std::move(field), /*wants_value=*/false);
}

}  // namespace neurallog::filter
