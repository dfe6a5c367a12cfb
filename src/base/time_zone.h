// A time zone of the IANA database.
//
//   NL_TRY(const TimeZone berlin, TimeZone::Find("Europe/Berlin"));
//   const LocalTime local = berlin.At(clock.WallNs());
//
// The system's database is used where there is one, and else the one that was built in. Thread-safe. What was found is
// kept for good: up to about 10 KiB per zone in use, and 700 KiB once for the names.
#pragma once

#include <absl/time/internal/cctz/include/cctz/time_zone.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::base {

struct LocalTime {
  int year;
  int month;          // 1 to 12
  int day;            // 1 to 31
  int days_in_month;  // 28 to 31
  int weekday;        // 0: Sunday
  int minute;         // of the day: 0 to 1439
};

class TimeZone {
 public:
  TimeZone() = default;  // UTC

  // InvalidArgument: there is none of this name.
  static Result<TimeZone> Find(std::string_view name);

  const std::string& name() const { return name_; }
  LocalTime At(int64_t wall_ns) const;

 private:
  std::string name_ = "UTC";
  absl::time_internal::cctz::time_zone rules_;
};

}  // namespace neurallog::base
