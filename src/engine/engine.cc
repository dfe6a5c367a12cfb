#include "engine/engine.h"

#include <algorithm>
#include <filesystem>

#include "actions/actions.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/thread.h"
#include "detection/detection.h"
#include "engine/append_record.h"
#include "engine/meta_keys.h"
#include "engine/doctor.h"
#include "engine/recovery.h"
#include "storage/column_cache.h"

namespace neurallog::engine {
namespace {

// A folder that was restored or repaired in part would look like one that lost data.
Status CheckWhole(const std::string& data_dir) {
  if (std::filesystem::exists(data_dir + "/" + backup::kRestoreMark))
    return Conflict(data_dir +
                    " holds a restore that did not end; remove the folder and restore again");
  if (std::filesystem::exists(data_dir + "/" + Doctor::kRepairMark))
    return Conflict(data_dir + " holds a repair that did not end; run neurallog doctor --repair");
  return {};
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Environment& environment)
    : options_(options),
      environment_(environment),
      spare_memory_(options.sealer.row_buffer_bytes_max + options.query_bytes_max +
                    options.detection.queue_bytes_max + options.detection.state_bytes_max),
      metrics_(environment.metrics),
      idempotency_(options.idempotency_window_ns, options.idempotency_keys_max),
      memory_guard_(options.memory_limit) {}

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options,
                                             const Environment& environment) {
  std::unique_ptr<Engine> engine(new Engine(options, environment));
  NL_RETURN_IF_ERROR(CheckWhole(options.data_dir));
  storage::StoreOptions store_options = options.store;
  store_options.directory = options.data_dir + "/store";
  store_options.read_only = options.read_only;
  store_options.spare_memory = engine->spare_memory();
  NL_TRY(engine->store_, storage::Store::Open(store_options, environment.clock));
  std::error_code ignored;
  if (!options.read_only)
    std::filesystem::remove_all(engine->BackupFolder(), ignored);  // of a backup that a crash ended
  engine->retention_ns_ = options.retention_ns.value_or(0);
  engine->saved_queries_ =
      std::make_unique<SavedQueries>(engine->store_.get(), environment.clock);
  detection::Options detection = options.detection;
  detection.spare_memory = engine->spare_memory();
  engine->detection_ = std::make_unique<detection::Detection>(
      detection, engine->store_.get(), environment.clock, environment.metrics);
  NL_RETURN_IF_ERROR(engine->LoadActions());
  engine->jobs_ = std::make_unique<Jobs>(options.jobs, engine.get(), engine->store_.get(),
                                         environment.clock, environment.metrics);
  engine->retention_ =
      std::make_unique<Retention>(options.retention, engine.get(), engine->store_.get(),
                                  environment.clock, environment.metrics);
  engine->tails_ =
      std::make_unique<tail::Hub>(options.tail, environment.clock, environment.metrics);
  NL_RETURN_IF_ERROR(engine->LoadMeta());
  ingest::SealerOptions sealer = options.sealer;
  sealer.spare_memory = engine->spare_memory();
  engine->sealer_ = std::make_unique<ingest::Sealer>(sealer, engine->store_.get(),
                                                     environment.clock, &engine->metrics_);
  NL_RETURN_IF_ERROR(engine->Recover());
  engine->RegisterGauges();
  if (engine->writes()) {
    NL_RETURN_IF_ERROR(engine->StartDetection());
    engine->committer_->Start("nl-committer");
    engine->keeper_ = base::StartThread("nl-keeper", [self = engine.get()] { self->KeeperLoop(); });
    engine->retention_->Start();
    engine->jobs_->Start();
    engine->compactor_ =
        std::make_unique<Compactor>(options.compactor, engine->store_.get(), environment.clock,
                                    environment.metrics, engine->CompactorHost());
    engine->compactor_->Start();
    engine->indexer_ = std::make_unique<Indexer>(engine->store_.get(), environment.clock,
                                                 engine->IndexerHost());
    engine->indexer_->Start();
    engine->StartPreload();
  }
  return engine;
}

// Of a server that is read-only nobody is told anything, and no key of secrets is made.
Status Engine::LoadActions() {
  actions::Options options = options_.actions;
  if (!options_.read_only) {
    options.key_file = options_.data_dir + "/actions.key";
    const auto append = [this](TenantId tenant, std::string_view request, std::string_view json) {
      return AppendRecord(this, tenant, request, json);
    };
    NL_TRY(sink_services_, actions::SinkServices::Start(options_.sinks, append));
  }
  actions_ = std::make_unique<actions::Actions>(
      options, store_.get(), environment_.clock, environment_.metrics,
      sink_services_ ? sink_services_->host() : nullptr);
  return options_.read_only ? Status() : actions_->Load();
}

Status Engine::StartDetection() {
  NL_RETURN_IF_ERROR(actions_->Start(&detection_->matches(), [this](TenantId id) {
    const ingest::TenantLog* const log = FindTenant(id);
    return log != nullptr ? log->name() : std::string();
  }));
  NL_RETURN_IF_ERROR(detection_->Load().status());
  detection::Host host;
  host.set_published = [this](TenantId id, bool is_published) {
    if (ingest::TenantLog* log = FindTenant(id)) log->has_rules.store(is_published);
  };
  host.stage.delivered_lsn = [this] { return journaler_->delivered_lsn(); };
  host.stage.durable_lsn = [this] { return journaler_->writer().durable_lsn(); };
  host.stage.read_log = [this](wal::RangeReader::Wants wants, uint64_t from) {
    return wal::RangeReader(environment_.file_system, &journaler_->writer(), std::move(wants),
                            from);
  };
  host.stage.expiry_ns = [this](TenantId id) {
    const ingest::TenantLog* const log = FindTenant(id);
    return log != nullptr ? ExpiryOf(*log) : INT64_MIN;
  };
  host.stage.follower = actions_->follower();
  return detection_->Start(std::move(host));
}

Engine::~Engine() { Close(); }

void Engine::Close() {
  if (closing_.exchange(true) || !sealer_) return;
  {
    base::MutexLock lock(keeper_mutex_);
    keeper_stop_ = true;
  }
  keeper_wake_.NotifyAll();
  if (keeper_.joinable()) keeper_.join();
  if (preloader_.joinable()) preloader_.join();
  if (indexer_) indexer_->Stop();
  if (compactor_) compactor_->Stop();
  jobs_->Stop();
  retention_->Stop();
  tails_->Stop();
  sealer_->Abandon();
  if (committer_) committer_->Stop();
  detection_->Stop();
  actions_->Stop();
  sealer_->Stop();
  if (!journaler_ || !damage_.empty()) return;
  const Status status = ClearLogAtClose();
  if (!status.ok())
    base::LogWarn("not everything was sealed at shutdown; the log is replayed at the next start",
                  {{"error", status.ToString()}});
}

Status Engine::LoadMeta() {
  Status status;
  NL_RETURN_IF_ERROR(store_->ScanMeta(kTenantPrefix, [&](std::string_view, std::string_view value) {
    auto info = tenant::DecodeTenant(value);
    if (!info.ok()) {
      status = info.status();
      return;
    }
    tenants_.Add(*info);
    AddTenantLog(*info);
  }));
  NL_RETURN_IF_ERROR(store_->ScanMeta(kKeyPrefix, [&](std::string_view, std::string_view value) {
    auto key = auth::DecodeKey(value);
    key.ok() ? keys_.Add(*key) : static_cast<void>(status = key.status());
  }));
  NL_RETURN_IF_ERROR(status);
  if (auto stored = store_->GetMeta(kServerClassesKey); stored.ok()) {
    std::string_view bytes = *stored;
    NL_TRY(server_classes_, tenant::ClassHistory::Decode(&bytes));
  }
  if (auto next = store_->GetMeta(kNextTenantKey); next.ok() && next->size() == 4)
    tenants_.ReserveBelow(base::LoadLe<uint32_t>(next->data()));
  if (options_.read_only) return {};
  if (!tenants_.Find(tenant::kDefaultTenant) && tenants_.next_number() == 1)
    NL_RETURN_IF_ERROR(CreateTenant(tenant::kDefaultTenant).status());
  return jobs_->Load();
}

ingest::TenantLog* Engine::AddTenantLog(const tenant::TenantInfo& info) {
  base::MutexLock lock(logs_mutex_);
  auto& log = logs_[info.id];
  log = std::make_unique<ingest::TenantLog>(info.id, info.name, store_.get(), &server_classes_);
  log->set_properties(info.properties);
  log->set_classes(info.classes);
  return log.get();
}

std::vector<ingest::TenantLog*> Engine::TenantLogs() const {
  base::MutexLock lock(logs_mutex_);
  std::vector<ingest::TenantLog*> logs;
  logs.reserve(logs_.size());
  for (const auto& [id, log] : logs_) logs.push_back(log.get());
  return logs;
}

Result<auth::NewKey> Engine::CreateKey(auth::Role role, std::string_view tenant_name,
                                       std::string_view key_name) {
  base::MutexLock lock(admin_mutex_);
  TenantId tenant{};
  if (role != auth::Role::kAdmin) {
    const auto info = tenants_.Find(tenant_name);
    if (!info) return NotFound("tenant " + std::string(tenant_name) + " does not exist");
    tenant = info->id;
  } else if (!tenant_name.empty()) {
    return InvalidArgument("an admin key belongs to no tenant, got tenant " +
                           std::string(tenant_name));
  }
  if (keys_.List().size() >= auth::kKeysMax)
    return ResourceExhausted("there are 1000000 keys, which is the maximum");
  NL_TRY(auth::NewKey made,
         auth::GenerateKey(role, tenant, key_name, environment_.clock->WallNs()));
  NL_RETURN_IF_ERROR(store_->PutMeta(KeyMetaKey(made.key.id), auth::EncodeKey(made.key)));
  keys_.Add(made.key);
  return made;
}

Status Engine::RevokeKey(std::string_view id) {
  base::MutexLock lock(admin_mutex_);
  if (!keys_.FindById(id)) return NotFound("key " + std::string(id) + " does not exist");
  NL_RETURN_IF_ERROR(store_->DeleteMeta(KeyMetaKey(id)));
  keys_.Remove(id);
  return {};
}

ingest::TenantLog* Engine::FindTenant(TenantId id) const {
  base::MutexLock lock(logs_mutex_);
  const auto found = logs_.find(id);
  return found == logs_.end() || found->second->deleted() ? nullptr : found->second.get();
}

ingest::TenantLog* Engine::FindTenant(std::string_view name) const {
  const auto info = tenants_.Find(name);
  return info ? FindTenant(info->id) : nullptr;
}

bool Engine::TryAppend(ingest::IngestEvent* event) {
  int64_t sequence;
  if (!ring_->TryClaim(&sequence)) return false;
  (*ring_)[sequence] = std::move(*event);
  ring_->Publish(sequence);
  return true;
}

Status Engine::WriteStatus() const {
  if (!damage_.empty()) return Unavailable("the server is read-only: " + damage_.front());
  if (options_.read_only) return Unavailable("the data folder is opened to be read only");
  if (closing_.load(std::memory_order_relaxed)) return Unavailable("the server is shutting down");
  if (journaler_->failed())
    return Unavailable("the write-ahead log is broken; the server must be restarted");
  return {};
}

Status Engine::ReadyStatus() const {
  NL_RETURN_IF_ERROR(WriteStatus());
  if (journaler_->disk_full()) return Unavailable("the disk is full");
  return {};
}

Result<std::shared_ptr<const block::BlockSet>> Engine::Snapshot(ingest::TenantLog* log,
                                                                const TimeRange& range,
                                                                uint64_t* position) {
  TimeRange kept = range;
  kept.start_ns = std::max(kept.start_ns, ExpiryOf(*log));
  const size_t held_bytes = snapshot_bytes_->load(std::memory_order_relaxed);
  if (held_bytes > 0 && held_bytes + log->buffered().bytes > options_.snapshot_bytes_max)
    return ResourceExhausted(std::to_string(held_bytes) +
                             " bytes of rows that are not sealed yet are held by running queries");
  const uint64_t delivered = DeliveredLsn();
  NL_TRY(std::shared_ptr<const block::BlockSet> blocks,
         log->Snapshot(
             kept, environment_.clock->MonotonicNs(),
             [&](const std::string&) { damaged_headers_.fetch_add(1, std::memory_order_relaxed); },
             snapshot_bytes_, position));
  if (position != nullptr) *position = std::max(*position, delivered);
  return blocks;
}

// Read before the tenant's own: of what comes between the two, every row is in both or in none.
uint64_t Engine::Position(const ingest::TenantLog& log) const {
  const uint64_t delivered = DeliveredLsn();
  return std::max(delivered, log.last_append_lsn());
}

Result<wal::RangeReader> Engine::ReadLog(const ingest::TenantLog& log, uint64_t from) const {
  if (!journaler_) return Unavailable("the write-ahead log is damaged and cannot be read on");
  return wal::RangeReader(
      environment_.file_system, &journaler_->writer(),
      [wanted = log.id()](TenantId id) { return id == wanted; }, from);
}

void Engine::RegisterGauges() {
  metrics::Registry& registry = *environment_.metrics;
  registry.AddGauge("neurallog_ring_occupancy", "Batches between the producers and the committer.",
                    [this] { return ring_ ? static_cast<double>(ring_->occupancy()) : 0; });
  registry.AddGauge("neurallog_ring_slots", "Size of the ring.",
                    [this] { return static_cast<double>(options_.ring_slots); });
  registry.AddGauge("neurallog_row_buffer_bytes", "Rows that are in the log and not yet in blocks.",
                    [this] { return static_cast<double>(sealer_->buffered_bytes()); });
  const auto pool = [&](const std::string& name, std::function<double()> read) {
    registry.AddGauge("neurallog_memory_bytes", "Memory held, by what for.", std::move(read),
                      metrics::Label("pool", name));
  };
  pool("row_buffers", [this] { return static_cast<double>(sealer_->buffered_bytes()); });
  pool("memtables", [this] { return static_cast<double>(store_->stats().memtable_bytes); });
  pool("block_cache", [this] { return static_cast<double>(store_->stats().block_cache_bytes); });
  pool("index_cache",
       [this] { return static_cast<double>(store_->token_index().stats().cache_bytes); });
  pool("column_cache", [this] { return static_cast<double>(store_->columns().bytes()); });
  pool("directories", [this] {
    size_t bytes = 0;
    for (const ingest::TenantLog* log : TenantLogs()) bytes += log->directory_bytes();
    return static_cast<double>(bytes);
  });
  pool("snapshots",
       [bytes = snapshot_bytes_] { return static_cast<double>(bytes->load()); });
  registry.AddGauge("neurallog_memory_limit_bytes", "The limit on the process.",
                    [this] { return static_cast<double>(memory_guard_.limit()); });
  registry.AddGauge("neurallog_memory_short", "1 while more is used and intake waits.",
                    [this] { return memory_guard_.short_of_memory() ? 1.0 : 0.0; });
  registry.AddGauge("neurallog_wal_size_bytes", "Write-ahead log segments in use.", [this] {
    return journaler_ ? static_cast<double>(journaler_->writer().live_bytes()) : 0;
  });
  registry.AddGauge("neurallog_rule_stage_lag_batches",
                    "Batches of all tenants that the rule stage has not passed yet.", [this] {
                      const uint64_t delivered = DeliveredLsn(), passed = detection_->passed_lsn();
                      return static_cast<double>(delivered - std::min(delivered, passed));
                    });
  registry.AddGauge("neurallog_tenants", "Tenants.",
                    [this] { return static_cast<double>(tenants_.List().size()); });
  registry.AddGauge("neurallog_read_only", "1 when damage was found in the log at the start.",
                    [this] { return damage_.empty() ? 0.0 : 1.0; });
  registry.AddGauge("neurallog_partitions", "Time partitions.",
                    [this] { return static_cast<double>(store_->stats().partitions); });
  registry.AddGauge("neurallog_memtable_bytes", "Blocks in memory that are not flushed.",
                    [this] { return static_cast<double>(store_->stats().memtable_bytes); });
  registry.AddGauge("neurallog_storage_disk_bytes", "Live files of the block store.",
                    [this] { return static_cast<double>(store_->stats().disk_bytes); });
  registry.AddGauge("neurallog_storage_garbage_bytes", "Blobs in files that nothing refers to.",
                    [this] { return static_cast<double>(store_->stats().garbage_bytes); });
  registry.AddCounterFn("neurallog_storage_flushes_total", "Memtables flushed to files.",
                        [this] { return static_cast<double>(store_->stats().flushes); });
  registry.AddCounterFn("neurallog_damaged_blocks_total",
                        "Blocks found damaged when they were read.",
                        [this] { return static_cast<double>(store_->damage().total()); });
  registry.AddCounterFn(
      "neurallog_damaged_block_headers_total", "Block headers that could not be read.",
      [this] { return static_cast<double>(damaged_headers_.load(std::memory_order_relaxed)); });
}

}  // namespace neurallog::engine
