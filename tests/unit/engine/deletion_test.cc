// Deletions by query and of tenants: what is gone, what stays, over crashes, and that the bytes go.
#include <catch2/catch.hpp>

#include "support/engine_fixture.h"

namespace neurallog::engine {
namespace {

using testing::EngineFixture;
using testing::MakeBatch;

class DeletionFixture : public EngineFixture {
 public:
  DeletionFixture() {
    options().jobs.tick = std::chrono::milliseconds(10);
    Reopen();
  }
  Job Delete(std::string_view query, std::string_view tenant = "default") {
    auto job = engine().DeleteRows(engine().FindTenant(tenant), query, "because", "key1");
    REQUIRE(job.status().ToString() == "ok");
    return *job;
  }
  Job Await(const Job& job) {
    REQUIRE(Eventually([&] { return engine().jobs().Find(job.id)->finished(); }));
    return *engine().jobs().Find(job.id);
  }
  void Seal(std::string_view name) {
    ingest::TenantLog* log = engine().FindTenant(name);
    REQUIRE(Eventually([&] { return engine().SealBefore(log, UINT64_MAX); }));
  }
  uint64_t FolderBytes() const {
    uint64_t bytes = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path() + "/store", ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".sst") || name.ends_with(".blob")) bytes += entry.file_size(ignored);
    }
    return bytes;
  }
};

TEST_CASE_METHOD(
    DeletionFixture,
    "a deletion takes the rows that match and were acknowledged before it, no others") {
  REQUIRE(Append(MakeBatch(0, 1'000)).ok());
  REQUIRE(engine().CreateTenant("acme").ok());
  REQUIRE(Append(MakeBatch(0, 1'000), "acme").ok());
  const Job asked = Delete("seq:<300");
  REQUIRE(Append(MakeBatch(0, 50, 1'800'000'000'000'000'000)).ok());
  const Job job = Await(asked);
  CHECK(job.state == JobState::kDone);
  CHECK(job.error == "");
  CHECK(job.rows == 300);
  const auto seqs = Seqs();
  CHECK(seqs.size() == 750);
  for (const auto& [seq, times] : seqs) CHECK(times == 1);
  CHECK(seqs.count(49) == 1);
  CHECK(seqs.count(50) == 0);
  CHECK(seqs.count(299) == 0);
  CHECK(seqs.count(300) == 1);
  ExpectRows(1'000, "acme");
  Crash();
  CHECK(Seqs() == seqs);
  Reopen();
  CHECK(Seqs() == seqs);
}

TEST_CASE_METHOD(DeletionFixture,
                 "deletions add up, and one that finds nothing new counts nothing") {
  REQUIRE(Append(MakeBatch(0, 2'000)).ok());
  CHECK(Await(Delete("seq:<100")).rows == 100);
  CHECK(Await(Delete("seq:<150")).rows == 50);
  CHECK(Await(Delete("seq:<150")).rows == 0);
  CHECK(Await(Delete("seq:>=1900")).rows == 100);
  CHECK(Seqs().size() == 1'750);
  CHECK(Await(Delete("*")).rows == 1'750);
  CHECK(Seqs().empty());
  Crash();
  CHECK(Seqs().empty());
  REQUIRE(Append(MakeBatch(0, 5)).ok());
  ExpectRows(5);
}

TEST_CASE_METHOD(DeletionFixture,
                 "a deletion that a crash interrupts is finished after it, with the right count") {
  REQUIRE(Append(MakeBatch(0, 20'000)).ok());
  for (int round = 0; round < 5; ++round) {
    const Job asked = Delete("seq:<" + std::to_string((round + 1) * 3'000));
    REQUIRE(Append(MakeBatch(100'000 + round * 10, 10)).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(round * 4));
    Crash();
    const Job job = Await(asked);
    CHECK(job.state == JobState::kDone);
    CHECK(job.rows == 3'000);
    const auto seqs = Seqs();
    CHECK(seqs.size() == 20'000u - (static_cast<size_t>(round) + 1) * 3'000 +
                             (static_cast<size_t>(round) + 1) * 10);
    for (const auto& [seq, times] : seqs) REQUIRE(times == 1);
  }
}

TEST_CASE_METHOD(DeletionFixture,
                 "a deletion takes a filter only, a bounded reason, and a bounded number of jobs") {
  ingest::TenantLog* log = engine().FindTenant("default");
  const auto code = [&](std::string_view query, std::string_view reason) {
    return engine().DeleteRows(log, query, reason, "").status().code();
  };
  CHECK(code("* | limit 5", "") == Code::kInvalidArgument);
  CHECK(code("level:", "") == Code::kInvalidArgument);
  CHECK(code("user:in(* | fields user)", "") == Code::kInvalidArgument);
  CHECK(code("options(time_offset=1d) *", "") == Code::kInvalidArgument);
  CHECK(code("*", std::string(1'001, 'x')) == Code::kInvalidArgument);
  CHECK(engine().jobs().List(0, 10, std::nullopt).empty());
  engine().jobs().Stop();
  for (size_t i = 0; i < options().jobs.per_tenant_max; ++i)
    CHECK(code("nothing", "") == Code::kOk);
  CHECK(code("nothing", "") == Code::kResourceExhausted);
}

TEST_CASE_METHOD(DeletionFixture,
                 "audit records stay, newest first, and the oldest go at the bound") {
  options().jobs.records_max = 5;
  Reopen();
  for (int i = 0; i < 8; ++i) Await(Delete("seq:=" + std::to_string(i)));
  const auto check = [&] {
    const std::vector<Job> jobs = engine().jobs().List(0, 100, std::nullopt);
    REQUIRE(jobs.size() == 5);
    CHECK(jobs.front().id == 8);
    CHECK(jobs.front().query == "seq:=7");
    CHECK(jobs.front().reason == "because");
    CHECK(jobs.front().key_id == "key1");
    CHECK(jobs.back().id == 4);
    CHECK_FALSE(engine().jobs().Find(3).has_value());
    CHECK(engine().jobs().List(6, 1, std::nullopt).front().id == 5);
    CHECK(engine().jobs().List(0, 10, static_cast<TenantId>(99)).empty());
  };
  check();
  Crash();
  check();
}

TEST_CASE_METHOD(
    DeletionFixture,
    "a damaged bitmap of deleted rows hides its block, so that they do not come back") {
  REQUIRE(Append(MakeBatch(0, 256)).ok());
  REQUIRE(Append(MakeBatch(256, 256)).ok());
  Await(Delete("seq:<10"));
  ingest::TenantLog* log = engine().FindTenant("default");
  auto directory = log->Blocks([](const std::string&) {});
  REQUIRE(directory.ok());
  (*directory)->ForEach([&](const storage::BlockEntry& entry) {
    if (!entry.deleted) return;
    storage::Change change(entry.partition, log->keyspace());
    storage::DeletedRows short_bitmap(1);
    change.PutDeletedRows(entry.id, short_bitmap);
    REQUIRE(engine().store().Apply(&change).ok());
  });
  log->UnloadDirectory();
  size_t damage = 0;
  auto reloaded = log->Blocks([&](const std::string&) { ++damage; });
  REQUIRE(reloaded.ok());
  CHECK(damage == 1);
  CHECK((*reloaded)->totals().rows == 256);
}

TEST_CASE_METHOD(DeletionFixture, "a deleted tenant's bytes leave the disk, and the others' stay") {
  REQUIRE(engine().CreateTenant("acme").ok());
  const int64_t start_ns = engine().clock().WallNs() - 100'000 * base::kNsPerMs;
  for (int i = 0; i < 40; ++i)
    for (const char* tenant : {"acme", "default"})
      REQUIRE(Append(testing::MakeNoise(i * 256, 256, 400, start_ns), tenant).ok());
  Seal("acme");
  Seal("default");
  REQUIRE(engine().store().Flush().ok());
  const uint64_t before = FolderBytes();
  REQUIRE(before > 4u << 20);
  auto view = engine().store().TakeView();  // a query that runs meanwhile
  const auto asked = engine().DeleteTenant("acme", "key9", "left us");
  REQUIRE(asked.ok());
  CHECK(engine().FindTenant("acme") == nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK_FALSE(engine().jobs().Find(asked->id)->finished());
  view.reset();
  const Job job = Await(*asked);
  CHECK(job.state == JobState::kDone);
  CHECK(job.bytes_after < job.bytes_before * 6 / 10);
  CHECK(job.tenant_name == "acme");
  CHECK(Eventually([&] { return FolderBytes() < before * 6 / 10; }));
  ExpectRows(40 * 256);
  Crash();
  ExpectRows(40 * 256);
  CHECK(FolderBytes() < before * 6 / 10);
}

TEST_CASE_METHOD(DeletionFixture, "a tenant's deletion that a crash interrupts goes on after it") {
  REQUIRE(engine().CreateTenant("acme").ok());
  REQUIRE(Append(MakeBatch(0, 30'000), "acme").ok());
  Seal("acme");
  REQUIRE(engine().store().Flush().ok());
  const auto tenant = engine().tenants().Find("acme")->id;
  engine().jobs().Stop();
  const auto asked = engine().DeleteTenant("acme");
  REQUIRE(asked.ok());
  Crash();
  CHECK(engine().FindTenant("acme") == nullptr);
  CHECK(Await(*asked).state == JobState::kDone);
  for (const auto& partition : engine().store().Partitions()) {
    const auto holds = engine().store().HasTenant(*partition, storage::Keyspace(tenant, 0));
    REQUIRE(holds.ok());
    CHECK_FALSE(*holds);
  }
}

TEST_CASE_METHOD(DeletionFixture, "a merge that began before a deletion does not bring rows back") {
  REQUIRE(Append(MakeBatch(0, 256)).ok());
  REQUIRE(Append(MakeBatch(256, 256)).ok());
  Seal("default");
  ingest::TenantLog* log = engine().FindTenant("default");
  auto before = log->Blocks([](const std::string&) {});
  REQUIRE(before.ok());
  std::vector<storage::BlockEntry> seen;
  (*before)->ForEach([&](const storage::BlockEntry& entry) { seen.push_back(entry); });
  Await(Delete("seq:<10"));
  storage::Change change(seen.front().partition, log->keyspace());
  std::vector<storage::BlockId> removed;
  for (const auto& entry : seen) {
    change.RemoveBlock(entry);
    removed.push_back(entry.id);
  }
  CHECK(log->Rewrite(&change, removed, {}).code() == Code::kConflict);
  CHECK(Seqs().size() == 502);
}

}  // namespace
}  // namespace neurallog::engine
