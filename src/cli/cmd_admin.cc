// Tenants and keys, on a data folder (opened like a server would) or through a running server.
#include <cstdio>

#include "base/json_text.h"
#include "base/time_format.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "http/client.h"

namespace neurallog::cli {
namespace {

// Calls the server and prints the body of its answer.
Status Call(const AdminTarget& target, const std::string& method, const std::string& path,
            const std::string& body) {
  NL_TRY(const std::string answer, CallServer(target, method, path, body));
  std::fputs(answer.c_str(), stdout);
  return {};
}

std::string Object(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string json = "{";
  for (const auto& [name, value] : members) {
    if (value.empty()) continue;
    if (json.size() > 1) json.push_back(',');
    base::AppendJsonString(&json, name);
    json.push_back(':');
    base::AppendJsonString(&json, value);
  }
  return json.append("}");
}

}  // namespace

int CreateTenant(const AdminTarget& target, const std::string& name) {
  if (!target.data_dir)
    return Finish(Call(target, "POST", "/v1/tenants", Object({{"name", name}})));
  return Finish(WithEngine(*target.data_dir, [&](engine::Engine& engine) -> Status {
    NL_TRY(const tenant::TenantInfo info, engine.CreateTenant(name));
    std::printf("tenant %s created\n", info.name.c_str());
    return {};
  }));
}

int ListTenants(const AdminTarget& target) {
  if (!target.data_dir) return Finish(Call(target, "GET", "/v1/tenants", ""));
  return Finish(WithEngine(*target.data_dir, [&](engine::Engine& engine) -> Status {
    for (const tenant::TenantInfo& info : engine.tenants().List())
      std::printf("%s\t%u\t%s\n", info.name.c_str(), static_cast<uint32_t>(info.id),
                  base::FormatRfc3339(info.created_ns).c_str());
    return {};
  }));
}

int DeleteTenant(const AdminTarget& target, const std::string& name) {
  if (!target.data_dir) return Finish(Call(target, "DELETE", "/v1/tenants/" + name, ""));
  return Finish(WithEngine(*target.data_dir,
                           [&](engine::Engine& engine) { return engine.DeleteTenant(name).status(); }));
}

int CreateKey(const AdminTarget& target, const std::string& role, const std::string& tenant,
              const std::string& name) {
  if (!target.data_dir)
    return Finish(Call(target, "POST", "/v1/keys",
                       Object({{"role", role}, {"tenant", tenant}, {"name", name}})));
  return Finish(WithEngine(*target.data_dir, [&](engine::Engine& engine) -> Status {
    const auto parsed = auth::ParseRole(role);
    if (!parsed)
      return InvalidArgument("role \"" + role + "\": expected admin, readwrite, write or read");
    NL_TRY(const auth::NewKey made, engine.CreateKey(*parsed, tenant, name));
    std::printf("%s\n", made.text.c_str());
    return {};
  }));
}

int ListKeys(const AdminTarget& target) {
  if (!target.data_dir) return Finish(Call(target, "GET", "/v1/keys", ""));
  return Finish(WithEngine(*target.data_dir, [&](engine::Engine& engine) -> Status {
    for (const auth::ApiKey& key : engine.keys().List()) {
      const auto info = engine.tenants().Find(key.tenant);
      std::printf("%s\t%s\t%s\t%s\t%s\n", key.id.c_str(),
                  std::string(auth::RoleName(key.role)).c_str(), info ? info->name.c_str() : "-",
                  base::FormatRfc3339(key.created_ns).c_str(), key.name.c_str());
    }
    return {};
  }));
}

int RevokeKey(const AdminTarget& target, const std::string& id) {
  if (!target.data_dir) return Finish(Call(target, "DELETE", "/v1/keys/" + id, ""));
  return Finish(
      WithEngine(*target.data_dir, [&](engine::Engine& engine) { return engine.RevokeKey(id); }));
}

int HealthCheck(const std::string& server) {
  http::ClientRequest request;
  request.url = server + "/readyz";
  request.timeout_ms = 5'000;
  const auto response = http::Fetch(request);
  if (response.ok() && response->status == 200) return 0;
  return Finish(response.ok()
                    ? Unavailable(server + "/readyz answered " + std::to_string(response->status))
                    : response.status());
}

}  // namespace neurallog::cli
