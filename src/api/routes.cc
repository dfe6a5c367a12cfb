// Every path that is served. Adding one: a row here, a handler in handler_*.cc, a line in docs/http-api.md.
#include <algorithm>

#include "api/api.h"
#include "api/handler_noise.h"
#include "api/handler_packs.h"

namespace neurallog::api {
namespace {

using actions::NoiseKind;
using http::Method;

constexpr Route kRoutes[] = {
    {Method::kPost, "/v1/logs", Access::kTenant,
     HandlePostLogs},  // ingestion, or a search by form: Api::Refuse looks which
    {Method::kGet, "/v1/logs", Access::kRead, HandleSearchNative},
    {Method::kGet, "/v1/logs/search", Access::kRead, HandleSearchNative},
    {Method::kPost, "/v1/logs/search", Access::kRead, HandleSearchNative},
    {Method::kGet, "/v1/logs/stats", Access::kRead, HandleStats},
    {Method::kGet, "/v1/logs/histogram", Access::kRead, HandleHistogram},
    {Method::kGet, "/v1/logs/fields", Access::kRead, HandleFields},
    {Method::kGet, "/v1/logs/fields/{id}/values", Access::kRead, HandleValues},
    {Method::kGet, "/v1/logs/facets", Access::kRead, HandleNativeFacets},
    {Method::kGet, "/v1/logs/streams", Access::kRead, HandleNativeStreams},
    {Method::kGet, "/v1/logs/export", Access::kRead, HandleExport},
    {Method::kGet, "/v1/logs/context", Access::kRead, HandleLogContext},
    {Method::kPost, "/v1/logs/stats", Access::kRead, HandleStats},
    {Method::kPost, "/v1/logs/histogram", Access::kRead, HandleHistogram},
    {Method::kPost, "/v1/logs/fields", Access::kRead, HandleFields},
    {Method::kPost, "/v1/logs/fields/{id}/values", Access::kRead, HandleValues},
    {Method::kPost, "/v1/logs/facets", Access::kRead, HandleNativeFacets},
    {Method::kPost, "/v1/logs/streams", Access::kRead, HandleNativeStreams},
    {Method::kPost, "/v1/logs/export", Access::kRead, HandleExport},
    {Method::kPost, "/v1/logs/context", Access::kRead, HandleLogContext},
    {Method::kGet, "/v1/logs/{id}", Access::kRead, HandleRecord},
    {Method::kGet, "/v1/query/explain", Access::kRead, HandleExplain},
    {Method::kPost, "/v1/query/explain", Access::kRead, HandleExplain},
    {Method::kGet, "/v1/queries/active", Access::kInspect, HandleListActive},
    {Method::kDelete, "/v1/queries/active/{id}", Access::kInspect, HandleCancelActive},
    {Method::kGet, "/v1/queries", Access::kRead, HandleListSaved},
    {Method::kPost, "/v1/queries", Access::kReadWrite, HandleCreateSaved},
    {Method::kGet, "/v1/queries/{id}", Access::kRead, HandleGetSaved},
    {Method::kPut, "/v1/queries/{id}", Access::kReadWrite, HandlePutSaved},
    {Method::kDelete, "/v1/queries/{id}", Access::kReadWrite, HandleDeleteSaved},
    {Method::kGet, "/v1/rules", Access::kRead, HandleListRules},
    {Method::kPost, "/v1/rules", Access::kReadWrite, HandleCreateRule},
    {Method::kPost, "/v1/rules:validate", Access::kRead, HandleValidateRules},
    {Method::kPost, "/v1/rules:test", Access::kRead, HandleTestRule},
    {Method::kPost, "/v1/rules:backtest", Access::kRead, HandleStartBacktest},
    {Method::kPost, "/v1/rules:import", Access::kReadWrite, HandleImportRules},
    {Method::kGet, "/v1/rules:export", Access::kRead, HandleExportRules},
    {Method::kPost, "/v1/rules/{id}:enable", Access::kReadWrite, HandleEnableRule},
    {Method::kPost, "/v1/rules/{id}:disable", Access::kReadWrite, HandleDisableRule},
    {Method::kGet, "/v1/rules/{id}/versions", Access::kRead, HandleRuleVersions},
    {Method::kPost, "/v1/rules/{id}/explain", Access::kRead, HandleExplainRule},
    {Method::kGet, "/v1/rules/{id}/metrics", Access::kRead, HandleRuleMetrics},
    {Method::kGet, "/v1/rules/{id}", Access::kRead, HandleGetRule},
    {Method::kPut, "/v1/rules/{id}", Access::kReadWrite, HandlePutRule},
    {Method::kPatch, "/v1/rules/{id}", Access::kReadWrite, HandlePatchRule},
    {Method::kDelete, "/v1/rules/{id}", Access::kReadWrite, HandleDeleteRule},
    {Method::kGet, "/v1/backtests", Access::kRead, HandleListBacktests},
    {Method::kGet, "/v1/backtests/{id}", Access::kRead, HandleGetBacktest},
    {Method::kDelete, "/v1/backtests/{id}", Access::kRead, HandleDeleteBacktest},
    {Method::kGet, "/v1/packs", Access::kInspect, HandleListPacks},
    {Method::kGet, "/v1/packs/{id}", Access::kInspect, HandleGetPack},
    {Method::kPut, "/v1/packs/{id}", Access::kAdmin, HandlePutPack},
    {Method::kDelete, "/v1/packs/{id}", Access::kAdmin, HandleDeletePack},
    {Method::kPut, "/v1/packs/{id}/subscription", Access::kReadWrite, HandleSubscribe},
    {Method::kDelete, "/v1/packs/{id}/subscription", Access::kReadWrite, HandleUnsubscribe},
    {Method::kGet, "/v1/lists", Access::kRead, HandleListLists},
    {Method::kGet, "/v1/lists/{id}", Access::kRead, HandleGetList},
    {Method::kPut, "/v1/lists/{id}", Access::kReadWrite, HandlePutList},
    {Method::kDelete, "/v1/lists/{id}", Access::kReadWrite, HandleDeleteList},
    {Method::kGet, "/v1/lookups", Access::kRead, HandleListLookups},
    {Method::kGet, "/v1/lookups/{id}", Access::kRead, HandleGetLookup},
    {Method::kPut, "/v1/lookups/{id}", Access::kReadWrite, HandlePutLookup},
    {Method::kDelete, "/v1/lookups/{id}", Access::kReadWrite, HandleDeleteLookup},
    {Method::kGet, "/v1/matches", Access::kRead, HandleListMatches},
    {Method::kGet, "/v1/matches/{id}", Access::kRead, HandleGetMatch},
    {Method::kGet, "/v1/alerts", Access::kRead, HandleListAlerts},
    {Method::kPost, "/v1/alerts/{id}:ack", Access::kReadWrite, HandleAcknowledgeAlert},
    {Method::kPost, "/v1/alerts/{id}:unack", Access::kReadWrite, HandleUnacknowledgeAlert},
    {Method::kPost, "/v1/alerts/{id}:resolve", Access::kReadWrite, HandleResolveAlert},
    {Method::kGet, "/v1/alerts/{id}", Access::kRead, HandleGetAlert},
    {Method::kGet, "/v1/actions", Access::kRead, HandleListActions},
    {Method::kPost, "/v1/actions", Access::kReadWrite, HandleCreateAction},
    {Method::kPost, "/v1/actions:preview", Access::kReadWrite, HandlePreviewDraft},
    {Method::kPost, "/v1/actions/{id}:enable", Access::kReadWrite, HandleEnableAction},
    {Method::kPost, "/v1/actions/{id}:disable", Access::kReadWrite, HandleDisableAction},
    {Method::kPost, "/v1/actions/{id}:test", Access::kReadWrite, HandleTestAction},
    {Method::kPost, "/v1/actions/{id}:preview", Access::kRead, HandlePreviewAction},
    {Method::kPost, "/v1/actions/{id}:rotate-secret", Access::kReadWrite, HandleRotateSecret},
    {Method::kGet, "/v1/actions/{id}", Access::kRead, HandleGetAction},
    {Method::kPut, "/v1/actions/{id}", Access::kReadWrite, HandlePutAction},
    {Method::kDelete, "/v1/actions/{id}", Access::kReadWrite, HandleDeleteAction},
    {Method::kGet, "/v1/deliveries", Access::kRead, HandleListDeliveries},
    {Method::kGet, "/v1/deliveries/{id}", Access::kRead, HandleGetDelivery},
    {Method::kGet, "/v1/deliveries/{id}/attempts", Access::kRead, HandleDeliveryAttempts},
    {Method::kGet, "/v1/dead-letters", Access::kRead, HandleListDeadLetters},
    {Method::kPost, "/v1/dead-letters:replay", Access::kReadWrite, HandleReplayDeadLetters},
    {Method::kPost, "/v1/dead-letters:delete", Access::kReadWrite, HandleDeleteDeadLetters},
    {Method::kPost, "/v1/dead-letters/{id}:replay", Access::kReadWrite, HandleReplayDeadLetter},
    {Method::kGet, "/v1/dead-letters/{id}", Access::kRead, HandleGetDeadLetter},
    {Method::kDelete, "/v1/dead-letters/{id}", Access::kReadWrite, HandleDeleteDeadLetter},
    {Method::kGet, "/v1/silences", Access::kRead, HandleListNoise<NoiseKind::kSilence>},
    {Method::kPost, "/v1/silences", Access::kReadWrite, HandleCreateNoise<NoiseKind::kSilence>},
    {Method::kGet, "/v1/silences/{id}", Access::kRead, HandleGetNoise<NoiseKind::kSilence>},
    {Method::kPut, "/v1/silences/{id}", Access::kReadWrite, HandlePutNoise<NoiseKind::kSilence>},
    {Method::kDelete, "/v1/silences/{id}", Access::kReadWrite,
     HandleDeleteNoise<NoiseKind::kSilence>},
    {Method::kGet, "/v1/maintenance-windows", Access::kRead,
     HandleListNoise<NoiseKind::kMaintenance>},
    {Method::kPost, "/v1/maintenance-windows", Access::kReadWrite,
     HandleCreateNoise<NoiseKind::kMaintenance>},
    {Method::kGet, "/v1/maintenance-windows/{id}", Access::kRead,
     HandleGetNoise<NoiseKind::kMaintenance>},
    {Method::kPut, "/v1/maintenance-windows/{id}", Access::kReadWrite,
     HandlePutNoise<NoiseKind::kMaintenance>},
    {Method::kDelete, "/v1/maintenance-windows/{id}", Access::kReadWrite,
     HandleDeleteNoise<NoiseKind::kMaintenance>},
    {Method::kGet, "/v1/inhibitions", Access::kRead, HandleListNoise<NoiseKind::kInhibition>},
    {Method::kPost, "/v1/inhibitions", Access::kReadWrite,
     HandleCreateNoise<NoiseKind::kInhibition>},
    {Method::kGet, "/v1/inhibitions/{id}", Access::kRead, HandleGetNoise<NoiseKind::kInhibition>},
    {Method::kPut, "/v1/inhibitions/{id}", Access::kReadWrite,
     HandlePutNoise<NoiseKind::kInhibition>},
    {Method::kDelete, "/v1/inhibitions/{id}", Access::kReadWrite,
     HandleDeleteNoise<NoiseKind::kInhibition>},
    {Method::kGet, "/v1/time-intervals", Access::kRead, HandleListNoise<NoiseKind::kTimeInterval>},
    {Method::kPost, "/v1/time-intervals", Access::kReadWrite,
     HandleCreateNoise<NoiseKind::kTimeInterval>},
    {Method::kGet, "/v1/time-intervals/{id}", Access::kRead,
     HandleGetNoise<NoiseKind::kTimeInterval>},
    {Method::kPut, "/v1/time-intervals/{id}", Access::kReadWrite,
     HandlePutNoise<NoiseKind::kTimeInterval>},
    {Method::kDelete, "/v1/time-intervals/{id}", Access::kReadWrite,
     HandleDeleteNoise<NoiseKind::kTimeInterval>},
    {Method::kGet, "/v1/openapi.json", Access::kPublic, HandleOpenApi},
    {Method::kPost, "/insert/jsonline", Access::kWrite, HandleIngestJsonLine},
    {Method::kGet, "/select/logsql/query", Access::kRead, HandleSearchVictoriaLogs},
    {Method::kPost, "/select/logsql/query", Access::kRead, HandleSearchVictoriaLogs},
    {Method::kGet, "/select/logsql/hits", Access::kRead, HandleHits},
    {Method::kPost, "/select/logsql/hits", Access::kRead, HandleHits},
    {Method::kGet, "/select/logsql/facets", Access::kRead, HandleFacets},
    {Method::kPost, "/select/logsql/facets", Access::kRead, HandleFacets},
    {Method::kGet, "/select/logsql/stats_query", Access::kRead, HandleStatsQuery},
    {Method::kPost, "/select/logsql/stats_query", Access::kRead, HandleStatsQuery},
    {Method::kGet, "/select/logsql/stats_query_range", Access::kRead, HandleStatsQueryRange},
    {Method::kPost, "/select/logsql/stats_query_range", Access::kRead, HandleStatsQueryRange},
    {Method::kGet, "/select/logsql/field_names", Access::kRead, HandleFieldNames},
    {Method::kPost, "/select/logsql/field_names", Access::kRead, HandleFieldNames},
    {Method::kGet, "/select/logsql/field_values", Access::kRead, HandleFieldValues},
    {Method::kPost, "/select/logsql/field_values", Access::kRead, HandleFieldValues},
    {Method::kGet, "/select/logsql/streams", Access::kRead, HandleStreams},
    {Method::kPost, "/select/logsql/streams", Access::kRead, HandleStreams},
    {Method::kGet, "/select/logsql/stream_ids", Access::kRead, HandleStreamIds},
    {Method::kPost, "/select/logsql/stream_ids", Access::kRead, HandleStreamIds},
    {Method::kGet, "/select/logsql/stream_field_names", Access::kRead, HandleStreamFieldNames},
    {Method::kPost, "/select/logsql/stream_field_names", Access::kRead, HandleStreamFieldNames},
    {Method::kGet, "/select/logsql/stream_field_values", Access::kRead, HandleStreamFieldValues},
    {Method::kPost, "/select/logsql/stream_field_values", Access::kRead, HandleStreamFieldValues},
    {Method::kGet, "/v1/tail", Access::kRead, HandleTail},
    {Method::kGet, "/select/logsql/tail", Access::kRead, HandleTailVictoriaLogs},
    {Method::kPost, "/select/logsql/tail", Access::kRead, HandleTailVictoriaLogs},
    {Method::kGet, "/v1/tenants", Access::kAdmin, HandleListTenants},
    {Method::kPost, "/v1/tenants", Access::kAdmin, HandleCreateTenant},
    {Method::kGet, "/v1/tenants/{id}", Access::kAdmin, HandleGetTenant},
    {Method::kPatch, "/v1/tenants/{id}", Access::kAdmin, HandleChangeTenant},
    {Method::kDelete, "/v1/tenants/{id}", Access::kAdmin, HandleDeleteTenant},
    {Method::kPost, "/v1/logs/delete", Access::kDelete, HandleDeleteLogs},
    {Method::kGet, "/v1/jobs", Access::kInspect, HandleListJobs},
    {Method::kGet, "/v1/jobs/{id}", Access::kInspect, HandleGetJob},
    {Method::kGet, "/v1/audit", Access::kInspect, HandleAudit},
    {Method::kGet, "/v1/partitions", Access::kInspect, HandlePartitions},
    {Method::kGet, "/v1/storage", Access::kInspect, HandleStorage},
    {Method::kGet, "/v1/keys", Access::kAdmin, HandleListKeys},
    {Method::kPost, "/v1/keys", Access::kAdmin, HandleCreateKey},
    {Method::kDelete, "/v1/keys/{id}", Access::kAdmin, HandleRevokeKey},
    {Method::kGet, "/v1/damage", Access::kInspect, HandleDamage},
    {Method::kGet, "/v1/backups", Access::kAdmin, HandleListBackups},
    {Method::kPost, "/v1/backups", Access::kAdmin, HandleCreateBackup},
    {Method::kGet, "/v1/backups/jobs", Access::kAdmin, HandleListBackupJobs},
    {Method::kGet, "/v1/backups/jobs/{id}", Access::kAdmin, HandleBackupJob},
    {Method::kGet, "/metrics", Access::kPublic, HandleMetrics},
    {Method::kGet, "/healthz", Access::kPublic, HandleHealth},
    {Method::kGet, "/health", Access::kPublic, HandleHealth},
    {Method::kGet, "/readyz", Access::kPublic, HandleReady},
    {Method::kGet, "/", Access::kPublic, HandleRoot},
};

constexpr std::string_view kAnySegment = "{id}";

// Cuts the first segment and the '/' behind it off.
std::string_view TakeSegment(std::string_view* path) {
  const size_t end = std::min(path->find('/'), path->size());
  const std::string_view segment = path->substr(0, end);
  path->remove_prefix(std::min(end + 1, path->size()));
  return segment;
}

// "{id}" is any text, "{id}:enable" any that ends so.
bool MatchesAny(std::string_view wanted, std::string_view segment) {
  if (!wanted.starts_with(kAnySegment)) return false;
  const std::string_view verb = wanted.substr(kAnySegment.size());
  return segment.size() > verb.size() && segment.ends_with(verb);
}

bool Matches(std::string_view pattern, std::string_view path) {
  if (pattern.find(kAnySegment) == std::string_view::npos) return pattern == path;
  if (path.ends_with('/')) return false;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = TakeSegment(&pattern), segment = TakeSegment(&path);
    if (wanted != segment && !MatchesAny(wanted, segment)) return false;
  }
  return pattern.empty() && path.empty();
}

// Whether the path is one of the table's as it stands: then it names no other thing.
bool IsExact(std::string_view path) {
  return std::any_of(std::begin(kRoutes), std::end(kRoutes),
                     [path](const Route& route) { return route.path == path; });
}

std::string_view MethodsAllowed(Method method) {
  switch (method) {
    case Method::kGet: return "GET, HEAD";
    case Method::kHead: return "HEAD";
    case Method::kPost: return "POST";
    case Method::kPut: return "PUT";
    case Method::kPatch: return "PATCH";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
    case Method::kOther: return "";
  }
  return "";
}

}  // namespace

std::span<const Route> AllRoutes() { return kRoutes; }

const Route* FindRoute(const http::Request& request, std::string* allow) {
  const Method method = request.method == Method::kHead ? Method::kGet : request.method;
  const std::string_view path = request.path();
  const bool is_exact = IsExact(path);
  for (const Route& route : kRoutes) {
    if (is_exact ? route.path != path : !Matches(route.path, path)) continue;
    if (route.method == method) return &route;
    if (!allow->empty()) allow->append(", ");
    allow->append(MethodsAllowed(route.method));
  }
  return nullptr;
}

}  // namespace neurallog::api
