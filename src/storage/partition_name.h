// Partition names and the time ranges they stand for: "d20250601", "m202506", "y2025", "all".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "neurallog/log_record.h"

namespace neurallog::storage {

enum class Granularity : char { kDay = 'd', kMonth = 'm', kYear = 'y', kAll = 'a' };

std::string PartitionName(Granularity granularity, int64_t timestamp_ns);
// The range of a partition name, or nothing if it is not one.
std::optional<TimeRange> PartitionRange(std::string_view name);

// Whether a time gets a day of its own whatever the number of partitions: its day is at most 40 days before today, or later.
bool IsNear(int64_t timestamp_ns, int64_t now_ns);

// How wide a new partition for a time that is not near should be, with `existing` partitions of about `max`: a month; from 3/4 of the
// maximum on a year, unless it is the year of a near time; at the maximum the catch-all.
Granularity ChooseFarGranularity(int64_t timestamp_ns, int64_t now_ns, size_t existing, size_t max);

}  // namespace neurallog::storage
