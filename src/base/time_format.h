// Timestamps as text: RFC 3339 and epoch numbers, to and from nanoseconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace neurallog::base {

// Reads "2025-06-01T12:00:00[.fraction][Z|+hh:mm|-hh:mm|+hhmm]"; 'T' may be 't' or a space; without an offset the time is UTC.
// Digits of the fraction past the ninth are dropped. Returns nothing for impossible dates (leap years are checked) and for
// times outside 1677-09-22..2262-04-11, the range of int64 nanoseconds. A leap second :60 counts as the following second.
std::optional<int64_t> ParseRfc3339(std::string_view text);

// Reads a decimal number (a fraction or an exponent is allowed; with an exponent to the precision of a double) as seconds, milliseconds, microseconds or nanoseconds since 1970, told apart
// by magnitude: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds. Negative: before 1970.
std::optional<int64_t> ParseEpoch(std::string_view text);

// RFC 3339 first, then epoch.
std::optional<int64_t> ParseTimestamp(std::string_view text);

// Reads a duration such as "5m", "1h30m", "250ms", "1.5h" (ns us µs ms s m h d w y); at least one unit is required.
std::optional<int64_t> ParseDuration(std::string_view text);

// Reads a time that may stop early ("2025", "2025-06", "2025-06-01", "2025-06-01T12", "..T12:30", with seconds, fraction, offset)
// as the half-open range that it names: [start_ns, end_ns).
struct TimeSpan {
  int64_t start_ns;
  int64_t end_ns;
};
std::optional<TimeSpan> ParsePartialTime(std::string_view text);

// Appends "2025-06-01T12:00:00.111Z": the shortest fraction that loses nothing. At most 30 bytes.
void AppendRfc3339(std::string* to, int64_t ns);
std::string FormatRfc3339(int64_t ns);

// Days since 1970-01-01 of a date of the Gregorian calendar.
int64_t DaysFromCivil(int64_t year, int month, int day);

// "20250601": the UTC day that holds the time.
std::string FormatDay(int64_t ns);

}  // namespace neurallog::base
