// `a or b`. Each child looks only at the rows that none before it has taken.
#include <algorithm>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class OrPredicate : public Predicate {
 public:
  explicit OrPredicate(std::vector<PredicatePtr> children) : children_(std::move(children)) {
    std::stable_sort(children_.begin(), children_.end(),
                     [](const auto& a, const auto& b) { return a->cost() < b->cost(); });
  }

  bool MatchRecord(const RecordView& record) const override {
    return std::any_of(children_.begin(), children_.end(),
                       [&](const auto& child) { return child->MatchRecord(record); });
  }

  Verdict Judge(Columns& columns) const override {
    Verdict verdict = Verdict::kNone;
    for (const auto& child : children_) {
      const Verdict one = child->Judge(columns);
      if (one == Verdict::kAll) return one;
      if (one == Verdict::kSome) verdict = one;
    }
    return verdict;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    Bitmap taken(rows->rows());
    for (const auto& child : children_) {
      if (child->Judge(columns) == Verdict::kNone) continue;
      Bitmap left = *rows;
      left.AndNot(taken);
      if (!left.Any()) break;
      NL_RETURN_IF_ERROR(child->Refine(columns, &left));
      taken.Or(left);
    }
    *rows = std::move(taken);
    return {};
  }

  int cost() const override {
    int cost = 1;
    for (const auto& child : children_) cost += child->cost();
    return cost;
  }

 private:
  std::vector<PredicatePtr> children_;
};

}  // namespace

PredicatePtr MakeOr(std::vector<PredicatePtr> children) {
  return std::make_unique<OrPredicate>(std::move(children));
}

}  // namespace neurallog::filter
