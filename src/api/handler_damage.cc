// What is known to be damaged: GET /v1/damage. Administrators see everything, a tenant's key its own.
#include "api/api.h"
#include "api/json_members.h"
#include "base/time_format.h"
#include "storage/damage_registry.h"

namespace neurallog::api {
namespace {

std::string TenantName(const engine::Engine& engine, TenantId id) {
  const auto info = engine.tenants().Find(id);
  return info ? info->name : std::to_string(static_cast<uint32_t>(id));
}

std::string DamageJson(const engine::Engine& engine, const storage::Damage& damage) {
  std::string json = "{\"tenant\":";
  base::AppendJsonString(&json, TenantName(engine, damage.tenant));
  AppendText(&json, "partition", damage.partition);
  if (damage.block) AppendText(&json, "block", storage::BlockName(*damage.block));
  const TimeRange all;
  if (damage.range.start_ns != all.start_ns)
    AppendText(&json, "start", base::FormatRfc3339(damage.range.start_ns));
  if (damage.range.end_ns != all.end_ns)
    AppendText(&json, "end", base::FormatRfc3339(damage.range.end_ns));
  if (damage.rows) AppendNumber(&json, "rows", *damage.rows);
  AppendText(&json, "what", damage.what);
  AppendText(&json, "first_seen", base::FormatRfc3339(damage.first_seen_ns));
  return json.append("}");
}

}  // namespace

void HandleDamage(Context context) {
  const engine::Engine& engine = context.api.engine();
  const bool sees_all = context.principal.is_admin();
  std::optional<TenantId> tenant;
  if (!sees_all) tenant = context.principal.log->id();
  std::string json = "{\"blocks\":[";
  for (const storage::Damage& damage : engine.damaged_blocks().List(tenant))
    json.append(json.back() == '[' ? "" : ",").append(DamageJson(engine, damage));
  json.append("]");
  if (sees_all) {
    json.append(",\"log\":[");
    for (const std::string& what : engine.damage()) {
      if (json.back() != '[') json.push_back(',');
      base::AppendJsonString(&json, what);
    }
    json.append("]");
    AppendNumber(&json, "blocks_total", engine.damaged_blocks().total());
  }
  SendJson(context.responder, 200, json.append("}\n"));
}

}  // namespace neurallog::api
