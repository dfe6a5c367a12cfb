#include "rules/time_part.h"

#include <chrono>

#include "base/time_format.h"

namespace neurallog::rules {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

// The week whose Thursday lies in the year: weeks begin on Monday.
int64_t IsoWeek(int64_t days) {
  const int64_t thursday = days - (days % 7 + 7 + 3) % 7 + 3;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(thursday))};
  const int64_t first = base::DaysFromCivil(static_cast<int>(date.year()), 1, 1);
  return (thursday - first) / 7 + 1;
}

}  // namespace

int64_t TimePartOf(TimePart part, int64_t ns) {
  const int64_t seconds = FloorDivide(ns, kNsPerSecond);
  const int64_t days = FloorDivide(seconds, 86'400);
  const int64_t second_of_day = seconds - days * 86'400;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  switch (part) {
    case TimePart::kMinute: return second_of_day / 60 % 60;
    case TimePart::kHour: return second_of_day / 3600;
    case TimePart::kDay: return static_cast<unsigned>(date.day());
    case TimePart::kWeek: return IsoWeek(days);
    case TimePart::kMonth: return static_cast<unsigned>(date.month());
    case TimePart::kYear: return static_cast<int>(date.year());
    case TimePart::kNone: break;
  }
  return 0;
}

}  // namespace neurallog::rules
