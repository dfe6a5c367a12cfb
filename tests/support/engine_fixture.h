// An engine in a folder of its own, over files that can be made to fail.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "engine/engine.h"
#include "io/faulty_file_system.h"
#include "support/batch.h"
#include "support/temp_dir.h"

namespace neurallog::testing {

class PromiseAck : public ingest::Ack {
 public:
  explicit PromiseAck(std::promise<Status> promise) : promise_(std::move(promise)) {}
  void Done(const Status& status) override { promise_.set_value(status); }

 private:
  std::promise<Status> promise_;
};

class EngineFixture {
 public:
  EngineFixture() {
    options_.data_dir = dir_->path();
    options_.wal.segment_bytes = 1 << 20;
    options_.wal_retained_bytes_max = 2 << 20;
    options_.sealer.block_rows = 256;
    options_.ring_slots = 64;
    options_.idle_logs_per_second = 0;  // no warm rewrite, because the rows of MakeBatch are old
    Open();
  }

  void Open() {
    registry_ = std::make_unique<metrics::Registry>();
    engine::Environment environment;
    environment.metrics = registry_.get();
    environment.file_system = &files_;
    auto engine = engine::Engine::Open(options_, environment);
    REQUIRE(engine.status().ToString() == "ok");
    engine_ = std::move(engine).value();
  }
  void Reopen() {
    engine_->Close();
    engine_.reset();
    Open();
  }
  // What is on the disk now, of one moment. No appends may be under way.
  std::unique_ptr<TempDir> Copy() {
    std::unique_ptr<TempDir> copy;
    REQUIRE(Eventually([&] {
      copy = std::make_unique<TempDir>();
      std::error_code vanished;  // a file that went away meanwhile
      const auto before = Files();
      std::filesystem::copy(path(), copy->path(), std::filesystem::copy_options::recursive,
                            vanished);
      return !vanished && Files() == before;
    }));
    return copy;
  }
  // Goes on with what is on the disk now, as if the process had been killed.
  void Crash() {
    std::unique_ptr<TempDir> copy = Copy();
    engine_->Close();
    engine_.reset();
    dir_ = std::move(copy);
    options_.data_dir = dir_->path();
    Open();
  }

  Status Append(std::shared_ptr<const model::RecordBatch> batch,
                std::string_view tenant = "default") {
    std::promise<Status> promise;
    std::future<Status> done = promise.get_future();
    ingest::IngestEvent event;
    event.batch = std::move(batch);
    event.tenant = engine_->FindTenant(tenant);
    REQUIRE(event.tenant != nullptr);
    event.ack = std::make_unique<PromiseAck>(std::move(promise));
    while (!engine_->TryAppend(&event)) std::this_thread::yield();
    return done.get();
  }

  // seq -> how often it is there, over sealed blocks and buffered rows.
  std::map<int64_t, int> Seqs(std::string_view tenant = "default", const TimeRange& range = {}) {
    std::map<int64_t, int> seqs;
    ingest::TenantLog* log = engine_->FindTenant(tenant);
    REQUIRE(log != nullptr);
    auto blocks = engine_->Snapshot(log, range);
    REQUIRE(blocks.ok());
    for (size_t i = 0; i < (*blocks)->size(); ++i) {
      const auto view = (*blocks)->Open(i);
      const int index = view->header().FindColumn("seq");
      if (index < 0) continue;
      auto column = view->GetColumn(static_cast<size_t>(index));
      REQUIRE(column.ok());
      char scratch[32];
      const auto deleted = view->deleted();
      for (uint32_t row = 0; row < view->header().rows; ++row)
        if (deleted.empty() || (deleted[row / 64] >> (row % 64) & 1) == 0)
          ++seqs[std::stoll(std::string((*column)->TextAt(row, scratch)))];
    }
    return seqs;
  }
  void ExpectRows(int64_t count, std::string_view tenant = "default") {
    const auto seqs = Seqs(tenant);
    REQUIRE(seqs.size() == static_cast<size_t>(count));
    const bool is_each_once =  // one check, not one for each of some hundred thousand rows
        std::all_of(seqs.begin(), seqs.end(), [](const auto& seq) { return seq.second == 1; });
    REQUIRE(is_each_once);
  }
  template <typename Condition>
  static bool Eventually(const Condition& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  engine::Engine& engine() { return *engine_; }
  io::FaultyFileSystem& files() { return files_; }
  engine::EngineOptions& options() { return options_; }
  double metric(std::string_view name) const {
    const std::string text = registry_->WriteText();
    const size_t at = text.find("\n" + std::string(name) + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }
  size_t log_segments() const {
    size_t segments = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path() + "/wal"))
      segments += entry.path().filename().string().starts_with("wal-");
    return segments;
  }
  // All files with their sizes.
  std::map<std::string, uintmax_t> Files() const {
    std::map<std::string, uintmax_t> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path())) {
      std::error_code vanished;
      files[entry.path().string()] = entry.is_regular_file() ? entry.file_size(vanished) : 0;
    }
    return files;
  }
  std::string path() const { return dir_->path(); }

 private:
  std::unique_ptr<TempDir> dir_ = std::make_unique<TempDir>();
  io::FaultyFileSystem files_{&io::FileSystem::Posix()};
  engine::EngineOptions options_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace neurallog::testing
