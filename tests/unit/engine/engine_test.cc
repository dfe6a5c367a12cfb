#include "engine/engine.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "engine/admission.h"
#include "io/faulty_file_system.h"
#include "support/batch.h"
#include "support/engine_fixture.h"
#include "support/temp_dir.h"

namespace neurallog::engine {
namespace {

using io::FaultyFileSystem;
using testing::EngineFixture;
using testing::MakeBatch;
using testing::PromiseAck;

constexpr int64_t kStartNs = 1'700'000'000'000'000'000;

TEST_CASE_METHOD(EngineFixture,
                 "an acknowledged batch is in the next snapshot and in every one after a restart") {
  int64_t rows = 0;
  for (const int count : {1, 5, 255, 256, 257, 1000, 3}) {
    REQUIRE(Append(MakeBatch(rows, count)).ok());
    rows += count;
    ExpectRows(rows);
  }
  Reopen();
  ExpectRows(rows);
  REQUIRE(Append(MakeBatch(rows, 10)).ok());
  ExpectRows(rows + 10);
}

TEST_CASE_METHOD(EngineFixture,
                 "rows of one batch may lie in many partitions, and stay there once each") {
  constexpr int64_t kDayNs = 86'400 * base::kNsPerSecond;
  int64_t seq = 0;
  for (int round = 0; round < 40; ++round) {
    model::RecordBatchBuilder builder(0);
    for (int i = 0; i < 50; ++i) {
      builder.BeginRow();
      builder.AddField(builder.NameId("seq"), ValueType::kNumber, std::to_string(seq));
      builder.EndRow(kStartNs - (seq % 90) * 20 * kDayNs);
      ++seq;
    }
    REQUIRE(Append(builder.Finish()).ok());
  }
  ExpectRows(seq);
  Reopen();
  ExpectRows(seq);
  const TimeRange range{kStartNs - 30 * kDayNs, kStartNs + 1};
  CHECK(Seqs("default", range).size() < static_cast<size_t>(seq));
}

TEST_CASE_METHOD(EngineFixture, "log segments go once their rows are in flushed blocks") {
  int64_t rows = 0;
  while (rows < 200'000) {
    REQUIRE(Append(MakeBatch(rows, 2'000)).ok());
    rows += 2'000;
  }
  CHECK(Eventually([&] {
    size_t segments = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path() + "/wal"))
      segments += entry.path().filename().string().starts_with("wal-");
    return segments <= 4;
  }));
  ExpectRows(rows);
  Reopen();
  ExpectRows(rows);
}

TEST_CASE_METHOD(
    EngineFixture,
    "a full disk refuses batches, loses nothing, and takes them again when there is room") {
  REQUIRE(Append(MakeBatch(0, 100)).ok());
  files().set_write_fault(FaultyFileSystem::WriteFault::kNoSpace);
  CHECK(Append(MakeBatch(100, 50)).code() == Code::kUnavailable);
  CHECK(engine().WriteStatus().ok());
  files().set_write_fault(FaultyFileSystem::WriteFault::kNone);
  REQUIRE(Append(MakeBatch(100, 50)).ok());
  ExpectRows(150);
  Reopen();
  ExpectRows(150);
}

TEST_CASE_METHOD(
    EngineFixture,
    "a failed sync stops intake until a restart, and what was acknowledged stays readable") {
  REQUIRE(Append(MakeBatch(0, 100)).ok());
  files().set_sync_fails(true);
  CHECK(Append(MakeBatch(100, 50)).code() == Code::kIoError);
  files().set_sync_fails(false);
  CHECK(Append(MakeBatch(100, 50)).code() == Code::kIoError);
  CHECK(engine().WriteStatus().code() == Code::kUnavailable);
  const auto seqs = Seqs();
  CHECK(seqs.size() == 100);
}

TEST_CASE_METHOD(
    EngineFixture,
    "tenants do not see each other, and a deleted one is gone also under its old name") {
  REQUIRE(engine().CreateTenant("acme").ok());
  CHECK(engine().CreateTenant("acme").status().code() == Code::kConflict);
  CHECK(engine().CreateTenant("no/slash").status().code() == Code::kInvalidArgument);
  REQUIRE(Append(MakeBatch(0, 300), "acme").ok());
  REQUIRE(Append(MakeBatch(5'000, 7)).ok());
  ExpectRows(300, "acme");
  ExpectRows(7);
  const auto key = engine().CreateKey(auth::Role::kRead, "acme", "");
  REQUIRE(key.ok());
  REQUIRE(engine().DeleteTenant("acme").ok());
  CHECK(engine().FindTenant("acme") == nullptr);
  CHECK_FALSE(engine().keys().Find(key->text).has_value());
  REQUIRE(engine().CreateTenant("acme").ok());
  ExpectRows(0, "acme");
  Reopen();
  ExpectRows(0, "acme");
  ExpectRows(7);
}

TEST_CASE_METHOD(EngineFixture, "keys survive a restart until they are revoked") {
  const auto key = engine().CreateKey(auth::Role::kWrite, "default", "shipper");
  REQUIRE(key.ok());
  Reopen();
  const auto found = engine().keys().Find(key->text);
  REQUIRE(found.has_value());
  CHECK(found->role == auth::Role::kWrite);
  CHECK_FALSE(engine().keys().Find(key->text + "x").has_value());
  REQUIRE(engine().RevokeKey(found->id).ok());
  Reopen();
  CHECK(engine().keys().empty());
}

TEST_CASE_METHOD(EngineFixture, "retention drops whole partitions and hides older rows at once") {
  REQUIRE(Append(MakeBatch(0, 600)).ok());
  const int64_t now_ns = engine().clock().WallNs();
  REQUIRE(Append(MakeBatch(10'000, 5, now_ns - 10'000 * base::kNsPerMs)).ok());
  engine().set_retention_ns(7 * base::kNsPerDay);
  CHECK(Eventually([&] { return Seqs().size() < 100; }));
  const auto seqs = Seqs();
  CHECK(seqs.count(10'000) == 1);
}

TEST_CASE_METHOD(
    EngineFixture,
    "damage in the log makes the next start read-only, with every other row readable") {
  for (int i = 0; i < 3; ++i) REQUIRE(Append(MakeBatch(i * 10, 10)).ok());
  // Copies the folder as a crash would leave it, since a clean close would seal the rows.
  const std::unique_ptr<testing::TempDir> copy = Copy();
  std::filesystem::remove(copy->path() + "/store/LOCK");
  for (const auto& entry : std::filesystem::directory_iterator(copy->path() + "/wal")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2 * 4096 + 100);  // inside of the second group
    file.put('\x7f');
  }
  metrics::Registry registry, second_registry;
  Environment environment;
  environment.metrics = &registry;
  EngineOptions hurt = options();
  hurt.data_dir = copy->path();
  auto engine = Engine::Open(hurt, environment);
  REQUIRE(engine.status().ToString() == "ok");
  REQUIRE((*engine)->damage().size() == 1);
  CHECK((*engine)->WriteStatus().code() == Code::kUnavailable);
  auto blocks = (*engine)->Snapshot((*engine)->FindTenant("default"), {});
  REQUIRE(blocks.ok());
  uint32_t rows = 0;
  for (size_t i = 0; i < (*blocks)->size(); ++i) rows += (*blocks)->header(i).rows;
  CHECK(rows == 20);
  blocks = Internal("released");
  (*engine)->Close();

  engine = Internal("closed");
  hurt.wal_accept_damage = true;
  environment.metrics = &second_registry;
  engine = Engine::Open(hurt, environment);
  REQUIRE(engine.status().ToString() == "ok");
  CHECK((*engine)->damage().empty());
  CHECK((*engine)->WriteStatus().ok());
}

TEST_CASE_METHOD(
    EngineFixture,
    "a log that was removed after a clean stop is begun anew, also for a crash after that") {
  REQUIRE(Append(MakeBatch(0, 10)).ok());
  engine().Close();
  std::filesystem::remove_all(path() + "/wal");
  Reopen();
  REQUIRE(Append(MakeBatch(10, 10)).ok());
  ExpectRows(20);
  const std::unique_ptr<testing::TempDir> copy = Copy();
  metrics::Registry registry;
  Environment environment;
  environment.metrics = &registry;
  EngineOptions crashed = options();
  crashed.data_dir = copy->path();
  auto engine = Engine::Open(crashed, environment);
  REQUIRE(engine.status().ToString() == "ok");
  CHECK((*engine)->damage().empty());
  auto blocks = (*engine)->Snapshot((*engine)->FindTenant("default"), {});
  REQUIRE(blocks.ok());
  uint32_t rows = 0;
  for (size_t i = 0; i < (*blocks)->size(); ++i) rows += (*blocks)->header(i).rows;
  CHECK(rows == 20);
}

TEST_CASE_METHOD(EngineFixture,
                 "admission lets requests wait for a full ring and refuses them after their time") {
  Admission admission(&engine());
  std::vector<std::future<Status>> answers;
  int64_t seq = 0;
  for (int i = 0; i < 500; ++i) {
    std::promise<Status> promise;
    answers.push_back(promise.get_future());
    ingest::IngestEvent event;
    event.batch = MakeBatch(seq, 20);
    seq += 20;
    event.tenant = engine().FindTenant("default");
    event.ack = std::make_unique<PromiseAck>(std::move(promise));
    REQUIRE(admission.Submit(&event, /*may_wait=*/true).ok());
  }
  for (auto& answer : answers) CHECK(answer.get().ok());
  ExpectRows(seq);
  CHECK(admission.requests_in_flight() == 0);

  admission.options().requests_in_flight_max = 0;
  ingest::IngestEvent event;
  event.batch = MakeBatch(seq, 1);
  event.tenant = engine().FindTenant("default");
  CHECK(admission.Submit(&event, true).code() == Code::kResourceExhausted);
}

TEST_CASE(
    "idempotency keys are remembered for the window, per tenant, and across Encode and Restore") {
  ingest::IdempotencyCache cache(100, 3);
  const auto a = ingest::IdempotencyCache::Key(static_cast<TenantId>(1), "k");
  const auto b = ingest::IdempotencyCache::Key(static_cast<TenantId>(2), "k");
  CHECK_FALSE(a == b);
  ingest::IdempotencyCache::Answer answer;
  using Outcome = ingest::IdempotencyCache::Outcome;
  CHECK(cache.Begin(a, 0, &answer) == Outcome::kNew);
  CHECK(cache.Begin(a, 1, &answer) == Outcome::kInFlight);
  cache.Abandon(a);
  CHECK(cache.Begin(a, 2, &answer) == Outcome::kNew);
  cache.Finish(a, 3, {10, 1});
  CHECK(cache.Begin(a, 50, &answer) == Outcome::kAnswered);
  CHECK(answer.accepted == 10);
  ingest::IdempotencyCache restored(100, 3);
  restored.Restore(cache.Encode(), 60);
  CHECK(restored.Begin(a, 60, &answer) == Outcome::kAnswered);
  CHECK(cache.Begin(a, 104, &answer) == Outcome::kNew);
}

}  // namespace
}  // namespace neurallog::engine
