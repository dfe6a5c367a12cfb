#include "server/server.h"

#include <thread>

#include "base/log.h"
#include "config/memory_plan.h"
#include "neurallog/version.h"
#include "query/partial_cache.h"

namespace neurallog::server {
namespace {

http::IoBackend HttpBackend(config::IoBackend backend) {
  switch (backend) {
    case config::IoBackend::kAuto: return http::IoBackend::kAuto;
    case config::IoBackend::kEpoll: return http::IoBackend::kEpoll;
    case config::IoBackend::kIoUring: return http::IoBackend::kIoUring;
  }
  return http::IoBackend::kAuto;
}

int Milliseconds(config::Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

http::ServerOptions HttpOptionsFrom(const config::Config& config) {
  http::ServerOptions options;
  options.listen = config.listen;
  options.io_backend = HttpBackend(config.http.io_backend);
  options.threads = config.http.threads;
  options.connections_max = config.http.connections_max;
  options.head_bytes_max = config.http.head_bytes_max;
  options.body_bytes_max = config.http.body_bytes_max;
  options.body_bytes_total_max = config.http.body_bytes_total_max;
  options.header_timeout_ms = Milliseconds(config.http.header_timeout);
  options.body_timeout_ms = Milliseconds(config.http.body_timeout);
  options.idle_timeout_ms = Milliseconds(config.http.idle_timeout);
  options.write_timeout_ms = Milliseconds(config.http.write_timeout);
  options.tls_certificate_file = config.tls.certificate_file;
  options.tls_key_file = config.tls.key_file;
  return options;
}

int Cores() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

bool IsLoopback(std::string_view listen) {
  const std::string_view host = listen.substr(0, listen.rfind(':'));
  return host == "localhost" || host.starts_with("127.") || host == "[::1]";
}

// Without keys only a loopback address is served, and only if the configuration leaves it open.
Result<bool> DecideOpen(const config::Config& config, const engine::Engine& engine) {
  if (!engine.keys().empty()) return false;
  if (config.auth.required == config::AuthRequired::kAlways) {
    base::LogWarn(
        "no key exists and auth.required is always: nothing can be read or written until "
        "`neurallog key create` made one");
    return false;
  }
  if (!IsLoopback(config.listen))
    return InvalidArgument("listen " + config.listen +
                           ": not a loopback address and no key exists; create one first: "
                           "neurallog key create --data-dir " +
                           config.data_dir + " --tenant default");
  base::LogWarn("no key exists: tenant \"default\" is served without a key on " + config.listen);
  return true;
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

actions::Options ActionsOptionsFrom(const config::ActionsConfig& config) {
  actions::Options options;
  options.pending_max = static_cast<size_t>(config.pending_max);
  options.pending_per_tenant_max = static_cast<size_t>(config.tenant_pending_max);
  options.history_max = static_cast<size_t>(config.history_max);
  options.history_ns = config.history.count();
  options.dead_letters_max = static_cast<size_t>(config.dead_letters_max);
  options.dead_letter_bytes_max = config.dead_letter_bytes_max;
  options.dead_letter_ns = config.dead_letter_retention.count();
  options.failing_ns_max = config.disable_after.count();
  return options;
}

}  // namespace

config::Config EffectiveConfig(const config::Config& config) {
  static const uint64_t cgroup_limit = config::CgroupMemoryLimit("");
  return config::DivideMemory(config,
                              config::ChooseMemoryLimit(config.memory_limit, cgroup_limit));
}

engine::EngineOptions EngineOptionsFrom(const config::Config& configured) {
  const config::Config config = EffectiveConfig(configured);
  engine::EngineOptions options;
  options.memory_limit = config.memory_limit;
  options.snapshot_bytes_max = config.query.memory_bytes_total_max;
  options.query_bytes_max = config.query.memory_bytes_total_max;
  options.idle_logs_per_second = config.storage.warm_idle_rate;
  options.compactor.merge.rows_max = static_cast<uint32_t>(config.storage.block_rows);
  options.compactor.merge.decoded_bytes_max = config.storage.rewrite_bytes_max;
  options.compactor.warm.decoded_bytes_max = config.storage.rewrite_bytes_max;
  options.compactor.warm_zstd_level = config.storage.warm_zstd_level;
  options.compactor.warm_after_ns = config.storage.warm_after.count();
  options.idle_after_ns = std::min(options.idle_after_ns, options.compactor.warm_after_ns);
  options.compactor.bytes_per_second = config.storage.rewrite_bytes_per_second;
  options.store.index_cache_bytes = config.storage.index_cache_bytes;
  options.store.column_cache_bytes = config.storage.column_cache_bytes;
  options.data_dir = config.data_dir;
  options.ring_slots = static_cast<size_t>(config.ring.slots);
  options.wal.segment_bytes = config.wal.segment_bytes;
  options.wal.direct_io = config.wal.direct_io;
  options.wal.recycle_segments_max = config.wal.recycle_segments_max;
  options.wal_accept_damage = config.wal.accept_damage;
  options.wal_group_bytes_max = config.wal.group_bytes_max;
  options.wal_retained_bytes_max = config.wal.retained_bytes_max;
  options.sealer.block_rows = static_cast<size_t>(config.storage.block_rows);
  options.sealer.block_bytes_max = config.storage.block_bytes_max;
  options.sealer.row_buffer_bytes_max = config.storage.row_buffer_bytes_max;
  options.sealer.threads = config.storage.seal_threads;
  options.seal_age_ns = config.storage.seal_age.count();
  options.retention_ns = config.storage.retention.count();
  options.retention.disk_quota_bytes = config.storage.disk_quota_bytes;
  options.store.block_cache_bytes = config.storage.block_cache_bytes;
  options.store.memtable_bytes_total = config.storage.memtable_bytes_total;
  options.directory_bytes_max = config.storage.directory_bytes_max;
  options.idempotency_window_ns = config.ingest.idempotency_window.count();
  options.idempotency_keys_max = static_cast<size_t>(config.ingest.idempotency_keys_max);
  options.tail.viewers_max = config.tail.viewers_max;
  options.tail.viewers_per_tenant_max = config.tail.viewers_per_tenant_max;
  options.tail.viewer.bytes_max = config.tail.viewer_bytes_max;
  options.tail.viewer.events_max = static_cast<size_t>(config.tail.viewer_events_max);
  options.tail.viewer.heartbeat_ns = config.tail.heartbeat.count();
  options.detection.queue_bytes_max = config.rules.queue_bytes_max;
  options.detection.state_bytes_max = config.rules.state_bytes_max;
  options.detection.compiled_bytes_max = config.rules.compiled_bytes_max;
  options.detection.idle_ns = config.rules.idle_timeout.count();
  options.detection.rule_ns_max = static_cast<uint64_t>(config.rules.rule_ns_max);
  options.detection.rules_max = static_cast<size_t>(config.rules.rules_max);
  options.detection.document_bytes_max = config.rules.document_bytes_max;
  options.detection.lists_max = static_cast<size_t>(config.rules.lists_max);
  options.detection.list_values_max = static_cast<size_t>(config.rules.list_values_max);
  options.detection.list_bytes_max = config.rules.list_bytes_max;
  options.detection.alerts.live_max = static_cast<size_t>(config.rules.alerts_max);
  options.detection.alerts.live_per_rule_max =
      static_cast<size_t>(config.rules.alerts_per_rule_max);
  options.detection.alerts.resolved_max = static_cast<size_t>(config.rules.alerts_resolved_max);
  options.detection.alerts.retention_ns = config.rules.alert_retention.count();
  options.detection.matches.matches_max = static_cast<uint64_t>(config.rules.matches_max);
  options.detection.matches.bytes_max = config.rules.match_bytes_max;
  options.actions = ActionsOptionsFrom(config.actions);
  options.sinks.allow_cidrs = SplitAtCommas(config.actions.allow_cidr);
  options.sinks.ca_file = config.actions.ca_file;
  options.sinks.https_only = config.actions.https_only;
  options.sinks.proxy = config.actions.proxy;
  options.sinks.exec_programs = SplitAtCommas(config.actions.exec_programs);
  return options;
}

Result<std::unique_ptr<Server>> Server::Start(const config::Config& config) {
  base::SetLogLevel(config.log.level);
  base::SetLogFormat(config.log.format);
  base::LogInfo("neurallog starts",
                {{"version", std::string(kVersion)}, {"data_dir", config.data_dir}});
  std::unique_ptr<Server> server(new Server(config));
  server->registry_ = std::make_unique<metrics::Registry>();
  metrics::AddProcessMetrics(server->registry_.get());
  engine::Environment environment;
  environment.metrics = server->registry_.get();
  NL_TRY(server->engine_, engine::Engine::Open(EngineOptionsFrom(config), environment));

  auto options = std::make_unique<api::ApiOptions>();
  options->decode.body_bytes_max = config.http.body_bytes_max;
  options->decode.record_bytes_max = config.ingest.record_bytes_max;
  options->decode.record_fields_max = static_cast<uint32_t>(config.ingest.record_fields_max);
  options->decode.field_name_bytes_max = config.ingest.field_name_bytes_max;
  options->query_memory_pool.spare = server->engine_->spare_memory();
  if (config.query.partials)
    options->query_partials = std::make_shared<query::PartialCache>(
        EffectiveConfig(config).query.partials_bytes_max);
  options->query_threads = config.query.threads > 0 ? config.query.threads : Cores();
  NL_TRY(options->open_without_keys, DecideOpen(config, *server->engine_));
  server->api_ = std::make_unique<api::Api>(server->engine_.get(), server->registry_.get(),
                                            std::move(options));
  server->ApplyReloadable();

  NL_TRY(server->http_,
         http::Server::Start(HttpOptionsFrom(EffectiveConfig(config)), server->api_.get()));
  http::Server* const http = server->http_.get();
  metrics::Registry& registry = *server->registry_;
  const auto counter = [&](std::string name, std::string help, uint64_t http::ServerStats::*field) {
    registry.AddCounterFn(std::move(name), std::move(help),
                          [http, field] { return static_cast<double>(http->stats().*field); });
  };
  counter("neurallog_http_requests_total", "HTTP requests.", &http::ServerStats::requests);
  counter("neurallog_http_received_bytes_total", "Bytes received.",
          &http::ServerStats::bytes_received);
  counter("neurallog_http_sent_bytes_total", "Bytes sent.", &http::ServerStats::bytes_sent);
  counter("neurallog_http_connections_total", "Connections accepted.",
          &http::ServerStats::connections_accepted);
  counter("neurallog_http_connections_refused_total", "Connections refused at the limit.",
          &http::ServerStats::connections_refused);
  counter("neurallog_http_timeouts_total", "Connections closed by a timeout.",
          &http::ServerStats::timeouts);
  counter("neurallog_http_malformed_total", "Requests that were not HTTP.",
          &http::ServerStats::malformed);
  registry.AddGauge("neurallog_http_connections_open", "Open connections.",
                    [http] { return static_cast<double>(http->stats().connections_open); });
  server->api_->ready = true;
  base::LogInfo("listening", {{"port", std::to_string(http->port())},
                              {"address", config.listen},
                              {"io_backend", std::string(http::IoBackendName(http->backend()))},
                              {"tls", config.tls.certificate_file.empty() ? "off" : "on"}});
  return server;
}

void Server::ApplyReloadable() {
  base::SetLogLevel(config_.log.level);
  base::SetLogFormat(config_.log.format);
  engine_->set_retention_ns(config_.storage.retention.count());
  engine_->set_disk_quota_bytes(config_.storage.disk_quota_bytes);
  api::ApiOptions& options = api_->options();
  options.future_max_ns = config_.storage.future_max.count();
  options.query_concurrency_max = config_.query.concurrency_max;
  options.query_tenant_concurrency_max = config_.query.tenant_concurrency_max;
  options.query_exports_max = config_.query.exports_max;
  options.query_queue_max = static_cast<size_t>(config_.query.queue_max);
  options.query_tenant_queue_max = static_cast<size_t>(config_.query.tenant_queue_max);
  options.query_scan_bytes_max =
      config_.query.scan_bytes_max > 0 ? config_.query.scan_bytes_max : UINT64_MAX;
  options.query_slow_ns = config_.query.slow_threshold.count();
  options.query_timeout_ns = config_.query.timeout.count();
  const config::Config effective = EffectiveConfig(config_);
  options.query_memory_bytes_max = effective.query.memory_bytes_max;
  options.query_memory_pool.bytes_max = effective.query.memory_bytes_total_max;
  api_->admission().options().bytes_in_flight_max = effective.ingest.bytes_in_flight_max;
  options.rows_limit_default = static_cast<uint64_t>(config_.query.rows_limit_default);
  api_->admission().options().queue_wait_ns = config_.ingest.queue_wait.count();
  api_->admission().options().requests_in_flight_max =
      static_cast<size_t>(config_.ingest.requests_in_flight_max);
}

void Server::Reload(const config::Config& fresh) {
  std::vector<std::string> needs_restart;
  const std::vector<std::string> changed = config::DiffReloadable(config_, fresh, &needs_restart);
  for (const std::string& key : needs_restart)
    base::LogWarn("reload: the option needs a restart", {{"option", key}});
  config_.log = fresh.log;
  config_.storage.retention = fresh.storage.retention;
  config_.storage.disk_quota_bytes = fresh.storage.disk_quota_bytes;
  config_.storage.future_max = fresh.storage.future_max;
  config_.query.concurrency_max = fresh.query.concurrency_max;
  config_.query.tenant_concurrency_max = fresh.query.tenant_concurrency_max;
  config_.query.exports_max = fresh.query.exports_max;
  config_.query.queue_max = fresh.query.queue_max;
  config_.query.tenant_queue_max = fresh.query.tenant_queue_max;
  config_.query.scan_bytes_max = fresh.query.scan_bytes_max;
  config_.query.slow_threshold = fresh.query.slow_threshold;
  config_.query.timeout = fresh.query.timeout;
  config_.query.memory_bytes_max = fresh.query.memory_bytes_max;
  config_.query.rows_limit_default = fresh.query.rows_limit_default;
  config_.ingest.queue_wait = fresh.ingest.queue_wait;
  config_.ingest.requests_in_flight_max = fresh.ingest.requests_in_flight_max;
  ApplyReloadable();
  const Status tls = http_->ReloadTls();
  if (!tls.ok())
    base::LogError("reload: the old certificate stays in use", {{"error", tls.ToString()}});
  std::string names;
  for (const std::string& key : changed) names.append(names.empty() ? "" : ",").append(key);
  base::LogInfo("reloaded", {{"changed", names}});
}

void Server::Stop() {
  if (!engine_) return;
  base::LogInfo("stopping");
  if (api_) api_->ready = false;
  if (engine_) engine_->tails().Stop();  // streams without an end would hold up what follows
  if (http_) http_->Stop(Milliseconds(config_.shutdown.timeout));
  if (api_) api_->Stop();
  engine_->Close();
  http_.reset();
  api_.reset();
  engine_.reset();
  base::LogInfo("stopped");
}

}  // namespace neurallog::server
