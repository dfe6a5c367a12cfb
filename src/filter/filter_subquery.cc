// `field:in(query)` in filters that are compiled before the query has run: the filter of its values,
// made when they are there.
#include <mutex>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class SubqueryPredicate : public Predicate {
 public:
  explicit SubqueryPredicate(const Filter& filter)
      : kind_(filter.kind), field_(filter.field), subquery_(filter.subquery) {}

  // A caller that cannot get an error must not evaluate filters with subqueries at all (HasSubquery).
  bool MatchRecord(const RecordView& record) const override {
    const Predicate* predicate = Get();
    return predicate != nullptr && predicate->MatchRecord(record);
  }
  Verdict Judge(Columns& columns) const override {
    const Predicate* predicate = Get();
    return predicate == nullptr ? Verdict::kSome : predicate->Judge(columns);
  }
  Status Refine(Columns& columns, Bitmap* rows) const override {
    const Predicate* predicate = Get();
    if (predicate == nullptr) return Internal("a subquery of the filter was not run");
    return predicate->Refine(columns, rows);
  }
  int cost() const override { return 50; }

 private:
  const Predicate* Get() const {
    if (subquery_->values() == nullptr) return nullptr;
    std::call_once(once_, [this] { predicate_ = Make(*subquery_->values()); });
    return predicate_.get();
  }
  PredicatePtr Make(const std::vector<std::string>& values) const {
    if (kind_ == Filter::Kind::kIn) return MakeIn(field_, values);
    return kind_ == Filter::Kind::kContainsAll ? MakeContainsAll(field_, values)
                                               : MakeContainsAny(field_, values);
  }

  const Filter::Kind kind_;
  const std::string field_;
  const std::shared_ptr<const Subquery> subquery_;
  mutable std::once_flag once_;
  mutable PredicatePtr predicate_;  // set under once_
};

}  // namespace

PredicatePtr MakeSubquery(const Filter& filter) {
  return std::make_unique<SubqueryPredicate>(filter);
}

}  // namespace neurallog::filter
