// The nouns of the product: what a log record is made of, and whose it is.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace neurallog {

// A tenant's number inside one server. Names are given by the tenant registry; the number is never reused.
enum class TenantId : uint32_t {};

// Half-open: start_ns <= t < end_ns, nanoseconds since 1970 UTC. The default is all of time.
struct TimeRange {
  int64_t start_ns = std::numeric_limits<int64_t>::min();
  int64_t end_ns = std::numeric_limits<int64_t>::max();

  bool Contains(int64_t ns) const { return start_ns <= ns && ns < end_ns; }
  bool empty() const { return start_ns >= end_ns; }
};

// The type that a client gave to a value. The bytes kept beside it:
enum class ValueType : uint8_t {
  kString = 0,  // the text itself, unescaped UTF-8
  kNumber = 1,  // the JSON number as it was written: 1.50 stays 1.50
  kBool = 2,    // "true" or "false"
  kNull = 3,    // empty
  kArray = 4,   // JSON text without insignificant white space
  kObject = 5,  // JSON text: an empty object, or one of a record with too many fields to flatten
};
inline constexpr int kValueTypes = 6;

// Severity as counted in block headers. Text that names none of these is kept as it is and counted as kOther; no level at all is kNone.
enum class Level : uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kFatal, kOther, kNone };
inline constexpr int kLevels = 8;

// Maps common spellings in any case ("WARNING", "err", "E", "critical", ...) to a level.
Level ParseLevel(std::string_view text);

// Canonical names of the fields every record may have. Nested client fields are flattened with dots: "metadata.host".
inline constexpr std::string_view kFieldMessage = "message";  // also called _msg in queries
inline constexpr std::string_view kFieldLevel = "level";
inline constexpr std::string_view kFieldSource = "source";
inline constexpr std::string_view kFieldTags = "tags";
// Kept as the record's time, also called _time in queries.
inline constexpr std::string_view kFieldTimestamp = "timestamp";

}  // namespace neurallog
