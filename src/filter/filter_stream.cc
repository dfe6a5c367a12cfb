// `{source="x", a=~"re" or b in ("c", "d")}`: comparisons of whole values, made of the predicates
// that exist for them.
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

Result<PredicatePtr> MakeTag(const StreamTag& tag, const CompileOptions& options) {
  std::string field(StoredName(tag.name));
  switch (tag.op) {
    case StreamTag::Op::kEqual: return MakeExact(std::move(field), tag.values[0]);
    case StreamTag::Op::kNotEqual: return MakeNot(MakeExact(std::move(field), tag.values[0]));
    case StreamTag::Op::kIn: return MakeIn(std::move(field), tag.values);
    case StreamTag::Op::kNotIn: return MakeNot(MakeIn(std::move(field), tag.values));
    case StreamTag::Op::kMatch:
      return MakeRegexp(std::move(field), "^(?:" + tag.values[0] + ")$", options);
    case StreamTag::Op::kNotMatch: {
      NL_TRY(PredicatePtr match,
             MakeRegexp(std::move(field), "^(?:" + tag.values[0] + ")$", options));
      return MakeNot(std::move(match));
    }
  }
  return MakeNone();
}

}  // namespace

Result<PredicatePtr> MakeStream(const Filter& filter, const CompileOptions& options) {
  std::vector<PredicatePtr> alternatives;
  for (const auto& tags : filter.stream) {
    std::vector<PredicatePtr> conditions;
    for (const StreamTag& tag : tags) {
      NL_TRY(PredicatePtr condition, MakeTag(tag, options));
      conditions.push_back(std::move(condition));
    }
    alternatives.push_back(MakeAnd(std::move(conditions)));
  }
  return MakeOr(std::move(alternatives));
}

}  // namespace neurallog::filter
