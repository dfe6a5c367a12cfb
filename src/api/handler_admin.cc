// Tenants and keys. Changes are synced to disk, so they run on the worker pool.
#include <map>

#include "api/api.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "ingest/decoder_json.h"

namespace neurallog::api {
namespace {

using Arguments = std::map<std::string, std::string, std::less<>>;

constexpr size_t kAdminBodyBytesMax = 64 << 10;

// The members of a small JSON object.
Result<Arguments> ReadArguments(const http::Request& request,
                                std::initializer_list<std::string_view> known) {
  if (request.body.size() > kAdminBodyBytesMax)
    return TooLarge("the body has " + std::to_string(request.body.size()) +
                    " bytes, more than 65536");
  NL_TRY(const ingest::DecodeResult decoded,
         ingest::DecodeNative(request.body, /*ndjson_hint=*/false, ingest::DecodeLimits(), 0));
  if (decoded.rejected > 0) return InvalidArgument(decoded.errors.front().reason);
  if (decoded.accepted != 1) return InvalidArgument("expected one JSON object");
  Arguments arguments;
  model::RowReader row(decoded.batch->first_row());
  for (model::Field field; row.Next(&field);) {
    const std::string name(decoded.batch->names()[field.name_id]);
    if (std::find(known.begin(), known.end(), name) == known.end())
      return InvalidArgument("unknown member \"" + name + "\"");
    if (field.type != ValueType::kString)
      return InvalidArgument("member \"" + name + "\": expected a string");
    arguments[name] = field.value;
  }
  return arguments;
}

std::string Argument(const Arguments& arguments, std::string_view name) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? std::string() : found->second;
}

// Runs `work`, which answers by itself or returns an error to be answered, on a worker.
template <typename Work>
void OnWorker(Context context, Work work) {
  auto shared = std::make_shared<Context>(std::move(context));
  const bool submitted = shared->api.workers().TrySubmit([shared, work] {
    const Status status = work(*shared);
    if (!status.ok()) SendStatus(shared->responder, status);
  });
  if (!submitted) SendStatus(shared->responder, Unavailable("too many requests are waiting"));
}

std::string TenantJson(const tenant::TenantInfo& info) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, info.name);
  json.append(",\"id\":").append(std::to_string(static_cast<uint32_t>(info.id)));
  return json.append(",\"created\":\"").append(base::FormatRfc3339(info.created_ns)).append("\"}");
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
    NL_TRY(const Arguments arguments, ReadArguments(on.request, {"name"}));
    NL_TRY(const tenant::TenantInfo info,
           on.api.engine().CreateTenant(Argument(arguments, "name")));
    SendJson(on.responder, 201, TenantJson(info) + "\n");
    return {};
  });
}

void HandleDeleteTenant(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().DeleteTenant(LastSegment(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
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
    NL_TRY(const Arguments arguments, ReadArguments(on.request, {"role", "tenant", "name"}));
    const std::string role_name = Argument(arguments, "role");
    const auto role = auth::ParseRole(role_name.empty() ? "readwrite" : role_name);
    if (!role)
      return InvalidArgument("role \"" + role_name +
                             "\": expected admin, readwrite, write or read");
    NL_TRY(const auth::NewKey made, on.api.engine().CreateKey(*role, Argument(arguments, "tenant"),
                                                              Argument(arguments, "name")));
    SendJson(on.responder, 201,
             KeyJson(made.key, Argument(arguments, "tenant"), &made.text) + "\n");
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
