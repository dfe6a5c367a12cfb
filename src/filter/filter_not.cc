// `not a`, `-a`, `!a`.
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class NotPredicate : public Predicate {
 public:
  explicit NotPredicate(PredicatePtr child) : child_(std::move(child)) {}

  bool MatchRecord(const RecordView& record) const override { return !child_->MatchRecord(record); }

  Verdict Judge(Columns& columns) const override {
    const Verdict verdict = child_->Judge(columns);
    if (verdict == Verdict::kNone) return Verdict::kAll;
    return verdict == Verdict::kAll ? Verdict::kNone : Verdict::kSome;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    Bitmap excluded = *rows;
    NL_RETURN_IF_ERROR(child_->Refine(columns, &excluded));
    rows->AndNot(excluded);
    return {};
  }

  int cost() const override { return child_->cost(); }

 private:
  const PredicatePtr child_;
};

}  // namespace

PredicatePtr MakeNot(PredicatePtr child) {
  return std::make_unique<NotPredicate>(std::move(child));
}

}  // namespace neurallog::filter
