#include "storage/partition_name.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::storage {
namespace {

using tenant::RetentionClass;

constexpr std::string_view kCatchAll = "all";
constexpr size_t kFarMonthsMax = 8;  // partitions of the class, of any width
constexpr size_t kFarYearsMax = 12;

// Enough for the days, weeks and months that the class keeps, the running one, and what clients may send ahead.
struct Widths {
  Granularity own;
  size_t own_max;
  int64_t near_days;  // more than the class keeps
};
Widths WidthsOf(RetentionClass retention_class) {
  switch (retention_class) {
    case RetentionClass::kShort: return {Granularity::kDay, 33, 40};
    case RetentionClass::kMedium: return {Granularity::kWeek, 15, 100};
    case RetentionClass::kLong: return {Granularity::kMonth, 17, 400};
  }
  return {Granularity::kMonth, 17, 400};
}

int64_t DayOf(int64_t ns) { return ns / base::kNsPerDay - (ns % base::kNsPerDay < 0); }

// Midnight UTC, held inside of what int64 nanoseconds can say.
int64_t StartOfDay(int64_t day) {
  int64_t ns;
  if (!__builtin_mul_overflow(day, base::kNsPerDay, &ns)) return ns;
  return day < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Day 0 was a Thursday.
int64_t MondayOf(int64_t day) {
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;
  return day - weekday;
}

std::string TimeName(Granularity granularity, int64_t ns) {
  switch (granularity) {
    case Granularity::kDay: return "d" + base::FormatDay(ns);
    case Granularity::kWeek: return "w" + base::FormatDay(StartOfDay(MondayOf(DayOf(ns))));
    case Granularity::kMonth: return "m" + base::FormatDay(ns).substr(0, 6);
    case Granularity::kYear: return "y" + base::FormatDay(ns).substr(0, 4);
    case Granularity::kAll: return std::string(kCatchAll);
  }
  return std::string(kCatchAll);
}

// The class in front of the name is taken off.
RetentionClass TakeClass(std::string_view* name) {
  for (int i = 0; i < tenant::kRetentionClasses; ++i) {
    const auto retention_class = static_cast<RetentionClass>(i);
    const std::string prefix = std::string(tenant::ClassName(retention_class)) + "-";
    if (!name->starts_with(prefix)) continue;
    name->remove_prefix(prefix.size());
    return retention_class;
  }
  return RetentionClass::kLong;
}

size_t DigitsOf(char granularity) {
  switch (static_cast<Granularity>(granularity)) {
    case Granularity::kDay:
    case Granularity::kWeek: return 8;
    case Granularity::kMonth: return 6;
    case Granularity::kYear: return 4;
    case Granularity::kAll: return 0;
  }
  return 0;
}

std::optional<TimeRange> RangeOf(std::string_view name) {
  const size_t digits = name.empty() ? 0 : DigitsOf(name[0]);
  if (digits == 0 || name.size() != digits + 1) return std::nullopt;
  const auto number = [&](size_t at, size_t count) {
    int value = 0;
    for (const char c : name.substr(at, count)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const int year = number(1, 4), month = digits >= 6 ? number(5, 2) : 1,
            day = digits >= 8 ? number(7, 2) : 1;
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const int64_t start = base::DaysFromCivil(year, month, day);
  int64_t end = start + (name[0] == 'w' ? 7 : 1);
  if (name[0] == 'm')
    end =
        month == 12 ? base::DaysFromCivil(year + 1, 1, 1) : base::DaysFromCivil(year, month + 1, 1);
  if (name[0] == 'y') end = base::DaysFromCivil(year + 1, 1, 1);
  return TimeRange{StartOfDay(start), StartOfDay(end)};
}

}  // namespace

std::string PartitionName(RetentionClass retention_class, Granularity granularity,
                          int64_t timestamp_ns) {
  return std::string(tenant::ClassName(retention_class)) + "-" +
         TimeName(granularity, timestamp_ns);
}

std::optional<PartitionKind> ParsePartitionName(std::string_view name) {
  const RetentionClass retention_class = TakeClass(&name);
  if (name == kCatchAll) return PartitionKind{retention_class, Granularity::kAll, TimeRange{}};
  const auto range = RangeOf(name);
  if (!range) return std::nullopt;
  return PartitionKind{retention_class, static_cast<Granularity>(name[0]), *range};
}

bool IsNear(RetentionClass retention_class, int64_t timestamp_ns, int64_t now_ns) {
  return DayOf(timestamp_ns) >= DayOf(now_ns) - WidthsOf(retention_class).near_days;
}

Granularity ChooseGranularity(RetentionClass retention_class, int64_t timestamp_ns, int64_t now_ns,
                              const std::vector<PartitionKind>& existing) {
  const Widths widths = WidthsOf(retention_class);
  size_t all = 0, own = 0;
  for (const PartitionKind& kind : existing) {
    if (kind.retention_class != retention_class) continue;
    ++all;
    own += kind.granularity == widths.own;
  }
  if (IsNear(retention_class, timestamp_ns, now_ns))
    return own < widths.own_max ? widths.own : Granularity::kYear;
  if (retention_class != RetentionClass::kLong) return Granularity::kAll;
  if (all < kFarMonthsMax) return Granularity::kMonth;
  return all < kFarYearsMax ? Granularity::kYear : Granularity::kAll;
}

}  // namespace neurallog::storage
