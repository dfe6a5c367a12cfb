#include "base/time_interval.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/ascii.h"

namespace neurallog::base {
namespace {

using Range = TimeInterval::Range;

constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

Status NotTime(std::string_view text, std::string_view expected) {
  return InvalidArgument(fmt::format("{}: expected {}", text.substr(0, 64), expected));
}

// Its place among the names, which may be cut to three letters.
template <size_t N>
std::optional<int> PlaceOf(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (EqualsIgnoreCase(text, names[i]) || EqualsIgnoreCase(text, names[i].substr(0, 3)))
      return static_cast<int>(i);
  return std::nullopt;
}

std::optional<int> NumberOf(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Read>
std::optional<Range> RangeOf(std::string_view text, std::string_view separators, const Read& read) {
  const size_t middle = text.find_first_of(separators, 1);
  const auto first = read(text.substr(0, middle));
  const auto last = middle == std::string_view::npos ? first : read(text.substr(middle + 1));
  if (!first || !last) return std::nullopt;
  return Range{*first, *last};
}

// Minutes of "08:30"; 1440 of "24:00".
std::optional<int> MinuteOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':' || !IsDigit(text[0]) || !IsDigit(text[3]))
    return std::nullopt;
  const auto hours = NumberOf(text.substr(0, 2)), minutes = NumberOf(text.substr(3));
  if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > 1440) return std::nullopt;
  return *hours * 60 + *minutes;
}

bool Holds(const std::vector<Range>& ranges, int value) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [value](const Range& range) {
           return range.first <= value && value <= range.last;
         });
}

bool HoldsDay(const std::vector<Range>& ranges, const LocalTime& at) {
  const auto day = [&](int of) { return of < 0 ? at.days_in_month + 1 + of : of; };
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
           return day(range.first) <= at.day && at.day <= day(range.last);
         });
}

}  // namespace

bool TimeInterval::Contains(int64_t wall_ns) const {
  const LocalTime at = zone.At(wall_ns);
  return Holds(minutes, at.minute) && Holds(weekdays, at.weekday) && HoldsDay(days_of_month, at) &&
         Holds(months, at.month) && Holds(years, at.year);
}

Result<Range> TimeInterval::ParseHours(std::string_view from, std::string_view to) {
  const auto begin = MinuteOf(from), end = MinuteOf(to);
  if (!begin) return NotTime(from, "a time of day from 00:00 to 24:00");
  if (!end) return NotTime(to, "a time of day from 00:00 to 24:00");
  if (*begin >= *end)
    return NotTime(fmt::format("{}-{}", from, to),
                   "an end after the beginning; a night is two ranges: to 24:00 and from 00:00");
  return Range{*begin, *end - 1};
}

// "friday:monday" would be two ranges, which Alertmanager does not take either.
Result<Range> TimeInterval::ParseWeekdays(std::string_view text) {
  const auto range = RangeOf(text, ":-", [](std::string_view of) { return PlaceOf(kDays, of); });
  if (!range || range->first > range->last)
    return NotTime(text, "days of a week that begins with Sunday, such as monday:friday");
  return *range;
}

Result<Range> TimeInterval::ParseDaysOfMonth(std::string_view text) {
  const auto range = RangeOf(text, ":", NumberOf);
  const auto is_day = [](int day) { return day != 0 && day >= -31 && day <= 31; };
  if (!range || !is_day(range->first) || !is_day(range->last) ||
      (range->first < 0 && range->last > 0) ||
      ((range->first < 0) == (range->last < 0) && range->first > range->last))
    return NotTime(text, "days of a month, such as 1:5 or -3:-1");
  return *range;
}

Result<Range> TimeInterval::ParseMonths(std::string_view text) {
  const auto range = RangeOf(text, ":-", [](std::string_view of) -> std::optional<int> {
    if (const auto place = PlaceOf(kMonths, of)) return *place + 1;
    return NumberOf(of);
  });
  if (!range || range->first < 1 || range->last > 12 || range->first > range->last)
    return NotTime(text, "months of a year, such as january:march or 5");
  return *range;
}

Result<Range> TimeInterval::ParseYears(std::string_view text) {
  const auto range = RangeOf(text, ":-", NumberOf);
  if (!range || range->first < 1970 || range->last > 2261 || range->first > range->last)
    return NotTime(text, "years, such as 2026 or 2026:2030");
  return *range;
}

Result<TimeInterval> TimeInterval::ParseShort(std::string_view text, const TimeZone& zone) {
  TimeInterval interval;
  interval.zone = zone;
  const size_t space = text.find(' ');
  const std::string_view hours = space != std::string_view::npos     ? text.substr(space + 1)
                                 : !text.empty() && IsDigit(text[0]) ? text
                                                                     : std::string_view();
  const std::string_view days = text.substr(0, text.size() - hours.size());
  if (!days.empty()) {
    NL_TRY(const Range range, ParseWeekdays(days.substr(0, space)));
    interval.weekdays.push_back(range);
  }
  if (!hours.empty() || days.empty()) {
    if (hours.size() != 11 || hours[5] != '-')
      return NotTime(text, "days, hours or both, such as Mon-Fri 08:00-20:00");
    NL_TRY(const Range range, ParseHours(hours.substr(0, 5), hours.substr(6)));
    interval.minutes.push_back(range);
  }
  return interval;
}

bool AnyContains(const std::vector<TimeInterval>& intervals, int64_t wall_ns) {
  return std::any_of(intervals.begin(), intervals.end(), [wall_ns](const TimeInterval& interval) {
    return interval.Contains(wall_ns);
  });
}

}  // namespace neurallog::base
