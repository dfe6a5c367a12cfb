// Tenants as they come, change and go.
#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "actions/actions.h"
#include "detection/detection.h"
#include "engine/engine.h"
#include "engine/meta_keys.h"
#include "query/pipe.h"
#include "query/query.h"

namespace neurallog::engine {
namespace {

constexpr size_t kReasonBytesMax = 1000;
constexpr size_t kDeleteQueryBytesMax = 16 << 10;

std::optional<tenant::RetentionClass> OwnClass(const tenant::TenantProperties& properties) {
  if (!properties.retention_ns) return std::nullopt;
  return tenant::ClassOf(*properties.retention_ns);
}

Status CheckReason(std::string_view reason) {
  if (reason.size() <= kReasonBytesMax) return {};
  return InvalidArgument("the reason has " + std::to_string(reason.size()) +
                         " bytes, more than 1000");
}

}  // namespace

Result<tenant::TenantInfo> Engine::CreateTenant(std::string_view name,
                                                const tenant::TenantProperties& properties) {
  base::MutexLock lock(admin_mutex_);
  NL_TRY(tenant::TenantInfo info, tenants_.Plan(name, environment_.clock->WallNs()));
  info.properties = properties;
  if (const auto own = OwnClass(properties))
    NL_RETURN_IF_ERROR(info.classes.Add({0, own}, /*oldest_lsn=*/0));
  std::string next;
  base::AppendLe(&next, static_cast<uint32_t>(info.id) + 1);
  storage::MetaChange change;
  change.put = {{std::string(kNextTenantKey), next},
                {TenantMetaKey(info.id), tenant::EncodeTenant(info)}};
  NL_RETURN_IF_ERROR(store_->WriteMeta(change));
  AddTenantLog(info);
  tenants_.Add(info);
  return info;
}

Result<tenant::TenantInfo> Engine::ChangeTenant(std::string_view name, const TenantChange& change) {
  base::MutexLock lock(admin_mutex_);
  NL_RETURN_IF_ERROR(WriteStatus());
  auto info = tenants_.Find(name);
  ingest::TenantLog* log = info ? FindTenant(info->id) : nullptr;
  if (log == nullptr) return NotFound("tenant " + std::string(name) + " does not exist");
  if (unsettled_.find(info->id) != unsettled_.end())
    return Unavailable("the last change of tenant " + info->name + " could not be written yet");
  if (change.retention_ns) info->properties.retention_ns = *change.retention_ns;
  if (change.disk_quota_bytes) info->properties.disk_quota_bytes = *change.disk_quota_bytes;
  const auto own = OwnClass(info->properties);
  if (own != info->classes.Last()) {
    NL_RETURN_IF_ERROR(WriteClassChange(log, &*info, own));
  } else {
    NL_RETURN_IF_ERROR(store_->PutMeta(TenantMetaKey(info->id), tenant::EncodeTenant(*info)));
  }
  log->set_properties(info->properties);
  tenants_.Add(*info);
  retention_->SweepSoon();
  return *info;
}

// No row behind the change may be sealed before the change is on the disk: replay must look for it in the same class.
Status Engine::WriteClassChange(ingest::TenantLog* log, tenant::TenantInfo* info,
                                std::optional<tenant::RetentionClass> to) {
  const tenant::TenantInfo before = *tenants_.Find(info->id);
  const uint64_t since_lsn = log->Hold(journaler_->delivered_lsn());
  Status status = info->classes.Add({since_lsn, to}, journaler_->writer().oldest_lsn());
  if (!status.ok()) {
    log->Release();
    return status;
  }
  status = store_->PutMeta(TenantMetaKey(info->id), tenant::EncodeTenant(*info));
  if (!status.ok()) {
    unsettled_.emplace(info->id, before);  // whether it was written is not known
    return status;
  }
  log->set_classes(info->classes);
  log->Release();
  return {};
}

void Engine::SettleTenants() {
  base::MutexLock lock(admin_mutex_);
  for (auto it = unsettled_.begin(); it != unsettled_.end();) {
    ingest::TenantLog* log = FindTenant(it->first);
    if (log != nullptr) {
      const std::string value = tenant::EncodeTenant(it->second);
      if (!store_->PutMeta(TenantMetaKey(it->first), value).ok()) return;
      log->Release();
    }
    it = unsettled_.erase(it);
  }
}

Status Engine::SettleServerClass(uint64_t next_lsn, uint64_t oldest_lsn) {
  if (!options_.retention_ns) return {};
  const tenant::RetentionClass now = tenant::ClassOf(*options_.retention_ns);
  if (server_classes_.Last().value_or(tenant::RetentionClass::kLong) == now) return {};
  // Rows before the first change were of class long, as when nothing was ever set.
  if (server_classes_.changes().empty())
    NL_RETURN_IF_ERROR(server_classes_.Add({0, tenant::RetentionClass::kLong}, 0));
  NL_RETURN_IF_ERROR(server_classes_.Add({next_lsn, now}, oldest_lsn));
  std::string bytes;
  server_classes_.AppendTo(&bytes);
  return store_->PutMeta(kServerClassesKey, bytes);
}

Result<Job> Engine::DeleteTenant(std::string_view name, std::string_view key_id,
                                 std::string_view reason) {
  base::MutexLock lock(admin_mutex_);
  const auto info = tenants_.Find(name);
  if (!info) return NotFound("tenant " + std::string(name) + " does not exist");
  NL_RETURN_IF_ERROR(CheckReason(reason));
  storage::MetaChange change;
  change.remove.push_back(TenantMetaKey(info->id));
  std::vector<std::string> keys;
  for (const auth::ApiKey& key : keys_.List()) {
    if (key.role == auth::Role::kAdmin || key.tenant != info->id) continue;
    keys.push_back(key.id);
    change.remove.push_back(KeyMetaKey(key.id));
  }
  NL_RETURN_IF_ERROR(store_->ScanMeta(SavedQueryPrefix(info->id),
                                      [&](std::string_view key_of_query, std::string_view) {
                                        change.remove.emplace_back(key_of_query);
                                      }));
  detection_->AddRemoval(info->id, &change);
  actions::Actions::AddRemoval(info->id, &change);
  Job job;
  job.kind = JobKind::kDeleteTenant;
  job.tenant = info->id;
  job.tenant_name = info->name;
  job.key_id = key_id;
  job.reason = reason;
  NL_TRY(job, jobs_->Add(std::move(job), std::move(change)));
  tenants_.Remove(info->id);
  for (const std::string& key : keys) keys_.Remove(key);
  if (ingest::TenantLog* log = FindTenant(info->id)) sealer_->OnFreed(log->Delete());
  const Status forgotten = detection_->Forget(info->id);
  if (!forgotten.ok())
    base::LogWarn("matches of a deleted tenant may be left", {{"error", forgotten.ToString()}});
  if (const Status status = actions_->Forget(info->id); !status.ok())
    base::LogWarn("deliveries of a deleted tenant may be left", {{"error", status.ToString()}});
  return job;
}

bool Engine::IsQuiet(TenantId id) const {
  ingest::TenantLog* log = nullptr;
  {
    base::MutexLock lock(logs_mutex_);
    if (const auto found = logs_.find(id); found != logs_.end()) log = found->second.get();
  }
  if (log == nullptr) return true;
  if (!log->deleted() || !sealer_->TryHold(log)) return false;
  sealer_->Unhold(log);
  log->AwaitRewrites();
  return true;
}

Result<Job> Engine::DeleteRows(ingest::TenantLog* log, std::string_view query,
                               std::string_view reason, std::string_view key_id) {
  NL_RETURN_IF_ERROR(WriteStatus());
  NL_RETURN_IF_ERROR(CheckReason(reason));
  if (query.size() > kDeleteQueryBytesMax)
    return InvalidArgument("the query has " + std::to_string(query.size()) +
                           " bytes, more than 16384");
  query::ParseOptions options;
  options.now_ns = environment_.clock->WallNs();
  NL_TRY(const query::Query parsed, query::ParseQuery(query, options));
  if (!parsed.pipes.empty())
    return InvalidArgument("a deletion takes a filter only, and the query has pipes");
  const bool is_plain = parsed.nested.empty() && parsed.options == query::QueryOptions();
  if (!is_plain)
    return InvalidArgument("a deletion takes a plain filter, without options and subqueries");
  NL_RETURN_IF_ERROR(jobs_->CheckRoom(log->id()));
  Job job;
  job.kind = JobKind::kDeleteRows;
  job.tenant = log->id();
  job.tenant_name = log->name();
  job.key_id = key_id;
  job.query = query;
  job.reason = reason;
  job.cut_lsn = log->MakeCut(journaler_->delivered_lsn());
  const uint64_t cut_lsn = job.cut_lsn;
  Result<Job> added = jobs_->Add(std::move(job));
  if (!added.ok()) log->RemoveCut(cut_lsn);
  return added;
}

bool Engine::SealBefore(ingest::TenantLog* log, uint64_t lsn) {
  const uint64_t oldest = log->buffered().oldest_lsn;
  if (oldest == 0 || oldest >= lsn) return true;
  sealer_->SealAllBefore(log, lsn);
  return false;
}

void Engine::set_retention_ns(int64_t ns) {
  if (retention_ns_.exchange(ns, std::memory_order_relaxed) != ns) retention_->SweepSoon();
}

int64_t Engine::RetentionOf(const ingest::TenantLog& log) const {
  return log.properties().retention_ns.value_or(retention_ns());
}

int64_t Engine::ExpiryOf(const ingest::TenantLog& log) const {
  const int64_t retention = RetentionOf(log);
  return retention > 0 ? environment_.clock->WallNs() - retention : INT64_MIN;
}

}  // namespace neurallog::engine
