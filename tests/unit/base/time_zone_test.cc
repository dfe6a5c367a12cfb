#include "base/time_zone.h"

#include <catch2/catch.hpp>

#include "base/time_format.h"
#include "base/time_interval.h"

namespace neurallog::base {
namespace {

TimeZone Zone(std::string_view name) {
  auto zone = TimeZone::Find(name);
  REQUIRE(zone.ok());
  return *zone;
}

std::string At(std::string_view zone, std::string_view time) {
  const LocalTime at = Zone(zone).At(*ParseRfc3339(time));
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d %d of %d", at.year, at.month, at.day,
                at.minute / 60, at.minute % 60, at.weekday, at.days_in_month);
  return text;
}

TEST_CASE("a time zone knows its summer time", "[time_zone]") {
  CHECK(At("Europe/Berlin", "2026-03-29T00:59:59Z") == "2026-03-29 01:59 0 of 31");
  CHECK(At("Europe/Berlin", "2026-03-29T01:00:00Z") == "2026-03-29 03:00 0 of 31");
  CHECK(At("America/New_York", "2026-11-21T03:00:00Z") == "2026-11-20 22:00 5 of 30");
  CHECK(At("Asia/Kolkata", "2028-02-29T00:00:00Z") == "2028-02-29 05:30 2 of 29");
  CHECK(At("Australia/Sydney", "2050-01-01T00:00:00Z") == "2050-01-01 11:00 6 of 31");
  CHECK(At("UTC", "1969-12-31T23:59:59.5Z") == "1969-12-31 23:59 3 of 31");
}

TEST_CASE("a time zone that does not exist is named", "[time_zone]") {
  for (const std::string_view name :
       {"", "Mars/Olympus", "/etc/passwd", "../zoneinfo/UTC", "file:/etc/passwd", "localtime"}) {
    const auto zone = TimeZone::Find(name);
    REQUIRE(!zone.ok());
    CHECK(zone.status().code() == Code::kInvalidArgument);
    CHECK(zone.status().message().find(name) != std::string::npos);
  }
}

TEST_CASE("a short interval is days and hours", "[time_interval]") {
  const auto office = TimeInterval::ParseShort("Mon-Fri 08:00-20:00", Zone("Europe/Berlin"));
  REQUIRE(office.ok());
  CHECK(office->Contains(*ParseRfc3339("2026-11-20T18:59:59Z")));   // Friday 19:59
  CHECK(!office->Contains(*ParseRfc3339("2026-11-20T19:00:00Z")));  // Friday 20:00
  CHECK(office->Contains(*ParseRfc3339("2026-07-17T06:00:00Z")));   // Friday 08:00 in summer
  CHECK(!office->Contains(*ParseRfc3339("2026-11-20T06:00:00Z")));  // Friday 07:00
  CHECK(!office->Contains(*ParseRfc3339("2026-11-21T12:00:00Z")));  // Saturday
  const auto hours = TimeInterval::ParseShort("00:00-24:00", {});
  REQUIRE(hours.ok());
  CHECK(hours->Contains(0));
  const auto day = TimeInterval::ParseShort("sunday", {});
  REQUIRE(day.ok());
  CHECK(day->Contains(*ParseRfc3339("2026-11-22T12:00:00Z")));
  CHECK(!day->Contains(*ParseRfc3339("2026-11-23T00:00:00Z")));
}

TEST_CASE("days of a month count from its end too", "[time_interval]") {
  TimeInterval last;
  last.days_of_month.push_back(*TimeInterval::ParseDaysOfMonth("-3:-1"));
  CHECK(last.Contains(*ParseRfc3339("2026-02-26T00:00:00Z")));
  CHECK(!last.Contains(*ParseRfc3339("2026-02-25T23:59:59Z")));
  CHECK(!last.Contains(*ParseRfc3339("2026-01-28T00:00:00Z")));
  CHECK(last.Contains(*ParseRfc3339("2026-01-31T00:00:00Z")));
  last.months.push_back(*TimeInterval::ParseMonths("january"));
  CHECK(!last.Contains(*ParseRfc3339("2026-02-26T00:00:00Z")));
  last.years.push_back(*TimeInterval::ParseYears("2027:2030"));
  CHECK(!last.Contains(*ParseRfc3339("2026-01-31T00:00:00Z")));
  CHECK(last.Contains(*ParseRfc3339("2027-01-31T00:00:00Z")));
}

TEST_CASE("what is no time interval is refused", "[time_interval]") {
  for (const std::string_view text : {"", " ", "Mon-", "Fri-Mon", "Mon 8-20", "Mon 08:00-08:00",
                                      "22:00-06:00", "25:00-26:00", "Mon 08:00-24:01", "Mo"})
    CHECK(!TimeInterval::ParseShort(text, {}).ok());
  for (const std::string_view text : {"0", "32", "5:1", "-1:-3", "-3:2", "a", ""})
    CHECK(!TimeInterval::ParseDaysOfMonth(text).ok());
  for (const std::string_view text : {"0", "13", "may:march", "foo", ""})
    CHECK(!TimeInterval::ParseMonths(text).ok());
  for (const std::string_view text : {"1969", "2030:2026", "x", ""})
    CHECK(!TimeInterval::ParseYears(text).ok());
}

}  // namespace
}  // namespace neurallog::base
