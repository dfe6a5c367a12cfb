// Every path that is served. Adding one: a row here, a handler in handler_*.cc, a line in docs/http-api.md.
#include "api/api.h"

namespace neurallog::api {
namespace {

using http::Method;

constexpr Route kRoutes[] = {
    {Method::kPost, "/v1/logs", Access::kTenant,
     HandlePostLogs},  // ingestion, or a search by form: Api::Refuse looks which
    {Method::kGet, "/v1/logs", Access::kRead, HandleSearchNative},
    {Method::kGet, "/v1/logs/search", Access::kRead, HandleSearchNative},
    {Method::kPost, "/v1/logs/search", Access::kRead, HandleSearchNative},
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

bool Matches(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with(kAnySegment)) return pattern == path;
  pattern.remove_suffix(kAnySegment.size());
  return path.starts_with(pattern) && path.size() > pattern.size() &&
         path.find('/', pattern.size()) == std::string_view::npos;
}

std::string_view MethodName(Method method) {
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

const Route* FindRoute(const http::Request& request, std::string* allow) {
  const Method method = request.method == Method::kHead ? Method::kGet : request.method;
  const std::string_view path = request.path();
  for (const Route& route : kRoutes) {
    if (!Matches(route.path, path)) continue;
    if (route.method == method) return &route;
    if (!allow->empty()) allow->append(", ");
    allow->append(MethodName(route.method));
  }
  return nullptr;
}

}  // namespace neurallog::api
