// `a b`, `a and b`. Children stand in order of price; the first that leaves no row ends the work.
#include <algorithm>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class AndPredicate : public Predicate {
 public:
  explicit AndPredicate(std::vector<PredicatePtr> children) : children_(std::move(children)) {
    std::stable_sort(children_.begin(), children_.end(),
                     [](const auto& a, const auto& b) { return a->cost() < b->cost(); });
  }

  bool MatchRecord(const RecordView& record) const override {
    return std::all_of(children_.begin(), children_.end(),
                       [&](const auto& child) { return child->MatchRecord(record); });
  }

  Verdict Judge(Columns& columns) const override {
    Verdict verdict = Verdict::kAll;
    for (const auto& child : children_) {
      const Verdict one = child->Judge(columns);
      if (one == Verdict::kNone) return one;
      if (one == Verdict::kSome) verdict = one;
    }
    return verdict;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    for (const auto& child : children_) {
      NL_RETURN_IF_ERROR(child->Refine(columns, rows));
      if (!rows->Any()) return {};
    }
    return {};
  }

  int cost() const override {
    int cost = 0;
    for (const auto& child : children_) cost += child->cost();
    return cost;
  }

 private:
  std::vector<PredicatePtr> children_;
};

}  // namespace

PredicatePtr MakeAnd(std::vector<PredicatePtr> children) {
  return std::make_unique<AndPredicate>(std::move(children));
}

}  // namespace neurallog::filter
