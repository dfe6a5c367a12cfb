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
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actions/options.h"
#include "actions/sink_services.h"
#include "auth/api_key.h"
#include "backup/repository.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/spare_memory.h"
#include "detection/options.h"
#include "engine/compactor.h"
#include "engine/indexer.h"
#include "engine/jobs.h"
#include "engine/memory_guard.h"
#include "engine/retention.h"
#include "engine/saved_queries.h"
#include "ingest/idempotency.h"
#include "ingest/journaler.h"
#include "ingest/sealer.h"
#include "ingest/tenant_log.h"
#include "io/file_system.h"
#include "metrics/registry.h"
#include "neurallog/status.h"
#include "ring/event_processor.h"
#include "storage/store.h"
#include "tail/hub.h"
#include "tenant/registry.h"
#include "wal/range_reader.h"
#include "wal/reader.h"
#include "wal/writer.h"

namespace neurallog::wal {
struct Frame;
}

namespace neurallog::actions {
class Actions;
}

namespace neurallog::detection {
class Detection;
}

namespace neurallog::engine {

struct RecoveredTenant;

struct EngineOptions {
  std::string data_dir = "./data";
  bool read_only = false;  // nothing in the folder is changed; nothing can be appended
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
  // Tails of fewer rows are carried forward when the log must be shortened, at most so many bytes at a time.
  size_t carry_rows_max = 1000;
  size_t carry_bytes_max = 100u << 20;
  CompactorOptions compactor;
  uint64_t memory_limit = 0;  // of the process; 0: none
  size_t snapshot_bytes_max = 512u << 20;  // of unsealed rows that running queries hold
  size_t query_bytes_max = 0;  // what queries may take; decoded columns are kept there meanwhile
  // Closed partitions are rewritten when less has come in for so long.
  double idle_logs_per_second = 10'000;
  int64_t idle_after_ns = 600 * base::kNsPerSecond;
  storage::StoreOptions store;      // directory is set from data_dir
  size_t directory_bytes_max = 64u << 20;
  // Older rows are hidden at once and deleted; 0: kept for ever. Its class decides where rows of tenants without their own retention go;
  // nothing: kept for ever, the class stays as it was.
  std::optional<int64_t> retention_ns;
  RetentionOptions retention;
  JobsOptions jobs;
  tail::Options tail;
  detection::Options detection;
  actions::Options actions;  // key_file is set from data_dir
  actions::SinkOptions sinks;
  // With more than this in the log, the rule stage, when it is behind, does not hold it back any more.
  uint64_t wal_rule_bytes_max = uint64_t{4} << 30;
  int64_t idempotency_window_ns = 600 * base::kNsPerSecond;
  size_t idempotency_keys_max = 1'000'000;
};

// The outside world, so that tests can bring their own.
struct Environment {
  const base::Clock* clock = &base::Clock::System();
  io::FileSystem* file_system = &io::FileSystem::Posix();  // for the write-ahead log
  metrics::Registry* metrics = nullptr;                    // must be given
};

// What to change of a tenant's properties.
struct TenantChange {
  std::optional<std::optional<int64_t>> retention_ns;  // the inner nothing: the server's
  std::optional<uint64_t> disk_quota_bytes;
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
  Result<tenant::TenantInfo> CreateTenant(std::string_view name,
                                          const tenant::TenantProperties& properties = {});
  // What is not given stays as it is.
  Result<tenant::TenantInfo> ChangeTenant(std::string_view name, const TenantChange& change);
  // The tenant's rows and keys are unreachable when this returns; a job takes them off the disk.
  Result<Job> DeleteTenant(std::string_view name, std::string_view key_id = {},
                           std::string_view reason = {});
  // Deletes the rows that match a filter among those acknowledged so far; a job does it. InvalidArgument for a query with pipes.
  Result<Job> DeleteRows(ingest::TenantLog* log, std::string_view query, std::string_view reason,
                         std::string_view key_id);
  Jobs& jobs() { return *jobs_; }
  SavedQueries& saved_queries() { return *saved_queries_; }
  detection::Detection& detection() { return *detection_; }
  actions::Actions& actions() { return *actions_; }
  const tenant::Registry& tenants() const { return tenants_; }
  Result<auth::NewKey> CreateKey(auth::Role role, std::string_view tenant_name,
                                 std::string_view key_name);
  Status RevokeKey(std::string_view id);
  const auth::KeyRing& keys() const { return keys_; }

  // nullptr when there is no such tenant. The pointer lives as long as the engine.
  ingest::TenantLog* FindTenant(TenantId id) const;
  ingest::TenantLog* FindTenant(std::string_view name) const;

  // More memory is used than the limit: nothing should be admitted that is not there yet.
  bool short_of_memory() const { return memory_guard_.short_of_memory(); }

  // --- writing ---
  // Puts the event into the ring and takes it over; false (and the event unchanged) when the ring is full.
  bool TryAppend(ingest::IngestEvent* event);
  // OK, or why nothing can be written now.
  Status WriteStatus() const;
  // Like WriteStatus, and Unavailable while the disk is full. For health checks: writing is tried all the same.
  Status ReadyStatus() const;
  ingest::IdempotencyCache& idempotency() { return idempotency_; }

  // --- reading ---
  // When given, `*position` becomes an LSN: just the tenant's rows up to it are in the snapshot.
  Result<std::shared_ptr<const block::BlockSet>> Snapshot(ingest::TenantLog* log,
                                                          const TimeRange& range,
                                                          uint64_t* position = nullptr);
  // Live tails, ended by Close at the latest.
  tail::Hub& tails() { return *tails_; }
  // An LSN: just the tenant's rows up to it have been put into its buffer.
  uint64_t Position(const ingest::TenantLog& log) const;
  // Reads a tenant's batches out of the log from an LSN on. Unavailable when the server is read-only.
  Result<wal::RangeReader> ReadLog(const ingest::TenantLog& log, uint64_t from) const;

  // Copies everything up to a log position into the repository, while the engine goes on; see engine/backup.cc. Conflict while another
  // backup runs. Blocks the caller for as long as the copy takes.
  Result<backup::Manifest> CreateBackup(backup::Repository* repository,
                                        backup::Progress* progress);

  // For tenants without their own; 0: for ever. Takes effect within a second; the width of partitions follows at the next start.
  void set_retention_ns(int64_t ns);
  int64_t retention_ns() const { return retention_ns_.load(std::memory_order_relaxed); }
  int64_t RetentionOf(const ingest::TenantLog& log) const;
  // Rows before it are expired; the smallest time when nothing expires.
  int64_t ExpiryOf(const ingest::TenantLog& log) const;
  // 0: none.
  void set_disk_quota_bytes(uint64_t bytes) { retention_->set_disk_quota_bytes(bytes); }
  uint64_t disk_quota_bytes() const { return retention_->disk_quota_bytes(); }
  uint64_t wal_bytes() const { return journaler_ ? journaler_->writer().live_bytes() : 0; }

  // --- for Jobs and Retention ---
  std::vector<ingest::TenantLog*> TenantLogs() const;
  storage::Store& store() { return *store_; }
  base::SpareMemory* spare_memory() { return &spare_memory_; }
  // Whether nobody writes for a deleted tenant any more.
  bool IsQuiet(TenantId id) const;
  // Queues the tenant for sealing; true when all rows before the LSN are in blocks.
  bool SealBefore(ingest::TenantLog* log, uint64_t lsn);
  // Writes tenants back whose change of class failed.
  void SettleTenants();

  bool writes() const { return damage_.empty() && !options_.read_only; }
  // Not empty: acknowledged rows are damaged in the log, and the server is read-only.
  const std::vector<std::string>& damage() const { return damage_; }
  // Blocks that could not be read, since the start.
  const storage::DamageRegistry& damaged_blocks() const { return store_->damage(); }
  const base::Clock& clock() const { return *environment_.clock; }

 private:
  Engine(const EngineOptions& options, const Environment& environment);

  Status LoadMeta();
  Status Recover();
  struct Recovery;
  Status ReplayFrame(const wal::Frame& frame);
  Status CheckFrame(const wal::Frame& frame);
  void SettleCarried();
  Status ReadMarkers(const ingest::TenantLog& log, RecoveredTenant* tenant);
  Result<RecoveredTenant*> FindRecovered(const ingest::TenantLog& log);
  storage::LogPosition MarkerAt(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                                uint64_t lsn, int64_t timestamp_ns);
  bool IsWhollyInBlocks(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                        const wal::FrameInfo& info, std::string_view payload);
  ingest::SkippedRows FindSkipped(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                                  uint64_t lsn, const model::RecordBatch& batch);
  void RegisterGauges();
  uint64_t DeliveredLsn() const { return journaler_ ? journaler_->delivered_lsn() : 0; }
  ingest::TenantLog* AddTenantLog(const tenant::TenantInfo& info);
  // Before rows are sealed: from `next_lsn` on the server's class is that of its retention. No row before `oldest_lsn` is needed.
  Status SettleServerClass(uint64_t next_lsn, uint64_t oldest_lsn);
  // Writes a tenant with a change of class while its rows behind the change are held.
  Status WriteClassChange(ingest::TenantLog* log, tenant::TenantInfo* info,
                          std::optional<tenant::RetentionClass> to) NL_REQUIRES(admin_mutex_);

  // The keeper thread's work, once a second.
  void KeeperLoop();
  void SealIdleTenants(int64_t now_ns);
  // The partition of the oldest buffered row gets no new rows but late ones.
  bool PartitionIsOver(const ingest::TenantLog& log,
                       const ingest::TenantLog::Buffered& buffered) const;
  // Seals the largest buffers when all together are large. All rows in them are before `next_lsn`.
  void RelieveMemory(uint64_t next_lsn);
  void MeasureLoad();
  Compactor::Host CompactorHost();
  Indexer::Host IndexerHost();
  void BoundDirectories();
  // Reads directories of the largest tenants on a thread of its own, so that their first queries need not.
  void StartPreload();
  void PreloadDirectories();
  void CheckpointIfNeeded(int64_t now_ns);
  void TrimIdleLog(int64_t now_ns);
  // Has every row before `lsn` sealed, or carried forward when it is one of few.
  void ClearLogBefore(uint64_t lsn, bool may_carry, bool begin_segment);
  // On the closing thread, when all others have ended.
  Status ClearLogAtClose();
  // After a full disk or another background error RocksDB stays stopped until it is told to go on.
  void ResumeStore();
  // Everything before `lsn` is sealed: flush it, remember the idempotency keys, let the segments go.
  Status Checkpoint(uint64_t lsn);
  // The same when it has been flushed.
  Status ReleaseBefore(uint64_t lsn);
  void ReleaseFlushed();
  // What the next recovery may expect of the log: wal::ReplayExpectation.
  Status PutCheckpoint(uint64_t needed_from, uint64_t durable_lsn);
  // The first LSN that some tenant still holds unsealed or that rules have not seen, or `otherwise`.
  uint64_t FirstNeededLsn(uint64_t otherwise) const;
  Status LoadActions();
  Status StartDetection();

  // Where a backup keeps its hard links while it runs.
  std::string BackupFolder() const;
  // Fills `folder` with files that do not change, up to `*durable_lsn`; returns the first LSN that its log may hold.
  Result<uint64_t> HoldStill(const std::string& folder, uint64_t* durable_lsn);

  // Constant after Open.
  const EngineOptions options_;
  const Environment environment_;
  base::SpareMemory spare_memory_;
  std::unique_ptr<storage::Store> store_;
  ingest::IngestMetrics metrics_;
  std::vector<std::string> damage_;

  tenant::Registry tenants_;
  auth::KeyRing keys_;
  tenant::ClassHistory server_classes_;  // constant once rows are sealed
  base::Mutex admin_mutex_;  // one change of tenants or keys at a time
  // Tenants as they were before a change of class of which nobody knows whether it is on the disk; their rows are held.
  std::map<TenantId, tenant::TenantInfo> unsettled_ NL_GUARDED_BY(admin_mutex_);
  mutable base::Mutex logs_mutex_;
  std::map<TenantId, std::unique_ptr<ingest::TenantLog>> logs_ NL_GUARDED_BY(logs_mutex_);

  ingest::IdempotencyCache idempotency_;
  std::unique_ptr<ingest::Sealer> sealer_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<SavedQueries> saved_queries_;
  std::unique_ptr<detection::Detection> detection_;
  std::unique_ptr<actions::SinkServices> sink_services_;  // null: the engine is read-only
  std::unique_ptr<actions::Actions> actions_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Compactor> compactor_;
  MemoryGuard memory_guard_;
  std::unique_ptr<Indexer> indexer_;
  std::unique_ptr<tail::Hub> tails_;
  std::unique_ptr<ring::RingBuffer<ingest::IngestEvent>> ring_;
  std::unique_ptr<ingest::Journaler> journaler_;
  std::unique_ptr<ring::EventProcessor<ingest::IngestEvent, ingest::Journaler>> committer_;
  std::atomic<bool> closing_{false};
  std::atomic<bool> backup_running_{false};
  std::atomic<uint64_t> damaged_headers_{0};
  std::atomic<int64_t> retention_ns_{0};

  // Owned by Recover.
  std::unique_ptr<Recovery> recovery_;

  base::Mutex keeper_mutex_;
  base::CondVar keeper_wake_;
  bool keeper_stop_ NL_GUARDED_BY(keeper_mutex_) = false;
  std::thread keeper_;
  std::thread preloader_;
  int64_t last_checkpoint_ns_ = 0;  // owned by the keeper thread
  uint64_t last_logs_ = 0;          // owned by the keeper thread
  int64_t last_logs_ns_ = 0;        // owned by the keeper thread: when it changed
  int64_t trimmed_at_ns_ = 0;       // owned by the keeper thread: last_logs_ns_ of the last trim
  int64_t trim_again_ns_ = 0;       // owned by the keeper thread: not before it, after a failure
  int64_t quiet_since_ns_ = 0;      // owned by the keeper thread
  // Rows before `lsn` were in blocks when the store stood at `sequence`; 0: no mark. Owned by the keeper thread.
  struct FlushMark {
    uint64_t lsn = 0;
    uint64_t sequence = 0;
  } flush_mark_;
  std::atomic<double> logs_per_second_{0};  // smoothed over about a minute
  std::atomic<int64_t> quiet_ns_{-1};  // how long it has been below idle_logs_per_second; -1: it is not

  // Rows that are not sealed yet and that snapshots hold as blocks.
  std::shared_ptr<std::atomic<size_t>> snapshot_bytes_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace neurallog::engine
