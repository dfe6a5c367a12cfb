#include "storage/partition_name.h"

#include <limits>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::storage {
namespace {

// Midnight UTC, held inside of what int64 nanoseconds can say.
int64_t StartOfDay(int64_t day) {
  int64_t ns;
  if (!__builtin_mul_overflow(day, base::kNsPerDay, &ns)) return ns;
  return day < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace

std::string PartitionName(Granularity granularity, int64_t timestamp_ns) {
  const std::string day = base::FormatDay(timestamp_ns);
  switch (granularity) {
    case Granularity::kDay: return "d" + day;
    case Granularity::kMonth: return "m" + day.substr(0, 6);
    case Granularity::kYear: return "y" + day.substr(0, 4);
    case Granularity::kAll: return "all";
  }
  return "all";
}

std::optional<TimeRange> PartitionRange(std::string_view name) {
  if (name == "all") return TimeRange{};
  const auto number = [&](size_t at, size_t digits) {
    int value = 0;
    for (const char c : name.substr(at, digits)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const char kind = name.empty() ? '\0' : name[0];
  const size_t digits = kind == 'd' ? 8 : kind == 'm' ? 6 : kind == 'y' ? 4 : 0;
  if (digits == 0 || name.size() != digits + 1) return std::nullopt;
  const int year = number(1, 4), month = digits >= 6 ? number(5, 2) : 1,
            day = digits >= 8 ? number(7, 2) : 1;
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const int64_t start = base::DaysFromCivil(year, month, day);
  int64_t end = start + 1;
  if (kind == 'm')
    end =
        month == 12 ? base::DaysFromCivil(year + 1, 1, 1) : base::DaysFromCivil(year, month + 1, 1);
  if (kind == 'y') end = base::DaysFromCivil(year + 1, 1, 1);
  return TimeRange{StartOfDay(start), StartOfDay(end)};
}

bool IsNear(int64_t timestamp_ns, int64_t now_ns) {
  // By whole days: otherwise an old time could be covered by the day that a near one gets.
  constexpr int64_t kNearDays = 40;
  const auto day = [](int64_t ns) { return ns / base::kNsPerDay - (ns % base::kNsPerDay < 0); };
  return day(timestamp_ns) >= day(now_ns) - kNearDays;
}

Granularity ChooseFarGranularity(int64_t timestamp_ns, int64_t now_ns, size_t existing,
                                 size_t max) {
  const auto year = [](int64_t ns) { return base::FormatDay(ns).substr(0, 4); };
  if (existing < max * 3 / 4 || year(timestamp_ns) == year(now_ns)) return Granularity::kMonth;
  return existing < max ? Granularity::kYear : Granularity::kAll;
}

}  // namespace neurallog::storage
