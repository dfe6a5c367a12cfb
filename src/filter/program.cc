#include "filter/program.h"

#include "filter/predicate.h"
#include "filter/token_query.h"

namespace neurallog::filter {
namespace {

Result<PredicatePtr> Build(const Filter& filter, const CompileOptions& options);

Result<std::vector<PredicatePtr>> BuildChildren(const Filter& filter,
                                                const CompileOptions& options) {
  std::vector<PredicatePtr> children;
  for (const auto& child : filter.children) {
    NL_TRY(PredicatePtr predicate, Build(*child, options));
    children.push_back(std::move(predicate));
  }
  return children;
}

// Recursion is as deep as the parser's kDepthMax.
Result<PredicatePtr> Build(const Filter& filter, const CompileOptions& options) {
  NL_TRY(std::vector<PredicatePtr> children, BuildChildren(filter, options));
  const bool must_wait = filter.subquery != nullptr && filter.subquery->values() == nullptr;
  if (must_wait) return MakeSubquery(filter);
  const std::vector<std::string>& values =
      filter.subquery ? *filter.subquery->values() : filter.values;
  switch (filter.kind) {
    case Filter::Kind::kAll: return MakeAll();
    case Filter::Kind::kAnd: return MakeAnd(std::move(children));
    case Filter::Kind::kOr: return MakeOr(std::move(children));
    case Filter::Kind::kNot: return MakeNot(std::move(children[0]));
    case Filter::Kind::kPhrase: return MakePhrase(filter);
    case Filter::Kind::kPrefix: return MakePrefix(filter);
    case Filter::Kind::kSubstring: return MakeSubstring(filter);
    case Filter::Kind::kExact: return MakeExact(filter.field, filter.text);
    case Filter::Kind::kExactPrefix: return MakeExactPrefix(filter);
    case Filter::Kind::kIn: return MakeIn(filter.field, values);
    case Filter::Kind::kContainsAll: return MakeContainsAll(filter.field, values);
    case Filter::Kind::kContainsAny: return MakeContainsAny(filter.field, values);
    case Filter::Kind::kContainsCommonCase: return MakeContainsCommonCase(filter);
    case Filter::Kind::kEqualsCommonCase: return MakeEqualsCommonCase(filter);
    case Filter::Kind::kArrayContainsAny: return MakeArrayContainsAny(filter);
    case Filter::Kind::kSequence: return MakeSequence(filter);
    case Filter::Kind::kRange: return MakeRange(filter);
    case Filter::Kind::kTextRange: return MakeTextRange(filter);
    case Filter::Kind::kLength: return MakeLength(filter);
    case Filter::Kind::kIpv4Range: return MakeIpv4Range(filter);
    case Filter::Kind::kIpv6Range: return MakeIpv6Range(filter);
    case Filter::Kind::kRegexp: return MakeRegexp(filter.field, filter.text, options);
    case Filter::Kind::kPattern:
      return MakeRegexp(filter.field, RegexpOfPattern(filter.text, filter.place), options);
    case Filter::Kind::kValueType: return MakeValueType(filter);
    case Filter::Kind::kEqualField:
    case Filter::Kind::kLessOrEqualField:
    case Filter::Kind::kLessField: return MakeCompareFields(filter);
    case Filter::Kind::kDayRange: return MakeDayRange(filter);
    case Filter::Kind::kWeekRange: return MakeWeekRange(filter);
    case Filter::Kind::kTime: return MakeTime(ResolveTime(filter, options.now_ns));
    case Filter::Kind::kStream: return MakeStream(filter, options);
    case Filter::Kind::kAny: return MakeAny(filter.field);
    case Filter::Kind::kEmpty: return MakeEmpty(filter.field);
  }
  return Internal("unknown filter kind " + std::to_string(static_cast<int>(filter.kind)));
}

void Narrow(const Filter& filter, int64_t now_ns, TimeRange* range) {
  if (filter.kind != Filter::Kind::kTime) return;
  const TimeRange own = ResolveTime(filter, now_ns);
  range->start_ns = std::max(range->start_ns, own.start_ns);
  range->end_ns = std::min(range->end_ns, own.end_ns);
}

TimeRange FindTimeRange(const Filter& filter, int64_t now_ns) {
  TimeRange range;
  Narrow(filter, now_ns, &range);
  if (filter.kind == Filter::Kind::kAnd)
    for (const auto& child : filter.children) Narrow(*child, now_ns, &range);
  return range;
}

}  // namespace

Program::~Program() = default;

Result<std::shared_ptr<const Program>> Program::Compile(const Filter& filter,
                                                        const CompileOptions& options) {
  NL_TRY(PredicatePtr root, Build(filter, options));
  std::shared_ptr<Program> program(new Program);
  program->root_ = std::move(root);
  program->time_range_ = FindTimeRange(filter, options.now_ns);
  program->token_query_ = MakeTokenQuery(filter);
  program->matches_everything_ = filter.kind == Filter::Kind::kAll;
  return std::shared_ptr<const Program>(std::move(program));
}

bool Program::MatchRecord(const RecordView& record) const { return root_->MatchRecord(record); }

Result<uint32_t> Program::MatchBlock(block::BlockView& view, Bitmap* rows) const {
  Columns columns(view);
  rows->Reset(columns.rows(), true);
  NL_RETURN_IF_ERROR(Refine(columns, rows));
  return rows->Count();
}

Status Program::Refine(Columns& columns, Bitmap* rows) const {
  const Verdict verdict = root_->Judge(columns);
  if (verdict == Verdict::kAll) return {};
  if (verdict == Verdict::kSome) return root_->Refine(columns, rows);
  rows->ClearAll();
  return {};
}

Verdict Program::Judge(Columns& columns) const { return root_->Judge(columns); }

}  // namespace neurallog::filter
