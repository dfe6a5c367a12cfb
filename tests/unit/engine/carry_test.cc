// Small tails go forward in the log; small blocks become larger ones. Whatever happens, each row is there once.
#include <catch2/catch.hpp>

#include "support/engine_fixture.h"

namespace neurallog::engine {
namespace {

using testing::EngineFixture;
using testing::MakeBatch;

constexpr int kTenants = 12;

class CarryFixture : public EngineFixture {
 public:
  CarryFixture() {
    options().wal.segment_bytes = 256 << 10;
    Reopen();
    for (int i = 0; i < kTenants; ++i) REQUIRE(engine().CreateTenant(Name(i)).ok());
  }
  static std::string Name(int i) { return "t" + std::to_string(i); }

  void AppendTails(int64_t first, int rows) {
    for (int i = 0; i < kTenants; ++i) REQUIRE(Append(MakeBatch(first, rows), Name(i)).ok());
  }
  void ExpectTails(int64_t rows) {
    for (int i = 0; i < kTenants; ++i) ExpectRows(rows, Name(i));
  }
  // Rows of one large tenant until tails have been carried and segments have gone.
  void GrowLog() {
    const double carried = metric("neurallog_wal_carried_rows_total");
    const auto settled = [&] {
      return metric("neurallog_wal_carried_rows_total") > carried && log_segments() <= 5;
    };
    for (int round = 0; round < 200 && !settled(); ++round) {
      REQUIRE(Append(MakeBatch(large_rows_, 1'000)).ok());
      large_rows_ += 1'000;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    REQUIRE(Eventually(settled));
    ExpectRows(large_rows_);
  }
  int64_t large_rows() const { return large_rows_; }

 private:
  int64_t large_rows_ = 0;
};

TEST_CASE_METHOD(CarryFixture, "small tails leave the end of the log without becoming blocks") {
  AppendTails(0, 5);
  AppendTails(5, 2);
  GrowLog();
  ExpectTails(7);
  CHECK(metric("neurallog_wal_carried_rows_total") >= 7 * kTenants);
  for (int i = 0; i < kTenants; ++i) {
    ingest::TenantLog* const log = engine().FindTenant(Name(i));
    CHECK(log->buffered().rows == 7);
    CHECK(log->small_blocks == 0);
  }
}

TEST_CASE_METHOD(CarryFixture,
                 "carried rows are there once after a crash, also when carried again") {
  AppendTails(0, 5);
  GrowLog();
  Crash();
  ExpectTails(5);
  ExpectRows(large_rows());
  AppendTails(5, 3);
  GrowLog();
  GrowLog();
  Crash();
  ExpectTails(8);
  AppendTails(8, 300);  // sealed
  ExpectTails(308);
  Crash();
  ExpectTails(308);
  Reopen();
  ExpectTails(308);
  ExpectRows(large_rows());
}

TEST_CASE_METHOD(CarryFixture, "a carry that fails leaves the rows where they were") {
  AppendTails(0, 5);
  files().set_write_fault(io::FaultyFileSystem::WriteFault::kNoSpace);
  ingest::IngestEvent event;
  event.carry = std::make_unique<ingest::CarryJob>();
  for (int i = 0; i < kTenants; ++i) event.carry->tenants.push_back(engine().FindTenant(Name(i)));
  event.carry->before = UINT64_MAX;
  std::promise<Status> promise;
  std::future<Status> done = promise.get_future();
  event.ack = std::make_unique<testing::PromiseAck>(std::move(promise));
  REQUIRE(engine().TryAppend(&event));
  CHECK(done.get().code() == Code::kUnavailable);
  ExpectTails(5);
  files().set_write_fault(io::FaultyFileSystem::WriteFault::kNone);
  Crash();
  ExpectTails(5);
  AppendTails(5, 1);
  ExpectTails(6);
}

TEST_CASE_METHOD(CarryFixture, "the tails of many tenants stay in the log when the engine closes") {
  options().carry_rows_max = 100;
  Reopen();
  for (int i = kTenants; i < 70; ++i) REQUIRE(engine().CreateTenant(Name(i)).ok());
  for (int i = 0; i < 70; ++i) REQUIRE(Append(MakeBatch(0, 3), Name(i)).ok());
  REQUIRE(Append(MakeBatch(0, 150)).ok());
  Reopen();
  for (int i = 0; i < 70; ++i) {
    ExpectRows(3, Name(i));
    CHECK(engine().FindTenant(Name(i))->buffered().rows == 3);
  }
  ExpectRows(150);
  CHECK(engine().FindTenant("default")->buffered().rows == 0);
}

TEST_CASE_METHOD(
    CarryFixture,
    "tails that are more than the row buffers may hold are sealed as the log is replayed") {
  AppendTails(0, 200);
  options().sealer.row_buffer_bytes_max = 64 << 10;
  Crash();
  CHECK(metric("neurallog_row_buffer_bytes") <= 64 << 10);
  ExpectTails(200);
}

TEST_CASE_METHOD(CarryFixture, "small blocks of one partition become one, seen once by queries") {
  ingest::TenantLog* const log = engine().FindTenant(Name(0));
  const auto blocks = [&] {
    auto directory = engine().FindTenant(Name(0))->Blocks([](const std::string&) {});
    REQUIRE(directory.ok());
    return (*directory)->size();
  };
  for (int64_t i = 0; i < 20; ++i) {
    REQUIRE(Append(MakeBatch(i * 10, 10), Name(0)).ok());
    log->seal_all_before = UINT64_MAX;
    REQUIRE(Append(MakeBatch(1'000 + i, 1), Name(0)).ok());
    REQUIRE(Eventually([&] { return log->buffered().rows == 0; }));
    log->seal_all_before = 0;
  }
  REQUIRE(Eventually([&] { return blocks() < 8; }));
  CHECK(metric("neurallog_blocks_merged_total") >= 8);
  ExpectRows(220, Name(0));
  Crash();
  ExpectRows(220, Name(0));
  Reopen();
  ExpectRows(220, Name(0));
  CHECK(blocks() < 8);
}

TEST_CASE_METHOD(CarryFixture, "blocks with a column of empty texts are merged") {
  ingest::TenantLog* const log = engine().FindTenant(Name(0));
  log->seal_all_before = UINT64_MAX;
  for (int i = 0; i < 10; ++i) {
    model::RecordBatchBuilder builder(64);
    builder.BeginRow();
    builder.AddField(builder.NameId("seq"), ValueType::kNumber, std::to_string(i));
    builder.AddField(builder.NameId("nothing"), ValueType::kString, "");
    builder.EndRow(1'700'000'000'000'000'000 + i);
    REQUIRE(Append(builder.Finish(), Name(0)).ok());
    REQUIRE(Eventually([&] { return log->buffered().rows == 0; }));
  }
  REQUIRE(Eventually([&] { return metric("neurallog_blocks_merged_total") >= 8; }));
  ExpectRows(10, Name(0));
}

TEST_CASE_METHOD(CarryFixture, "blocks of a closed partition become few large ones when idle") {
  options().idle_logs_per_second = 1e9;
  options().idle_after_ns = 0;
  options().compactor.warm.rows_max = 2'000;
  Reopen();
  for (int64_t i = 0; i < 10; ++i) REQUIRE(Append(MakeBatch(i * 500, 500)).ok());
  const auto largest = [&] {
    auto directory = engine().FindTenant("default")->Blocks([](const std::string&) {});
    REQUIRE(directory.ok());
    uint32_t rows = 0;
    size_t cold = 0;
    (*directory)->ForEach([&](const storage::BlockEntry& entry) {
      rows = std::max(rows, entry.header->rows);
      cold += !IsWarm(entry.id);
    });
    return cold == 0 ? rows : 0;
  };
  REQUIRE(Eventually([&] { return largest() >= 1'500; }));
  ExpectRows(5'000);
  Crash();
  ExpectRows(5'000);
  Reopen();
  ExpectRows(5'000);
}

}  // namespace
}  // namespace neurallog::engine
