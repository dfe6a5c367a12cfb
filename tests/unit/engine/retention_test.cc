// Retention per tenant, its classes over crashes, and quotas.
#include <catch2/catch.hpp>
#include <set>

#include "support/engine_fixture.h"

namespace neurallog::engine {
namespace {

using base::kNsPerDay;
using testing::EngineFixture;
using testing::MakeBatch;
using testing::MakeNoise;

class RetentionFixture : public EngineFixture {
 public:
  RetentionFixture() {
    options().retention.tick = std::chrono::milliseconds(10);
    options().retention.sweep_ns = 50 * base::kNsPerMs;
    options().jobs.tick = std::chrono::milliseconds(10);
    options().jobs.garbage_bytes_min = 1;
    Reopen();
  }
  int64_t DaysAgo(int days) { return engine().clock().WallNs() - days * kNsPerDay; }
  void Create(std::string_view name, std::optional<int64_t> days = {}, uint64_t quota = 0) {
    tenant::TenantProperties properties;
    if (days) properties.retention_ns = *days * kNsPerDay;
    properties.disk_quota_bytes = quota;
    REQUIRE(engine().CreateTenant(name, properties).ok());
  }
  void SetDays(std::string_view name, int64_t days) {
    TenantChange change;
    change.retention_ns = std::optional<int64_t>(days * kNsPerDay);
    REQUIRE(engine().ChangeTenant(name, change).status().ToString() == "ok");
  }
  std::set<std::string> PartitionNames() {
    std::set<std::string> names;
    for (const auto& partition : engine().store().Partitions()) names.insert(partition->name());
    return names;
  }
  size_t PartitionsOf(std::string_view prefix) {
    size_t count = 0;
    for (const std::string& name : PartitionNames()) count += name.starts_with(prefix);
    return count;
  }
  // Every row is in blocks.
  void Seal(std::string_view name) {
    ingest::TenantLog* log = engine().FindTenant(name);
    REQUIRE(Eventually([&] { return engine().SealBefore(log, UINT64_MAX); }));
  }
  uint64_t StoredRows(std::string_view name) {
    auto directory = engine().FindTenant(name)->Blocks([](const std::string&) {});
    REQUIRE(directory.ok());
    return (*directory)->totals().rows;
  }
  uint64_t StoredBytes(std::string_view name) {
    return engine().FindTenant(name)->stored().value_or(storage::StoredTotals{}).bytes;
  }
};

TEST_CASE_METHOD(RetentionFixture, "each class has partitions of its own width") {
  Create("short", 7);
  Create("medium", 60);
  Create("long", 200);
  for (const char* name : {"short", "medium", "long"}) {
    REQUIRE(Append(MakeBatch(0, 300, DaysAgo(3)), name).ok());
    Seal(name);
    ExpectRows(300, name);
  }
  CHECK(PartitionsOf("short-d") >= 1);
  CHECK(PartitionsOf("medium-w") >= 1);
  CHECK(PartitionsOf("long-m") >= 1);
}

TEST_CASE_METHOD(RetentionFixture,
                 "a tenant's rows are there once whatever its class was, also after crashes") {
  Create("acme", 7);
  int64_t rows = 0;
  const auto append = [&](int count) {
    REQUIRE(Append(MakeBatch(rows, count, DaysAgo(2)), "acme").ok());
    rows += count;
  };
  int round = 0;
  for (const int64_t days : {60, 200, 7, 0, 60, 7, 200}) {
    append(300);  // sealed in part before the change
    append(11);
    SetDays("acme", days);
    append(17);
    append(300);
    if (round % 2 == 0) Seal("acme");
    ExpectRows(rows, "acme");
    if (round % 3 == 0) REQUIRE(engine().store().Flush().ok());
    Crash();
    ExpectRows(rows, "acme");
    ++round;
  }
  Reopen();
  ExpectRows(rows, "acme");
  Seal("acme");
  ExpectRows(rows, "acme");
  CHECK(PartitionsOf("short-") >= 1);
  CHECK(PartitionsOf("medium-") >= 1);
  CHECK(PartitionsOf("long-") >= 1);
}

TEST_CASE_METHOD(RetentionFixture, "no block holds rows of before and behind a change of class") {
  Create("acme", 7);
  REQUIRE(Append(MakeBatch(0, 10, DaysAgo(1)), "acme").ok());
  SetDays("acme", 200);
  REQUIRE(Append(MakeBatch(10, 10, DaysAgo(1)), "acme").ok());
  Seal("acme");
  auto directory = engine().FindTenant("acme")->Blocks([](const std::string&) {});
  REQUIRE(directory.ok());
  std::map<std::string, uint32_t> rows;
  (*directory)->ForEach([&](const storage::BlockEntry& entry) {
    rows[std::string(tenant::ClassName(entry.partition->kind().retention_class))] +=
        entry.header->rows;
  });
  CHECK(rows == std::map<std::string, uint32_t>{{"short", 10}, {"long", 10}});
}

TEST_CASE_METHOD(
    RetentionFixture,
    "the server's class changes with its option at a start, and rows stay where they are") {
  REQUIRE(Append(MakeBatch(0, 300, DaysAgo(1))).ok());
  REQUIRE(Append(MakeBatch(300, 20, DaysAgo(1))).ok());
  for (const int64_t days : {7, 60, 0, 7}) {
    options().retention_ns = days * kNsPerDay;
    Crash();
    ExpectRows(320);
  }
  REQUIRE(Append(MakeBatch(320, 300, DaysAgo(1))).ok());
  Seal("default");
  ExpectRows(620);
  CHECK(PartitionsOf("long-m") >= 1);
  CHECK(PartitionsOf("short-d") >= 1);
  Crash();
  ExpectRows(620);
}

TEST_CASE_METHOD(RetentionFixture, "properties of a tenant survive a crash") {
  Create("acme", 7, 5u << 20);
  TenantChange change;
  change.disk_quota_bytes = 6u << 20;
  REQUIRE(engine().ChangeTenant("acme", change).ok());
  SetDays("acme", 40);
  Crash();
  const auto info = engine().tenants().Find("acme");
  REQUIRE(info.has_value());
  CHECK(info->properties.retention_ns == 40 * kNsPerDay);
  CHECK(info->properties.disk_quota_bytes == 6u << 20);
  CHECK(engine().FindTenant("acme")->properties().disk_quota_bytes == 6u << 20);
  change.retention_ns = std::optional<int64_t>();
  REQUIRE(engine().ChangeTenant("acme", change).ok());
  CHECK(engine().RetentionOf(*engine().FindTenant("acme")) == engine().retention_ns());
  CHECK(engine().ChangeTenant("nobody", change).status().code() == Code::kNotFound);
}

TEST_CASE_METHOD(RetentionFixture,
                 "rows beyond a tenant's retention are hidden at once and leave the disk, "
                 "others of the same partition stay") {
  Create("brief", 20);
  Create("full", 30);
  for (const char* name : {"brief", "full"}) {
    REQUIRE(Append(MakeBatch(0, 300, DaysAgo(10)), name).ok());
    REQUIRE(Append(MakeBatch(1'000, 300, DaysAgo(0) - 1'000 * base::kNsPerSecond), name).ok());
    Seal(name);
    ExpectRows(600, name);
  }
  SetDays("brief", 5);
  CHECK(Seqs("brief").size() == 300);
  CHECK(Eventually([&] { return StoredRows("brief") == 300; }));
  CHECK(StoredRows("full") == 600);
  ExpectRows(600, "full");
  SetDays("full", 5);
  const size_t partitions = engine().store().Partitions().size();
  CHECK(Eventually([&] { return engine().store().Partitions().size() < partitions; }));
  CHECK(Seqs("full").size() == 300);
  Crash();  // the log may bring expired rows back, for a moment
  Seal("brief");
  Seal("full");
  CHECK(Eventually([&] { return StoredRows("brief") == 300 && StoredRows("full") == 300; }));
  CHECK(Seqs("full").size() == 300);
}

TEST_CASE_METHOD(RetentionFixture, "a tenant that moved to a longer retention keeps its old rows") {
  Create("acme", 10);
  Create("other", 10);
  for (const char* name : {"acme", "other"}) {
    REQUIRE(Append(MakeBatch(0, 300, DaysAgo(8)), name).ok());
    Seal(name);
  }
  SetDays("acme", 0);
  SetDays("other", 2);
  CHECK(Eventually([&] { return StoredRows("other") == 0; }));
  ExpectRows(300, "acme");
  CHECK(PartitionsOf("short-") >= 1);
}

TEST_CASE_METHOD(RetentionFixture, "the catch-all expires block by block") {
  Create("acme", 0);
  constexpr int64_t kYearNs = 365 * kNsPerDay;
  for (int year = 40; year > 20; --year)
    REQUIRE(Append(MakeBatch(year * 10, 10, DaysAgo(0) - year * kYearNs), "acme").ok());
  Seal("acme");
  REQUIRE(PartitionNames().count("long-all") == 1);
  ExpectRows(200, "acme");
  SetDays("acme", 30 * 365 + 20);
  CHECK(Eventually([&] { return StoredRows("acme") <= 100; }));
  CHECK(StoredRows("acme") >= 90);
}

TEST_CASE_METHOD(RetentionFixture, "a tenant over its quota loses its oldest blocks only") {
  constexpr uint64_t kQuota = 1 << 20;
  Create("acme", 0, kQuota);
  Create("other", 0);
  REQUIRE(Append(MakeBatch(0, 2'560, DaysAgo(1)), "other").ok());
  for (int i = 0; i < 30; ++i)
    REQUIRE(Append(MakeNoise(i * 256, 256, 300, DaysAgo(1)), "acme").ok());
  Seal("acme");
  REQUIRE(Eventually([&] { return StoredBytes("acme") <= kQuota; }));
  const auto seqs = Seqs("acme");
  REQUIRE(!seqs.empty());
  CHECK(seqs.size() < 30 * 256);
  CHECK(seqs.rbegin()->first == 30 * 256 - 1);
  CHECK(static_cast<int64_t>(seqs.size()) == 30 * 256 - seqs.begin()->first);
  ExpectRows(2'560, "other");
  Crash();
  CHECK(Eventually([&] { return Seqs("acme").count(0) == 0 && StoredBytes("acme") <= kQuota; }));
}

TEST_CASE_METHOD(RetentionFixture, "over the server's quota the oldest partitions go first") {
  Create("acme", 30);
  for (const int days : {9, 6, 3, 0}) {
    REQUIRE(
        Append(MakeBatch(days * 100'000, 20'000, DaysAgo(days) - base::kNsPerSecond * 100), "acme")
            .ok());
    Seal("acme");
  }
  REQUIRE(engine().store().Flush().ok());
  const uint64_t used = engine().store().stats().disk_bytes;
  const size_t before = Seqs("acme").size();
  engine().set_disk_quota_bytes(used * 3 / 5);
  REQUIRE(Eventually([&] { return engine().store().stats().disk_bytes <= used * 3 / 5; }));
  const auto seqs = Seqs("acme");
  CHECK(seqs.size() < before);
  CHECK(seqs.count(0 * 100'000) == 1);
  CHECK(seqs.count(9 * 100'000) == 0);
  CHECK(metric("neurallog_expired_partitions_total{reason=\"disk_quota\"}") >= 1);
}

TEST_CASE_METHOD(RetentionFixture,
                 "with one partition left the server's quota takes its oldest blocks") {
  const int64_t start_ns = DaysAgo(0) - 10'000 * base::kNsPerSecond;
  for (int i = 0; i < 8; ++i) REQUIRE(Append(MakeNoise(i * 1'000, 1'000, 300, start_ns)).ok());
  Seal("default");
  REQUIRE(engine().store().Flush().ok());
  const uint64_t used = engine().store().stats().disk_bytes;
  engine().set_disk_quota_bytes(used / 2);
  REQUIRE(Eventually([&] { return engine().store().stats().disk_bytes <= used / 2; }));
  const auto seqs = Seqs();
  REQUIRE(!seqs.empty());
  CHECK(seqs.count(0) == 0);
  CHECK(seqs.rbegin()->first == 8 * 1'000 - 1);
  CHECK(seqs.size() > 8 * 1'000 / 4);
}

TEST_CASE_METHOD(RetentionFixture, "the next partitions are made before their time, in one step") {
  Create("short", 7);
  Create("medium", 60);
  for (const char* name : {"short", "medium"}) {
    REQUIRE(Append(MakeBatch(0, 300, engine().clock().WallNs() - base::kNsPerSecond), name).ok());
    Seal(name);
  }
  const size_t before = engine().store().Partitions().size();
  REQUIRE(engine().store().MakeAhead(engine().clock().WallNs() + 8 * kNsPerDay).ok());
  CHECK(engine().store().Partitions().size() == before + 2);
  REQUIRE(engine().store().MakeAhead(engine().clock().WallNs() + 8 * kNsPerDay).ok());
  CHECK(engine().store().Partitions().size() == before + 2);
}

}  // namespace
}  // namespace neurallog::engine
