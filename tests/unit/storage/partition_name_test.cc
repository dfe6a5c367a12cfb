#include "storage/partition_name.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::storage {
namespace {

using tenant::RetentionClass;

constexpr int64_t kNowNs = 1'795'219'200'000'000'000;  // 2026-11-21
constexpr RetentionClass kClasses[] = {RetentionClass::kShort, RetentionClass::kMedium,
                                       RetentionClass::kLong};

PartitionKind Made(RetentionClass retention_class, Granularity granularity, int64_t ns) {
  return *ParsePartitionName(PartitionName(retention_class, granularity, ns));
}

TEST_CASE("every time lies in the range of its partition's name, at every granularity and class") {
  for (const int64_t ns :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max() - 1, int64_t{0},
        int64_t{-1}, kNowNs, int64_t{951'782'400'000'000'000}}) {
    for (const RetentionClass retention_class : kClasses) {
      for (const Granularity granularity :
           {Granularity::kDay, Granularity::kWeek, Granularity::kMonth, Granularity::kYear,
            Granularity::kAll}) {
        const auto kind = ParsePartitionName(PartitionName(retention_class, granularity, ns));
        REQUIRE(kind.has_value());
        CHECK(kind->range.Contains(ns));
        CHECK(kind->granularity == granularity);
        CHECK(kind->retention_class == retention_class);
      }
    }
  }
}

TEST_CASE("a week begins on Monday, and its seven days have one name") {
  const int64_t monday_ns = *base::ParseRfc3339("2026-11-16T00:00:00Z");
  for (int day = 0; day < 7; ++day)
    CHECK(PartitionName(RetentionClass::kMedium, Granularity::kWeek,
                        monday_ns + day * base::kNsPerDay + 1) == "medium-w20261116");
  CHECK(PartitionName(RetentionClass::kMedium, Granularity::kWeek, monday_ns - 1) ==
        "medium-w20261109");
}

TEST_CASE("a name that is not a partition's stands for nothing; one without a class is long") {
  for (const char* name :
       {"", "d", "d2025060", "d202506011", "m20256x", "x202506", "d20251301", "meta", "default",
        "m202500", "short-", "short-x2025", "tiny-d20250601", "short-short-d20250601"})
    CHECK_FALSE(ParsePartitionName(name).has_value());
  CHECK(ParsePartitionName("d20250601")->retention_class == RetentionClass::kLong);
  CHECK(ParsePartitionName("all")->granularity == Granularity::kAll);
}

TEST_CASE("nearness goes by whole days, so that a day is near or not as a whole") {
  const int64_t noon_ns = kNowNs + base::kNsPerDay / 2;
  const int64_t midnight_40_days_ago_ns = kNowNs - 40 * base::kNsPerDay;
  CHECK(IsNear(RetentionClass::kShort, midnight_40_days_ago_ns, kNowNs));
  CHECK(IsNear(RetentionClass::kShort, midnight_40_days_ago_ns, noon_ns));
  CHECK_FALSE(IsNear(RetentionClass::kShort, midnight_40_days_ago_ns - 1, kNowNs));
  CHECK(IsNear(RetentionClass::kMedium, midnight_40_days_ago_ns - 1, kNowNs));
  CHECK(IsNear(RetentionClass::kLong, kNowNs + base::kNsPerDay, kNowNs));
}

TEST_CASE("whatever times come in, a class has a bounded number of partitions") {
  for (const RetentionClass retention_class : kClasses) {
    std::vector<PartitionKind> existing;
    const auto add = [&](int64_t ns) {
      for (const PartitionKind& kind : existing)
        if (kind.granularity != Granularity::kAll && kind.range.Contains(ns)) return;
      const Granularity chosen = ChooseGranularity(retention_class, ns, kNowNs, existing);
      const bool near = IsNear(retention_class, ns, kNowNs);
      CHECK((chosen == Granularity::kAll) <= !near);
      for (const PartitionKind& kind : existing)
        if (kind.granularity == Granularity::kAll && !near) return;
      existing.push_back(Made(retention_class, chosen, ns));
    };
    const int64_t begin_ns = std::numeric_limits<int64_t>::min() + base::kNsPerDay;
    for (int64_t ns = begin_ns; ns < kNowNs - 401 * base::kNsPerDay; ns += 13 * base::kNsPerDay)
      add(ns);
    const size_t far = existing.size();
    CHECK(far <= 12 + 1);
    for (int day = 2; day >= -400; --day) add(kNowNs + day * base::kNsPerDay);
    CHECK(existing.size() <= 33 + 3 + far);
    CHECK(existing.size() > 15);
  }
}

TEST_CASE("the days, weeks and months that a class keeps all fit, each of its own width") {
  const int keeps[] = {30, 90, 400};
  size_t total = 0;
  for (int i = 0; i < 3; ++i) {
    std::vector<PartitionKind> existing;
    for (int day = -keeps[i]; day <= 2; ++day) {
      const int64_t ns = kNowNs + day * base::kNsPerDay;
      const bool covered = !existing.empty() && existing.back().range.Contains(ns);
      if (covered) continue;
      const Granularity chosen = ChooseGranularity(kClasses[i], ns, kNowNs, existing);
      CHECK(chosen == (i == 0   ? Granularity::kDay
                       : i == 1 ? Granularity::kWeek
                                : Granularity::kMonth));
      existing.push_back(Made(kClasses[i], chosen, ns));
    }
    total += existing.size();
  }
  CHECK(total <= 62);
}

}  // namespace
}  // namespace neurallog::storage
