// The HTTP interface: finds the route of a request, says who calls, and hands it to the route's handler.
//
// Handlers run on io threads and must not block: queries and administration go to a worker pool, ingestion answers from the committer.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "api/active_queries.h"
#include "api/api_metrics.h"
#include "api/query_gate.h"
#include "auth/api_key.h"
#include "base/worker_pool.h"
#include "engine/admission.h"
#include "engine/backup_jobs.h"
#include "engine/engine.h"
#include "http/message.h"
#include "ingest/decode_limits.h"
#include "metrics/registry.h"
#include "query/memory_budget.h"

namespace neurallog::api {

// Atomics: reloaded while requests run.
struct ApiOptions {
  ingest::DecodeLimits decode;
  std::atomic<int64_t> future_max_ns{2 * base::kNsPerDay};
  int query_threads = 2;
  std::atomic<size_t> query_queue_max{256};
  std::atomic<size_t> query_tenant_queue_max{192};
  std::atomic<int> query_concurrency_max{64};
  std::atomic<int> query_tenant_concurrency_max{48};
  std::atomic<int> query_exports_max{8};
  std::atomic<int64_t> query_timeout_ns{30 * base::kNsPerSecond};
  std::atomic<size_t> query_memory_bytes_max{256u << 20};
  query::MemoryPool query_memory_pool;
  std::shared_ptr<query::PartialCache> query_partials;  // null: none are kept
  std::atomic<uint64_t> query_scan_bytes_max{UINT64_MAX};
  std::atomic<int64_t> query_slow_ns{10 * base::kNsPerSecond};  // 0: no query is slow
  std::atomic<uint64_t> rows_limit_default{1000};
  // With no key made and this set, the tenant `default` is served, and administered, without a key.
  bool open_without_keys = false;
  // Not empty: whoever asks is this tenant, and needs no key: for a folder without a server.
  std::string only_tenant;
};

// Who calls.
struct Principal {
  auth::Role role = auth::Role::kRead;
  bool open = false;                 // no key exists; everything is allowed
  ingest::TenantLog* log = nullptr;  // null for admin keys
  std::string key_id;                // empty when open

  bool is_admin() const { return open || role == auth::Role::kAdmin; }
};

// What a route needs; kTenant is either right to a tenant's logs, kReadWrite both, kInspect the right to read a tenant's logs or to administer, kDelete both
// rights to a tenant's logs, or to administer.
enum class Access : uint8_t {
  kPublic,
  kRead,
  kWrite,
  kTenant,
  kReadWrite,
  kAdmin,
  kInspect,
  kDelete,
};

class Api;
class BacktestJobs;
struct Context {
  Api& api;
  http::Request request;
  http::ResponderPtr responder;
  Principal principal;
};

struct Route {
  http::Method method;
  std::string_view path;  // a segment {id} stands for one of any text, {id}:verb for one that ends so; paths without it go first
  Access access;
  void (*handle)(Context context);
};
// The table of everything that is served: api/routes.cc.
const Route* FindRoute(const http::Request& request, std::string* allow);

// Thread-safe.
class Api : public http::Handler {
 public:
  Api(engine::Engine* engine, metrics::Registry* registry, std::unique_ptr<ApiOptions> options);
  ~Api() override;

  std::optional<http::Response> CheckHead(const http::Request& request,
                                          size_t* body_bytes_max) override;
  void Handle(http::Request request, http::ResponderPtr responder) override;
  http::Response ErrorResponse(int status, std::string_view detail) override;

  // Ends the worker threads and what waits for the ring. After the HTTP server has stopped.
  void Stop();

  engine::Engine& engine() { return *engine_; }
  engine::Admission& admission() { return admission_; }
  engine::BackupJobs& backups() { return backups_; }
  BacktestJobs& backtests() { return *backtests_; }
  ApiOptions& options() { return *options_; }
  ApiMetrics& metrics() { return metrics_; }
  metrics::Registry& registry() { return *registry_; }
  base::WorkerPool& workers() { return workers_; }
  QueryGate& query_gate() { return query_gate_; }
  QueryGate& export_gate() { return export_gate_; }
  ActiveQueries& active_queries() { return active_queries_; }

  // What a row costs to look at, from the queries so far; 0: not known.
  double ns_per_row() const { return ns_per_row_.load(std::memory_order_relaxed); }
  void NoteWork(int64_t work_ns, uint64_t rows);

  // Set while the server takes requests; /readyz says so.
  std::atomic<bool> ready{false};

 private:
  Result<Principal> Authenticate(const http::Request& request) const;
  ingest::TenantLog* DefaultTenant() const;
  Status Authorize(const Principal& principal, Access access) const;
  // The refusal of a request that may not go on, or nothing.
  std::optional<http::Response> Refuse(const http::Request& request, bool has_body,
                                       const Route** route, Principal* principal);

  engine::Engine* const engine_;
  metrics::Registry* const registry_;
  const std::unique_ptr<ApiOptions> options_;
  ApiMetrics metrics_;
  engine::Admission admission_;
  engine::BackupJobs backups_;
  const std::unique_ptr<BacktestJobs> backtests_;
  base::WorkerPool workers_;
  ActiveQueries active_queries_;
  QueryGate query_gate_;
  QueryGate export_gate_;
  std::atomic<double> ns_per_row_{0};
  mutable std::atomic<ingest::TenantLog*> default_tenant_{nullptr};  // a cache of the last look-up
};

// Handlers, one file per subject: handler_ingest.cc, handler_query.cc,
// handler_victorialogs.cc, handler_logs.cc, handler_record.cc, handler_export.cc, handler_explain.cc,
// handler_active.cc, handler_saved.cc, handler_rules.cc, handler_rule_import.cc, handler_rule_test.cc,
// handler_backtest.cc, handler_lists.cc, handler_lookups.cc, handler_matches.cc, handler_actions.cc, handler_deliveries.cc, handler_tail.cc, openapi.cc, handler_admin.cc,
// handler_deletion.cc, handler_storage.cc, handler_backup.cc, handler_health.cc.
void HandlePostLogs(Context context);
void HandleIngestJsonLine(Context context);
void HandleSearchNative(Context context);
void HandleSearchVictoriaLogs(Context context);
void HandleHits(Context context);
void HandleFacets(Context context);
void HandleStatsQuery(Context context);
void HandleStatsQueryRange(Context context);
void HandleFieldNames(Context context);
void HandleFieldValues(Context context);
void HandleStreams(Context context);
void HandleStreamIds(Context context);
void HandleStreamFieldNames(Context context);
void HandleStreamFieldValues(Context context);
void HandleStats(Context context);
void HandleHistogram(Context context);
void HandleFields(Context context);
void HandleValues(Context context);
void HandleNativeFacets(Context context);
void HandleNativeStreams(Context context);
void HandleExport(Context context);
void HandleLogContext(Context context);
void HandleRecord(Context context);
void HandleExplain(Context context);
void HandleListActive(Context context);
void HandleCancelActive(Context context);
void HandleListSaved(Context context);
void HandleCreateSaved(Context context);
void HandleGetSaved(Context context);
void HandlePutSaved(Context context);
void HandleDeleteSaved(Context context);
void HandleOpenApi(Context context);
void HandleListRules(Context context);
void HandleCreateRule(Context context);
void HandleValidateRules(Context context);
void HandleTestRule(Context context);
void HandleExplainRule(Context context);
void HandleImportRules(Context context);
void HandleExportRules(Context context);
void HandleEnableRule(Context context);
void HandleDisableRule(Context context);
void HandleRuleVersions(Context context);
void HandleRuleMetrics(Context context);
void HandleGetRule(Context context);
void HandlePutRule(Context context);
void HandlePatchRule(Context context);
void HandleDeleteRule(Context context);
void HandleStartBacktest(Context context);
void HandleListBacktests(Context context);
void HandleGetBacktest(Context context);
void HandleDeleteBacktest(Context context);
void HandleListLists(Context context);
void HandleGetList(Context context);
void HandlePutList(Context context);
void HandleDeleteList(Context context);
void HandleListLookups(Context context);
void HandleGetLookup(Context context);
void HandlePutLookup(Context context);
void HandleDeleteLookup(Context context);
void HandleListMatches(Context context);
void HandleGetMatch(Context context);
void HandleListAlerts(Context context);
void HandleGetAlert(Context context);
void HandleAcknowledgeAlert(Context context);
void HandleUnacknowledgeAlert(Context context);
void HandleResolveAlert(Context context);
void HandleListActions(Context context);
void HandleCreateAction(Context context);
void HandleGetAction(Context context);
void HandlePutAction(Context context);
void HandleDeleteAction(Context context);
void HandleEnableAction(Context context);
void HandleDisableAction(Context context);
void HandleRotateSecret(Context context);
void HandleTestAction(Context context);
void HandlePreviewAction(Context context);
void HandlePreviewDraft(Context context);
void HandleListDeliveries(Context context);
void HandleGetDelivery(Context context);
void HandleDeliveryAttempts(Context context);
void HandleListDeadLetters(Context context);
void HandleGetDeadLetter(Context context);
void HandleReplayDeadLetter(Context context);
void HandleReplayDeadLetters(Context context);
void HandleDeleteDeadLetter(Context context);
void HandleDeleteDeadLetters(Context context);
void HandleTail(Context context);
void HandleTailVictoriaLogs(Context context);
void HandleListTenants(Context context);
void HandleCreateTenant(Context context);
void HandleGetTenant(Context context);
void HandleChangeTenant(Context context);
void HandleDeleteTenant(Context context);
void HandleDeleteLogs(Context context);
void HandleListJobs(Context context);
void HandleGetJob(Context context);
void HandleAudit(Context context);
void HandlePartitions(Context context);
void HandleStorage(Context context);
void HandleListKeys(Context context);
void HandleCreateKey(Context context);
void HandleRevokeKey(Context context);
void HandleCreateBackup(Context context);
void HandleListBackups(Context context);
void HandleListBackupJobs(Context context);
void HandleBackupJob(Context context);
void HandleDamage(Context context);
void HandleHealth(Context context);
void HandleReady(Context context);
void HandleMetrics(Context context);
void HandleRoot(Context context);

// POST /v1/logs with a form body or ?query= is a search; anything else there is ingestion.
bool IsSearchByForm(const http::Request& request);
// A segment of the path, decoded; the first is 1.
std::string PathSegment(const http::Request& request, int place);
std::string LastSegment(const http::Request& request);
// With explain=analyze: runs the query and answers what it cost in place of its rows. False: the request asks for no such thing.
bool AnalyzeInstead(Context* context);
// The table, for the document that describes it.
std::span<const Route> AllRoutes();
void SendJson(const http::ResponderPtr& responder, int status, std::string body);
void SendStatus(const http::ResponderPtr& responder, const Status& status);

}  // namespace neurallog::api
