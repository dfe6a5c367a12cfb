// /v1/queries/active: what runs, and how to end it. A tenant's key sees its own queries, an admin key all.
#include <charconv>

#include "api/api.h"
#include "api/json_members.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

std::optional<TenantId> TenantOf(const Principal& principal) {
  if (principal.is_admin()) return std::nullopt;
  return principal.log->id();
}

std::string_view PhaseName(ActiveQuery::Phase phase) {
  switch (phase) {
    case ActiveQuery::Phase::kWaiting: return "waiting";
    case ActiveQuery::Phase::kRunning: return "running";
    case ActiveQuery::Phase::kSending: return "sending";
  }
  return "";
}

std::string Json(const ActiveQuery& query, int64_t now_monotonic_ns) {
  std::string json = "{\"id\":\"" + std::to_string(query.id) + "\"";
  AppendText(&json, "tenant", query.tenant_name);
  AppendText(&json, "key", query.key_id);
  AppendText(&json, "path", query.path);
  AppendText(&json, "query", query.text);
  AppendText(&json, "phase", PhaseName(query.phase));
  AppendText(&json, "started", base::FormatRfc3339(query.started_ns));
  const auto ms = [](int64_t ns) {
    return static_cast<uint64_t>(std::max<int64_t>(ns, 0)) / 1'000'000;
  };
  AppendNumber(&json, "age_ms", ms(now_monotonic_ns - query.started_monotonic_ns));
  AppendNumber(&json, "work_ms", ms(query.work_ns));
  AppendNumber(&json, "rows_scanned", query.rows_scanned);
  AppendNumber(&json, "bytes_scanned", query.bytes_scanned);
  AppendNumber(&json, "rows_returned", query.rows_returned);
  AppendNumber(&json, "memory_bytes_peak", query.memory_bytes_peak);
  return json + "}";
}

}  // namespace

void HandleListActive(Context context) {
  const int64_t now_ns = context.api.engine().clock().MonotonicNs();
  std::string json = "{\"queries\":[";
  for (const auto& query : context.api.active_queries().List(TenantOf(context.principal))) {
    if (json.back() != '[') json += ",";
    json += Json(*query, now_ns);
  }
  SendJson(context.responder, 200, json + "]}\n");
}

void HandleCancelActive(Context context) {
  const std::string text = LastSegment(context.request);
  uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  const auto tenant = TenantOf(context.principal);
  if (std::to_string(id) != text || !context.api.active_queries().Cancel(id, tenant))
    return SendStatus(context.responder,
                      NotFound("there is no active query \"" + text.substr(0, 40) + "\""));
  http::Response response;
  response.status = 204;
  context.responder->Send(std::move(response));
}

}  // namespace neurallog::api
