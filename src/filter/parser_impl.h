// The recursive descent parser of filters, for its own files: parser.cc has what is common (or > and
// > not > one filter), parse_functions.cc, parse_time.cc and parse_stream.cc the constructs.
//
// A field name before ':' is handed down as the field of all inside, so field:(a or b) becomes
// (field:a or field:b). Ands in ands and ors in ors are merged, double negations fall away, which makes
// printing and parsing again yield the same tree.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/filter.h"
#include "filter/lexer.h"
#include "neurallog/status.h"

namespace neurallog::filter {

using FilterResult = Result<std::unique_ptr<Filter>>;

// What ends a value (Lexer::TakeValue): of a word or phrase behind a field, of one that may be a
// field's name, of an argument, of bounds and times, of a regular expression.
inline constexpr std::string_view kStopsOfText = "*,()[]|";
inline constexpr std::string_view kStopsOfName = "*,()[]|:";
inline constexpr std::string_view kStopsOfArgument = "*,()|";
inline constexpr std::string_view kStopsOfBound = ",()[]|";

struct Field {
  std::string name;       // stored name
  bool is_given = false;  // written in the query, not the default
};

std::unique_ptr<Filter> MakeFieldFilter(Filter::Kind kind, const Field& field);
std::unique_ptr<Filter> Negate(std::unique_ptr<Filter> filter);

// Not thread-safe; lives for one filter.
class Parser {
 public:
  explicit Parser(Lexer* lexer) : lexer_(*lexer) {}

  FilterResult ParseOr(const Field& field);

 private:
  FilterResult ParseAnd(const Field& field);
  FilterResult ParseNot(const Field& field);
  FilterResult ParseNotOperand(const Field& field);
  FilterResult ParseOne(const Field& field);
  FilterResult ParseNamed(std::string name);
  FilterResult ParseParentheses(const Field& field);
  FilterResult ParseFieldFilter(const Field& field);
  FilterResult ParseText(const Field& field, std::string_view stops);
  FilterResult ParseStar(const Field& field);
  FilterResult ParseExact(const Field& field);
  FilterResult ParseRegexp(const Field& field, std::string_view stops);
  FilterResult ParseComparison(const Field& field, char symbol);

  // parse_functions.cc. Each stands on the opening parenthesis.
  friend struct FunctionTable;
  struct Argument {
    std::string text;
    size_t begin = 0;
  };
  bool IsFunction() const;
  FilterResult ParseFunction(const Field& field);
  FilterResult ParseIgnoreCase(const Field& field);
  FilterResult ParseExactCall(const Field& field);
  FilterResult ParseRegexpCall(const Field& field);
  FilterResult ParseIn(const Field& field);
  FilterResult ParseContainsAll(const Field& field);
  FilterResult ParseContainsAny(const Field& field);
  FilterResult ParseContainsCommonCase(const Field& field);
  FilterResult ParseEqualsCommonCase(const Field& field);
  FilterResult ParseArrayContainsAny(const Field& field);
  FilterResult ParseSequence(const Field& field);
  FilterResult ParseRange(const Field& field);
  FilterResult ParseTextRange(const Field& field);
  FilterResult ParseLength(const Field& field);
  FilterResult ParseIpv4Range(const Field& field);
  FilterResult ParseIpv6Range(const Field& field);
  template <typename Parse, typename Print>
  FilterResult ParseAddresses(const Field& field, Filter::Kind kind, Parse parse, Print print);
  FilterResult ParsePattern(const Field& field);
  FilterResult ParsePatternFull(const Field& field);
  FilterResult ParsePatternPrefix(const Field& field);
  FilterResult ParsePatternSuffix(const Field& field);
  FilterResult ParsePatternAt(const Field& field, PatternPlace place);
  FilterResult ParseValueType(const Field& field);
  FilterResult ParseEqualField(const Field& field);
  FilterResult ParseLessOrEqualField(const Field& field);
  FilterResult ParseLessField(const Field& field);
  FilterResult ParseOtherField(const Field& field, Filter::Kind kind);
  FilterResult ParseValues(const Field& field, Filter::Kind kind);
  // Values, a subquery, or `*`, which is all.
  FilterResult ParseValuesOrQuery(const Field& field, Filter::Kind kind);
  FilterResult ParseSubquery(const Field& field, Filter::Kind kind);
  // True when the parentheses hold a pipe, so that what they hold is a query.
  bool HoldsQuery() const;
  Result<std::vector<Argument>> ParseArguments();
  Result<Argument> ParseOneArgument();
  // `count` arguments; `expected` names them in the error.
  Result<std::vector<Argument>> ParseArguments(size_t count, std::string_view expected);
  Result<RangeBound> ParseRangeBound(bool inclusive);

  // parse_time.cc: behind `_time:`.
  struct TimePoint {
    TimeBound start;  // [start, end): what a partial time names
    TimeBound end;
    bool is_duration = false;  // a time so long ago, without `now`
  };
  FilterResult ParseTime();
  FilterResult ParseTimeBounds();
  FilterResult ParseTimeRange();
  FilterResult ParseTimeComparison(char symbol);
  FilterResult ParseTimeWord();
  FilterResult ParsePeriod(Filter::Kind kind);
  Result<std::string> ParsePeriodBound(Filter::Kind kind);
  Result<int64_t> ParseOffset();
  bool IsOffset() const;
  Result<TimePoint> ParseTimePoint();

  // parse_stream.cc
  FilterResult ParseStream();
  Result<StreamTag> ParseStreamTag();

  // Compiles it once more than needed, to say where in the query it is wrong.
  Status CheckRegexp(size_t begin, const std::string& pattern);
  Status Expect(char symbol, std::string_view message);
  Status CheckEndOfText(size_t begin);
  Status Enter();
  Result<std::string> ExpectValue(std::string_view stops, std::string_view expected);

  Lexer& lexer_;
  int depth_ = 0;
  int regexps_ = 0;
};

}  // namespace neurallog::filter
