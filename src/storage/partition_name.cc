#include "storage/partition_name.h"

#include <cstdlib>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::storage {

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
  const auto dashed = [&](size_t parts) {
    std::string text(name.substr(1, 4));
    if (parts > 1) text.append("-").append(name.substr(5, 2));
    if (parts > 2) text.append("-").append(name.substr(7, 2));
    return text;
  };
  std::optional<base::TimeSpan> span;
  if (name.size() == 9 && name[0] == 'd') span = base::ParsePartialTime(dashed(3));
  if (name.size() == 7 && name[0] == 'm') span = base::ParsePartialTime(dashed(2));
  if (name.size() == 5 && name[0] == 'y') span = base::ParsePartialTime(dashed(1));
  if (!span) return std::nullopt;
  return TimeRange{span->start_ns, span->end_ns};
}

Granularity ChooseGranularity(int64_t timestamp_ns, int64_t now_ns, size_t existing, size_t max) {
  constexpr int64_t kNearNs = 40 * base::kNsPerDay;
  if (existing + 1 >= max) return Granularity::kAll;
  if (existing >= max * 3 / 4) return PartitionRange(PartitionName(Granularity::kYear, timestamp_ns)) ? Granularity::kYear : Granularity::kAll;
  const bool near = timestamp_ns > now_ns - kNearNs && timestamp_ns < now_ns + kNearNs;
  const Granularity wanted = near ? Granularity::kDay : Granularity::kMonth;
  return PartitionRange(PartitionName(wanted, timestamp_ns)) ? wanted : Granularity::kAll;
}

}  // namespace neurallog::storage
