// `*`, and what can never match.
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class ConstantPredicate : public Predicate {
 public:
  explicit ConstantPredicate(bool value) : value_(value) {}
  bool MatchRecord(const RecordView&) const override { return value_; }
  Verdict Judge(Columns&) const override { return value_ ? Verdict::kAll : Verdict::kNone; }
  Status Refine(Columns&, Bitmap* rows) const override {
    if (!value_) rows->ClearAll();
    return {};
  }
  int cost() const override { return 0; }

 private:
  const bool value_;
};

}  // namespace

PredicatePtr MakeAll() { return std::make_unique<ConstantPredicate>(true); }
PredicatePtr MakeNone() { return std::make_unique<ConstantPredicate>(false); }

}  // namespace neurallog::filter
