// A time that comes again: hours of the day on days of the week, of the month or of the year, in a time zone.
//
//   TimeInterval night;
//   NL_TRY(const auto hours, TimeInterval::ParseHours("22:00", "24:00"));
//   night.minutes.push_back(hours);
//   NL_TRY(night.zone, TimeZone::Find("Europe/Berlin"));
//   night.Contains(clock.WallNs());
//
// The parts mean what they do in Alertmanager's time intervals. Plain values.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/time_zone.h"
#include "neurallog/status.h"

namespace neurallog::base {

struct TimeInterval {
  struct Range {
    int first;
    int last;  // included
  };

  // Of each the time is in one range; none: whenever.
  std::vector<Range> minutes;        // of the day: 0 to 1439
  std::vector<Range> weekdays;       // 0: Sunday
  std::vector<Range> days_of_month;  // 1 to 31, or from the month's end: -31 to -1
  std::vector<Range> months;         // 1 to 12
  std::vector<Range> years;
  TimeZone zone;

  bool Contains(int64_t wall_ns) const;

  // The errors are InvalidArgument and name the text.
  static Result<Range> ParseHours(std::string_view from, std::string_view to);  // "08:00", "24:00"
  static Result<Range> ParseWeekdays(std::string_view text);  // "monday:friday", "Mon-Fri", "sun"
  static Result<Range> ParseDaysOfMonth(std::string_view text);  // "1:5", "-3:-1", "15"
  static Result<Range> ParseMonths(std::string_view text);       // "january:march", "May-Aug", "5"
  static Result<Range> ParseYears(std::string_view text);        // "2026:2030", "2026"
  // "Mon-Fri 08:00-20:00": days, hours or both.
  static Result<TimeInterval> ParseShort(std::string_view text, const TimeZone& zone);
};

bool AnyContains(const std::vector<TimeInterval>& intervals, int64_t wall_ns);

}  // namespace neurallog::base
