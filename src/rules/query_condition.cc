#include "rules/query_condition.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/ascii.h"
#include "filter/parser.h"
#include "filter/program.h"
#include "rules/case_fold.h"

namespace neurallog::rules {
namespace {

using QueryFilter = filter::Filter;
using filter::TimeBound;

constexpr size_t kLiteralBytesMin = 3;
constexpr int64_t kRegexpBytesMax = 1 << 20;  // as of other regular expressions of rules

using base::IsWordByte;

bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// How much of the run may be the end of an escape in JSON text: \n, \u0061.
size_t EscapeBytes(std::string_view run) {
  if (run.size() >= 5 && run[0] == 'u' && std::all_of(run.begin() + 1, run.begin() + 5, IsHex))
    return 5;
  return std::string_view("ntbfr").find(run[0]) != std::string_view::npos ? 1 : 0;
}

// The longest run of the text's word characters. A list is searched as JSON text but watched by its elements, which have no escapes and
// no null: where the run could be of these it is no use.
std::string LiteralOf(std::string_view text) {
  std::string_view longest;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && IsWordByte(text[end])) ++end;
    std::string_view run = text.substr(begin, end - begin);
    if (!run.empty()) run.remove_prefix(EscapeBytes(run));
    const bool is_of_null = std::string_view("null").find(run) != std::string_view::npos;
    if (!is_of_null && run.size() > longest.size()) longest = run;
    begin = end + 1;
  }
  return std::string(longest);
}

// A test that the field contains one of the texts, whatever the case; nothing when one of them is too short to look for.
std::optional<Expression> ContainsAny(const std::string& field,
                                      const std::vector<std::string>& texts) {
  Test test;
  if (field == "@timestamp") return std::nullopt;  // another name of the time in rules
  test.field = field;
  test.op = Op::kContains;
  for (const std::string& text : texts) {
    std::string literal = Fold(LiteralOf(text));
    if (literal.size() < kLiteralBytesMin) return std::nullopt;
    test.texts.push_back(std::move(literal));
  }
  if (test.texts.empty()) return std::nullopt;
  return MakeTest(std::move(test));
}

// Holds whenever the filter does; nothing: no such test is known.
std::optional<Expression> Necessary(const QueryFilter& filter) {
  switch (filter.kind) {
    case QueryFilter::Kind::kAnd:
    case QueryFilter::Kind::kOr: {
      std::vector<Expression> parts;
      for (const auto& child : filter.children)
        if (auto part = Necessary(*child)) parts.push_back(std::move(*part));
      const bool is_and = filter.kind == QueryFilter::Kind::kAnd;
      if (parts.empty() || (!is_and && parts.size() < filter.children.size())) return std::nullopt;
      return is_and ? MakeAnd(std::move(parts)) : MakeOr(std::move(parts));
    }
    case QueryFilter::Kind::kPhrase:
    case QueryFilter::Kind::kPrefix:
    case QueryFilter::Kind::kSubstring:
    case QueryFilter::Kind::kExact:
    case QueryFilter::Kind::kExactPrefix: return ContainsAny(filter.field, {filter.text});
    case QueryFilter::Kind::kIn:
    case QueryFilter::Kind::kContainsAny: return ContainsAny(filter.field, filter.values);
    default: return std::nullopt;
  }
}

// Why the filter, or a part of it, is for searches only; empty: it is not.
std::string_view Obstacle(const QueryFilter& filter) {
  const bool is_of_time = filter.kind == QueryFilter::Kind::kTime ||
                          filter.kind == QueryFilter::Kind::kDayRange ||
                          filter.kind == QueryFilter::Kind::kWeekRange;
  if (filter.subquery != nullptr) return "a query inside of the filter";
  if (filter.time_start.kind == TimeBound::Kind::kNow ||
      filter.time_end.kind == TimeBound::Kind::kNow)
    return "a time that depends on now";
  if (filter.field == filter::kFieldStream || filter.field == filter::kFieldStreamId ||
      (filter.field == filter::kFieldTime && !is_of_time))
    return "a field that only stored records have";
  for (const auto& child : filter.children)
    if (const std::string_view obstacle = Obstacle(*child); !obstacle.empty()) return obstacle;
  return {};
}

}  // namespace

Result<Expression> ParseQueryCondition(std::string_view text) {
  NL_TRY(const std::unique_ptr<QueryFilter> filter, filter::ParseFilter(text));
  if (const std::string_view obstacle = Obstacle(*filter); !obstacle.empty())
    return InvalidArgument(std::string(obstacle).append(" is for searches, not for rules"));
  Test test;
  test.op = Op::kQuery;
  test.field = kFieldMessage;
  test.texts = {filter::ToKey(*filter)};
  NL_TRY(test.query,
         filter::Program::Compile(*filter, {.now_ns = 0, .regexp_bytes_max = kRegexpBytesMax}));
  std::vector<Expression> both;
  if (auto necessary = Necessary(*filter)) both.push_back(std::move(*necessary));
  both.push_back(MakeTest(std::move(test)));
  return MakeAnd(std::move(both));
}

std::optional<std::string> SearchOf(const Expression& condition) {
  std::optional<std::string> search;
  switch (condition.kind) {
    case Expression::Kind::kTest:
      if (condition.test.op == Op::kQuery) search = condition.test.texts[0];
      return search;
    case Expression::Kind::kAnd:
      for (const Expression& child : condition.children)
        if (!search) search = SearchOf(child);
      return search;
    case Expression::Kind::kOr:
      for (const Expression& child : condition.children) {
        const auto part = SearchOf(child);
        if (!part) return std::nullopt;
        search = search ? *search + " or (" + *part + ")" : "(" + *part + ")";
      }
      return search;
    default: return std::nullopt;
  }
}

}  // namespace neurallog::rules
