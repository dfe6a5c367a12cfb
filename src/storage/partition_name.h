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

// How wide a new partition for this time should be, with `existing` partitions of at most `max`: days within 40 days of now,
// months beyond; years from 3/4 of the maximum on; the catch-all at the maximum.
Granularity ChooseGranularity(int64_t timestamp_ns, int64_t now_ns, size_t existing, size_t max);

}  // namespace neurallog::storage
