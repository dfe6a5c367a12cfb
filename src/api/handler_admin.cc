// Tenants and keys. Changes are synced to disk, so they run on the worker pool.
#include "api/admin_request.h"
#include "api/deletion_json.h"
#include "base/json_text.h"
#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

std::string TenantJson(const tenant::TenantInfo& info) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, info.name);
  json.append(",\"id\":").append(std::to_string(static_cast<uint32_t>(info.id)));
  json.append(",\"created\":\"").append(base::FormatRfc3339(info.created_ns));
  json.append("\",\"retention\":\"").append(RetentionText(info.properties.retention_ns));
  return json.append("\",\"disk_quota\":\"")
      .append(QuotaText(info.properties.disk_quota_bytes))
      .append("\"}");
}

// "30d", "forever" (or 0), "default": the server's.
Result<std::optional<int64_t>> ReadRetention(const std::string& text) {
  if (text == "default") return std::optional<int64_t>();
  if (text == "forever" || text == "0") return std::optional<int64_t>(0);
  const auto ns = base::ParseDuration(text);
  if (!ns || *ns < base::kNsPerSecond || *ns > 36'500 * base::kNsPerDay)
    return InvalidArgument("retention \"" + text.substr(0, 40) +
                           "\": expected 1s to 36500d, forever or default");
  return std::optional<int64_t>(*ns);
}

Result<uint64_t> ReadQuota(const std::string& text) {
  constexpr uint64_t kQuotaMin = 1 << 20;
  if (text == "none") return uint64_t{0};
  const auto bytes = base::ParseByteSize(text);
  if (!bytes || (*bytes != 0 && *bytes < kQuotaMin))
    return InvalidArgument("disk_quota \"" + text.substr(0, 40) +
                           "\": expected a size of at least 1MiB like 10GiB, or none");
  return *bytes;
}

Result<engine::TenantChange> ReadTenantChange(const Arguments& arguments) {
  engine::TenantChange change;
  if (const std::string text = arguments.Get("retention"); !text.empty()) {
    NL_TRY(change.retention_ns, ReadRetention(text));
  }
  if (const std::string text = arguments.Get("disk_quota"); !text.empty()) {
    NL_TRY(change.disk_quota_bytes, ReadQuota(text));
  }
  return change;
}

std::string KeyJson(const auth::ApiKey& key, const std::string& tenant, const std::string* text) {
  std::string json = "{\"id\":\"" + key.id + "\",\"role\":\"" +
                     std::string(auth::RoleName(key.role)) + "\",\"tenant\":";
  key.role == auth::Role::kAdmin ? json.append("null")
                                 : (base::AppendJsonString(&json, tenant), json);
  json.append(",\"name\":");
  base::AppendJsonString(&json, key.name);
  json.append(",\"created\":\"").append(base::FormatRfc3339(key.created_ns)).append("\"");
  if (text != nullptr) json.append(",\"key\":\"").append(*text).append("\"");
  return json.append("}");
}

std::string TenantName(const engine::Engine& engine, const auth::ApiKey& key) {
  const auto info = engine.tenants().Find(key.tenant);
  return info ? info->name : std::string();
}

}  // namespace

void HandleListTenants(Context context) {
  std::string json = "{\"tenants\":[";
  for (const tenant::TenantInfo& info : context.api.engine().tenants().List()) {
    if (json.back() != '[') json.push_back(',');
    json.append(TenantJson(info));
  }
  SendJson(context.responder, 200, json.append("]}\n"));
}

void HandleCreateTenant(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments,
           Arguments::Read(on.request, {"name", "retention", "disk_quota"}));
    NL_TRY(const engine::TenantChange change, ReadTenantChange(arguments));
    tenant::TenantProperties properties;
    if (change.retention_ns) properties.retention_ns = *change.retention_ns;
    properties.disk_quota_bytes = change.disk_quota_bytes.value_or(0);
    NL_TRY(const tenant::TenantInfo info,
           on.api.engine().CreateTenant(arguments.Get("name"), properties));
    SendJson(on.responder, 201, TenantJson(info) + "\n");
    return {};
  });
}

void HandleGetTenant(Context context) {
  const std::string name = LastSegment(context.request);
  const auto info = context.api.engine().tenants().Find(name);
  if (!info) return SendStatus(context.responder, NotFound("tenant " + name + " does not exist"));
  SendJson(context.responder, 200, TenantJson(*info) + "\n");
}

void HandleChangeTenant(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"retention", "disk_quota"}));
    NL_TRY(const engine::TenantChange change, ReadTenantChange(arguments));
    if (!change.retention_ns && !change.disk_quota_bytes)
      return InvalidArgument("expected retention or disk_quota");
    NL_TRY(const tenant::TenantInfo info,
           on.api.engine().ChangeTenant(LastSegment(on.request), change));
    SendJson(on.responder, 200, TenantJson(info) + "\n");
    return {};
  });
}

void HandleDeleteTenant(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    NL_TRY(const engine::Job job,
           on.api.engine().DeleteTenant(LastSegment(on.request), on.principal.key_id,
                                        params.Find("reason").value_or("")));
    SendAccepted(on.responder, job);
    return {};
  });
}

void HandleListKeys(Context context) {
  engine::Engine& engine = context.api.engine();
  std::string json = "{\"keys\":[";
  for (const auth::ApiKey& key : engine.keys().List()) {
    if (json.back() != '[') json.push_back(',');
    json.append(KeyJson(key, TenantName(engine, key), nullptr));
  }
  SendJson(context.responder, 200, json.append("]}\n"));
}

void HandleCreateKey(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"role", "tenant", "name"}));
    const std::string role_name = arguments.Get("role");
    const auto role = auth::ParseRole(role_name.empty() ? "readwrite" : role_name);
    if (!role)
      return InvalidArgument("role \"" + role_name +
                             "\": expected admin, readwrite, write or read");
    NL_TRY(const auth::NewKey made,
           on.api.engine().CreateKey(*role, arguments.Get("tenant"), arguments.Get("name")));
    SendJson(on.responder, 201, KeyJson(made.key, arguments.Get("tenant"), &made.text) + "\n");
    return {};
  });
}

void HandleRevokeKey(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().RevokeKey(LastSegment(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

}  // namespace neurallog::api
