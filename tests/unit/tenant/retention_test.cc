#include "tenant/retention.h"

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tenant/registry.h"

namespace neurallog::tenant {
namespace {

using base::kNsPerDay;

TEST_CASE("a class holds up to its bound, and no retention is the longest") {
  CHECK(ClassOf(1) == RetentionClass::kShort);
  CHECK(ClassOf(30 * kNsPerDay) == RetentionClass::kShort);
  CHECK(ClassOf(30 * kNsPerDay + 1) == RetentionClass::kMedium);
  CHECK(ClassOf(90 * kNsPerDay) == RetentionClass::kMedium);
  CHECK(ClassOf(90 * kNsPerDay + 1) == RetentionClass::kLong);
  CHECK(ClassOf(0) == RetentionClass::kLong);
}

TEST_CASE("a row's class is that of the last change at or before its place in the log") {
  ClassHistory history;
  CHECK_FALSE(history.At(7).has_value());
  CHECK(history.NextAfter(0) == UINT64_MAX);
  REQUIRE(history.Add({0, RetentionClass::kShort}, 0).ok());
  REQUIRE(history.Add({100, std::nullopt}, 0).ok());
  REQUIRE(history.Add({200, RetentionClass::kMedium}, 0).ok());
  CHECK(history.At(0) == RetentionClass::kShort);
  CHECK(history.At(99) == RetentionClass::kShort);
  CHECK_FALSE(history.At(100).has_value());
  CHECK_FALSE(history.At(199).has_value());
  CHECK(history.At(200) == RetentionClass::kMedium);
  CHECK(history.Last() == RetentionClass::kMedium);
  CHECK(history.NextAfter(0) == 100);
  CHECK(history.NextAfter(99) == 100);
  CHECK(history.NextAfter(100) == 200);
  CHECK(history.NextAfter(200) == UINT64_MAX);
}

TEST_CASE("changes that no row needs any more make room for new ones, and only these") {
  ClassHistory history;
  for (uint64_t i = 0; i < ClassHistory::kChangesMax; ++i)
    REQUIRE(history.Add({i * 10, RetentionClass::kShort}, 0).ok());
  CHECK(history.Add({1000, RetentionClass::kLong}, 9).code() == Code::kResourceExhausted);
  CHECK(history.changes().size() == ClassHistory::kChangesMax);
  REQUIRE(history.Add({1000, RetentionClass::kLong}, 10).ok());
  CHECK(history.At(10) == RetentionClass::kShort);
  CHECK(history.At(1000) == RetentionClass::kLong);
}

TEST_CASE("a tenant with properties and changes is what was stored, and an old entry still reads") {
  TenantInfo info;
  info.id = static_cast<TenantId>(7);
  info.name = "acme";
  info.created_ns = 123;
  info.properties.retention_ns = 30 * kNsPerDay;
  info.properties.disk_quota_bytes = 10u << 20;
  REQUIRE(info.classes.Add({0, RetentionClass::kShort}, 0).ok());
  REQUIRE(info.classes.Add({55, std::nullopt}, 0).ok());
  const std::string bytes = EncodeTenant(info);
  const auto read = DecodeTenant(bytes);
  REQUIRE(read.ok());
  CHECK(read->name == "acme");
  CHECK(read->properties.retention_ns == info.properties.retention_ns);
  CHECK(read->properties.disk_quota_bytes == info.properties.disk_quota_bytes);
  CHECK(read->classes.changes() == info.classes.changes());

  constexpr size_t kOldBytes = 4 + 8 + 1 + 4;
  const auto old = DecodeTenant(std::string_view(bytes).substr(0, kOldBytes));
  REQUIRE(old.ok());
  CHECK_FALSE(old->properties.retention_ns.has_value());
  CHECK(old->classes.changes().empty());
  for (size_t size = 0; size < bytes.size(); ++size) {
    if (size == kOldBytes) continue;
    CHECK_FALSE(DecodeTenant(std::string_view(bytes).substr(0, size)).ok());
  }
  CHECK_FALSE(DecodeTenant(bytes + "x").ok());
}

}  // namespace
}  // namespace neurallog::tenant
