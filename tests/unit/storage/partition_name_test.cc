#include "storage/partition_name.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::storage {
namespace {

constexpr int64_t kNowNs = 1'795'219'200'000'000'000;  // 2026-11-21

TEST_CASE("every time lies in the range of its partition's name, at every granularity") {
  for (const int64_t ns :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max() - 1, int64_t{0},
        int64_t{-1}, kNowNs, int64_t{951'782'400'000'000'000}}) {
    for (const Granularity granularity :
         {Granularity::kDay, Granularity::kMonth, Granularity::kYear, Granularity::kAll}) {
      const auto range = PartitionRange(PartitionName(granularity, ns));
      REQUIRE(range.has_value());
      CHECK(range->Contains(ns));
    }
  }
}

TEST_CASE("a name that is not a partition's has no range") {
  for (const char* name : {"", "d", "d2025060", "d202506011", "m20256x", "x202506", "d20251301",
                           "meta", "default", "m202500"})
    CHECK_FALSE(PartitionRange(name).has_value());
}

TEST_CASE("nearness goes by whole days, so that a day is near or not as a whole") {
  const int64_t noon_ns = kNowNs + base::kNsPerDay / 2;
  const int64_t midnight_40_days_ago_ns = kNowNs - 40 * base::kNsPerDay;
  CHECK(IsNear(midnight_40_days_ago_ns, kNowNs));
  CHECK(IsNear(midnight_40_days_ago_ns, noon_ns));
  CHECK_FALSE(IsNear(midnight_40_days_ago_ns - 1, kNowNs));
  CHECK(IsNear(kNowNs + base::kNsPerDay, kNowNs));
}

TEST_CASE(
    "old times get coarser partitions as their number grows, but never a year that covers near "
    "times") {
  const int64_t old_ns = *base::ParseRfc3339("2005-06-01T00:00:00Z");
  const int64_t this_year_ns = *base::ParseRfc3339("2026-02-01T00:00:00Z");
  CHECK(ChooseFarGranularity(old_ns, kNowNs, 0, 60) == Granularity::kMonth);
  CHECK(ChooseFarGranularity(old_ns, kNowNs, 45, 60) == Granularity::kYear);
  CHECK(ChooseFarGranularity(old_ns, kNowNs, 60, 60) == Granularity::kAll);
  CHECK(ChooseFarGranularity(this_year_ns, kNowNs, 60, 60) == Granularity::kMonth);
}

}  // namespace
}  // namespace neurallog::storage
