// The tree of a parsed filter: plain data, made by ParseFilter (filter/parser.h), compiled by
// Program::Compile (filter/program.h).
//
// Field names are the stored ones: "_msg" has become "message". ToText prints a tree as a query
// that parses to an equal tree. Not thread-safe while being built; read-only afterwards.
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

struct Filter {
  enum class Kind : uint8_t {
    kAll,          // *
    kAnd,          // children
    kOr,           // children
    kNot,          // children[0]
    kPhrase,       // field:"text"; i("text") with ignore_case
    kPrefix,       // field:text*
    kExact,        // field:="text"
    kExactPrefix,  // field:="text"*
    kIn,           // field:in(values)
    kRange,        // field:>10, field:range(1,5]: numbers, or texts when a bound is not a number
    kTextRange,    // field:string_range(a, b)
    kLength,       // field:len_range(min, max): bounds on the number of code points
    kRegexp,       // field:~"text"
    kTime,         // _time:...; [time_start, time_end)
    kStream,       // {...}: or of ands
    kAny,          // field:*   has a value that is not empty
    kEmpty,        // field:""  has no value, or an empty one
  };

  Kind kind = Kind::kAll;
  bool ignore_case = false;
  std::string field;
  std::string text;
  std::vector<std::string> values;
  RangeBound min;
  RangeBound max;
  TimeBound time_start;
  TimeBound time_end;
  std::vector<std::vector<StreamTag>> stream;
  std::vector<std::unique_ptr<Filter>> children;
};

std::unique_ptr<Filter> MakeFilter(Filter::Kind kind);
std::unique_ptr<Filter> CloneFilter(const Filter& filter);
bool Equal(const Filter& a, const Filter& b);
std::string ToText(const Filter& filter);

}  // namespace neurallog::filter
