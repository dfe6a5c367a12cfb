// The tree of a parsed filter: plain data, made by ParseFilter (filter/parser.h), compiled by
// Program::Compile (filter/program.h).
//
// Field names are the stored ones: "_msg" has become "message". ToText prints a tree as a query
// that parses to an equal tree; it is the filter as it was written, in one spelling. Not thread-safe
// while being built; read-only afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/quote.h"
#include "neurallog/log_record.h"

namespace neurallog::filter {

inline constexpr std::string_view kFieldTime = "_time";
inline constexpr std::string_view kFieldStream = "_stream";
inline constexpr std::string_view kFieldStreamId = "_stream_id";

// "_msg" -> "message", "timestamp" -> "_time"; every other name is its own.
std::string_view StoredName(std::string_view name);

// A moment, absolute or relative to the time at which the query is asked.
struct TimeBound {
  enum class Kind : uint8_t { kUnbounded, kAbsolute, kNow };
  Kind kind = Kind::kUnbounded;
  int64_t ns = 0;  // since 1970, or past now (negative: before it)
  bool operator==(const TimeBound&) const = default;
};

// One comparison of a stream selector: source="x", a!="y", b=~"re", c!~"re", d in ("a","b"), e
// not_in ("a").
struct StreamTag {
  enum class Op : uint8_t { kEqual, kNotEqual, kMatch, kNotMatch, kIn, kNotIn };
  std::string name;
  Op op = Op::kEqual;
  std::vector<std::string> values;  // one, except for kIn and kNotIn
  bool operator==(const StreamTag&) const = default;
};

// One end of a range as it was written. `text` keeps it for comparing values that are not numbers.
struct RangeBound {
  std::string text;  // empty: no bound
  bool inclusive = false;
  bool operator==(const RangeBound&) const = default;
};

// A query inside of a filter, `field:in(query)`. The filter room does not know queries: whoever
// parses them derives from this, runs the query and hands over the values before anything is
// evaluated. Values are set once, before the filter is used by other threads.
class Subquery {
 public:
  virtual ~Subquery() = default;
  // A text that parses to an equal query.
  virtual std::string ToText() const = 0;

  // Null until they are set.
  const std::vector<std::string>* values() const { return has_values_ ? &values_ : nullptr; }
  void SetValues(std::vector<std::string> values) {
    values_ = std::move(values);
    has_values_ = true;
  }

 private:
  std::vector<std::string> values_;
  bool has_values_ = false;
};

// Where in a value a pattern has to be.
enum class PatternPlace : uint8_t { kAnywhere, kFull, kPrefix, kSuffix };

struct Filter {
  enum class Kind : uint8_t {
    kAll,                 // *
    kAnd,                 // children
    kOr,                  // children
    kNot,                 // children[0]
    kPhrase,              // field:"text"; i("text") with ignore_case
    kPrefix,              // field:text*
    kSubstring,           // field:*text*
    kExact,               // field:="text"
    kExactPrefix,         // field:="text"*
    kIn,                  // field:in(values) or in(subquery)
    kContainsAll,         // field:contains_all(values) or of a subquery
    kContainsAny,         // field:contains_any(values) or of a subquery
    kContainsCommonCase,  // field:contains_common_case(values)
    kEqualsCommonCase,    // field:equals_common_case(values)
    kArrayContainsAny,    // field:json_array_contains_any(values)
    kSequence,            // field:seq(values), none of them empty
    kRange,               // field:>10, field:range(1,5]: numbers, IPv4 addresses, else texts
    kTextRange,           // field:string_range(a, b)
    kLength,              // field:len_range(min, max): bounds on the number of code points
    kIpv4Range,           // field:ipv4_range(min, max), both included
    kIpv6Range,           // field:ipv6_range(min, max), both included
    kRegexp,              // field:~"text"
    kPattern,             // field:pattern_match("text <N>")
    kValueType,           // field:value_type(text)
    kEqualField,          // field:eq_field(text): text is the other field's stored name
    kLessOrEqualField,    // field:le_field(text)
    kLessField,           // field:lt_field(text)
    kTime,                // _time:...; [time_start, time_end)
    kDayRange,            // _time:day_range[min, max]: minutes of the day
    kWeekRange,           // _time:week_range[min, max]: days, 0 is Sunday
    kStream,              // {...}: or of ands
    kAny,                 // field:*   has a value that is not empty
    kEmpty,               // field:""  has no value, or an empty one
  };

  Kind kind = Kind::kAll;
  bool ignore_case = false;
  PatternPlace place = PatternPlace::kAnywhere;
  std::string field;
  std::string text;
  std::vector<std::string> values;
  std::shared_ptr<Subquery> subquery;
  RangeBound min;
  RangeBound max;
  TimeBound time_start;
  TimeBound time_end;
  int64_t offset_ns = 0;  // kDayRange, kWeekRange: what the local time is ahead of UTC
  std::vector<std::vector<StreamTag>> stream;
  std::vector<std::unique_ptr<Filter>> children;
};

std::unique_ptr<Filter> MakeFilter(Filter::Kind kind);
std::unique_ptr<Filter> CloneFilter(const Filter& filter);
bool Equal(const Filter& a, const Filter& b);
std::string ToText(const Filter& filter);
// The same text for filters that differ only in what does not matter: the order and repetition of
// parts of `and`, `or` and of lists of values, and how numbers are written. For keys of caches; parses
// to an equivalent filter.
std::string ToKey(const Filter& filter);
bool HasSubquery(const Filter& filter);

}  // namespace neurallog::filter
