// Partition names, what they stand for, and how wide a new partition is: "short-d20261121", "medium-w20261116", "long-m202611",
// "long-y2026", "long-all". A name without a class, "d20250601", counts as long. docs/decisions/0005-retention-classes.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/log_record.h"
#include "tenant/retention.h"

namespace neurallog::storage {

enum class Granularity : char { kDay = 'd', kWeek = 'w', kMonth = 'm', kYear = 'y', kAll = 'a' };

struct PartitionKind {
  tenant::RetentionClass retention_class = tenant::RetentionClass::kLong;
  Granularity granularity = Granularity::kMonth;
  TimeRange range;
};

std::string PartitionName(tenant::RetentionClass retention_class, Granularity granularity,
                          int64_t timestamp_ns);
// Nothing when it is not a partition's name.
std::optional<PartitionKind> ParsePartitionName(std::string_view name);

// Whether a time is so near to now (or later) that its partition must not be the catch-all. Goes by whole days.
bool IsNear(tenant::RetentionClass retention_class, int64_t timestamp_ns, int64_t now_ns);

// How wide a new partition of a class for this time is, with the partitions that the class has. Near times get the class' own width (a
// day, a week, a month), a year once the class has 33, 15 or 17 of these. Old times are only of class long unless something is odd: a month
// while it has fewer than 8 partitions, a year while fewer than 12, then the catch-all; in the other classes the catch-all.
Granularity ChooseGranularity(tenant::RetentionClass retention_class, int64_t timestamp_ns,
                              int64_t now_ns, const std::vector<PartitionKind>& existing);

}  // namespace neurallog::storage
