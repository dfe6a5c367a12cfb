// The product without HTTP: takes batches in durably, keeps them, and shows them to queries, per tenant.
//
//   NL_TRY(auto engine, Engine::Open(options, env));
//   ingest::TenantLog* log = engine->FindTenant("acme");
//   ingest::IngestEvent event{batch, log, ...};
//   if (!engine->TryAppend(&event)) ...;                        // the ring is full: wait and try again, or refuse
//   NL_TRY(auto blocks, engine->Snapshot(log, range));          // holds every batch whose Ack was OK
//   engine->Close();
//
// Data directory: <data_dir>/wal (the write-ahead log) and <data_dir>/store (RocksDB). One process at a time; RocksDB's LOCK sees to it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "auth/api_key.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "ingest/idempotency.h"
#include "ingest/journaler.h"
#include "ingest/sealer.h"
#include "ingest/tenant_log.h"
#include "io/file_system.h"
#include "metrics/registry.h"
#include "neurallog/status.h"
#include "ring/event_processor.h"
#include "storage/store.h"
#include "tenant/registry.h"
#include "wal/writer.h"

namespace neurallog::engine {

struct EngineOptions {
  std::string data_dir = "./data";
  size_t ring_slots = 4096;
  ring::WaitStrategyKind ring_wait = ring::WaitStrategyKind::kPark;
  wal::WriterOptions wal;          // directory is set from data_dir
  bool wal_accept_damage = false;  // otherwise damage in the log makes the engine read-only
  size_t wal_group_bytes_max = 1u << 20;
  // Beyond it rows are sealed and flushed so that segments can go.
  uint64_t wal_retained_bytes_max = 1u << 30;
  ingest::SealerOptions sealer;
  int64_t seal_age_ns =
      30 * base::kNsPerSecond;      // a tenant without writes for this long is sealed ...
  size_t seal_age_rows_min = 1000;  // ... if it has at least this many rows
  storage::StoreOptions store;      // directory is set from data_dir
  size_t directory_bytes_max = 64u << 20;
  int64_t idempotency_window_ns = 600 * base::kNsPerSecond;
  size_t idempotency_keys_max = 1'000'000;
};

// The outside world, so that tests can bring their own.
struct Environment {
  const base::Clock* clock = &base::Clock::System();
  io::FileSystem* file_system = &io::FileSystem::Posix();  // for the write-ahead log
  metrics::Registry* metrics = nullptr;                    // must be given
};

// Thread-safe except Open and Close.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options,
                                              const Environment& environment);
  ~Engine();

  // Drains the ring, seals and flushes everything, and closes in reverse order. What fails is logged; the log still has the rows.
  void Close();

  // --- tenants and keys; durable when they return ---
  Result<tenant::TenantInfo> CreateTenant(std::string_view name);
  // The tenant's rows and keys are unreachable when this returns.
  Status DeleteTenant(std::string_view name);
  const tenant::Registry& tenants() const { return tenants_; }
  Result<auth::NewKey> CreateKey(auth::Role role, std::string_view tenant_name,
                                 std::string_view key_name);
  Status RevokeKey(std::string_view id);
  const auth::KeyRing& keys() const { return keys_; }

  // nullptr when there is no such tenant. The pointer lives as long as the engine.
  ingest::TenantLog* FindTenant(TenantId id) const;
  ingest::TenantLog* FindTenant(std::string_view name) const;

  // --- writing ---
  // Puts the event into the ring and takes it over; false (and the event unchanged) when the ring is full.
  bool TryAppend(ingest::IngestEvent* event);
  // OK, or why nothing can be written now.
  Status WriteStatus() const;
  // Like WriteStatus, and Unavailable while the disk is full. For health checks: writing is tried all the same.
  Status ReadyStatus() const;
  ingest::IdempotencyCache& idempotency() { return idempotency_; }

  // --- reading ---
  Result<std::shared_ptr<const block::BlockSet>> Snapshot(ingest::TenantLog* log,
                                                          const TimeRange& range);

  // 0: keep forever. Takes effect within a second.
  void set_retention_ns(int64_t ns) { retention_ns_.store(ns, std::memory_order_relaxed); }
  int64_t retention_ns() const { return retention_ns_.load(std::memory_order_relaxed); }

  // Not empty: acknowledged rows are damaged in the log, and the server is read-only.
  const std::vector<std::string>& damage() const { return damage_; }
  const base::Clock& clock() const { return *environment_.clock; }

 private:
  Engine(const EngineOptions& options, const Environment& environment);

  Status LoadMeta();
  Status Recover();
  Status ReplayFrame(const wal::FrameInfo& info, std::string_view payload);
  void RegisterGauges();
  ingest::TenantLog* AddTenantLog(const tenant::TenantInfo& info);
  std::vector<ingest::TenantLog*> TenantLogs() const;

  // The keeper thread's work, once a second.
  void KeeperLoop();
  void SealIdleTenants(int64_t now_ns);
  void RelieveMemory();
  void EnforceRetention();
  void BoundDirectories();
  void CheckpointIfNeeded(int64_t now_ns);
  // After a full disk or another background error RocksDB stays stopped until it is told to go on.
  void ResumeStore();
  // Everything before `lsn` is sealed: flush it, remember the idempotency keys, let the segments go.
  Status Checkpoint(uint64_t lsn);
  // What the next recovery may expect of the log: wal::ReplayExpectation.
  Status PutCheckpoint(uint64_t needed_from, uint64_t durable_lsn);
  // The first LSN that some tenant still holds unsealed, or `otherwise`.
  uint64_t FirstUnsealedLsn(uint64_t otherwise) const;

  // Constant after Open.
  const EngineOptions options_;
  const Environment environment_;
  std::unique_ptr<storage::Store> store_;
  ingest::IngestMetrics metrics_;
  std::vector<std::string> damage_;

  tenant::Registry tenants_;
  auth::KeyRing keys_;
  base::Mutex admin_mutex_;  // one change of tenants or keys at a time
  mutable base::Mutex logs_mutex_;
  std::map<TenantId, std::unique_ptr<ingest::TenantLog>> logs_ NL_GUARDED_BY(logs_mutex_);

  ingest::IdempotencyCache idempotency_;
  std::unique_ptr<ingest::Sealer> sealer_;
  std::unique_ptr<ring::RingBuffer<ingest::IngestEvent>> ring_;
  std::unique_ptr<ingest::Journaler> journaler_;
  std::unique_ptr<ring::EventProcessor<ingest::IngestEvent, ingest::Journaler>> committer_;
  std::atomic<bool> closing_{false};
  std::atomic<uint64_t> damaged_headers_{0};
  std::atomic<int64_t> retention_ns_{0};

  // Owned by Recover.
  struct Recovery;
  std::unique_ptr<Recovery> recovery_;

  base::Mutex keeper_mutex_;
  base::CondVar keeper_wake_;
  bool keeper_stop_ NL_GUARDED_BY(keeper_mutex_) = false;
  std::thread keeper_;
  int64_t last_checkpoint_ns_ = 0;  // owned by the keeper thread

  // Rows that are not sealed yet and that snapshots hold as blocks.
  static constexpr size_t kSnapshotBytesMax = 512u << 20;
  std::shared_ptr<std::atomic<size_t>> snapshot_bytes_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace neurallog::engine
