#include "tenant/registry.h"

#include <algorithm>
#include <cctype>

#include "base/bytes.h"

namespace neurallog::tenant {
namespace {

constexpr int64_t kServersRetention = -1;  // stored for a tenant without its own

}  // namespace

Status CheckName(std::string_view name) {
  const auto alnum = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool fits = !name.empty() && name.size() <= kNameBytesMax && alnum(name[0]);
  const bool clean = std::all_of(name.begin(), name.end(), [&](char c) {
    return alnum(c) || c == '_' || c == '.' || c == '-';
  });
  if (fits && clean) return {};
  return InvalidArgument(
      "tenant name \"" + std::string(name.substr(0, 80)) +
      "\": expected 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit");
}

std::string EncodeTenant(const TenantInfo& info) {
  std::string bytes;
  base::AppendLe(&bytes, static_cast<uint32_t>(info.id));
  base::AppendLe(&bytes, info.created_ns);
  base::AppendLengthPrefixed(&bytes, info.name);
  base::AppendLe(&bytes, info.properties.retention_ns.value_or(kServersRetention));
  base::AppendLe(&bytes, info.properties.disk_quota_bytes);
  info.classes.AppendTo(&bytes);
  return bytes;
}

Result<TenantInfo> DecodeTenant(std::string_view bytes) {
  base::ByteReader reader(bytes);
  TenantInfo info;
  info.id = static_cast<TenantId>(reader.ReadLe<uint32_t>());
  info.created_ns = reader.ReadLe<int64_t>();
  info.name = reader.ReadLengthPrefixed();
  if (reader.ok() && reader.empty()) return info;  // from before there were properties
  const int64_t retention_ns = reader.ReadLe<int64_t>();
  if (retention_ns != kServersRetention) info.properties.retention_ns = retention_ns;
  info.properties.disk_quota_bytes = reader.ReadLe<uint64_t>();
  std::string_view rest = reader.ReadBytes(reader.remaining());
  if (!reader.ok() || retention_ns < kServersRetention)
    return Corruption("tenant entry of " + std::to_string(bytes.size()) + " bytes cannot be read");
  NL_TRY(info.classes, ClassHistory::Decode(&rest));
  if (!rest.empty())
    return Corruption("tenant entry of " + std::to_string(bytes.size()) + " bytes is too long");
  return info;
}

Result<TenantInfo> Registry::Plan(std::string_view name, int64_t now_ns) const {
  NL_RETURN_IF_ERROR(CheckName(name));
  base::MutexLock lock(mutex_);
  if (by_name_.find(name) != by_name_.end())
    return Conflict("tenant " + std::string(name) + " exists");
  if (by_name_.size() >= kTenantsMax)
    return ResourceExhausted("there are " + std::to_string(by_name_.size()) +
                             " tenants, which is the maximum");
  return TenantInfo{static_cast<TenantId>(next_), std::string(name), now_ns, {}, {}};
}

void Registry::Add(const TenantInfo& info) {
  base::MutexLock lock(mutex_);
  by_name_[info.name] = info;
  name_of_[info.id] = info.name;
  next_ = std::max(next_, static_cast<uint32_t>(info.id) + 1);
}

void Registry::Remove(TenantId id) {
  base::MutexLock lock(mutex_);
  const auto found = name_of_.find(id);
  if (found == name_of_.end()) return;
  by_name_.erase(found->second);
  name_of_.erase(found);
}

void Registry::ReserveBelow(uint32_t next) {
  base::MutexLock lock(mutex_);
  next_ = std::max(next_, next);
}

uint32_t Registry::next_number() const {
  base::MutexLock lock(mutex_);
  return next_;
}

std::optional<TenantInfo> Registry::Find(std::string_view name) const {
  base::MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<TenantInfo> Registry::Find(TenantId id) const {
  base::MutexLock lock(mutex_);
  const auto found = name_of_.find(id);
  return found == name_of_.end() ? std::nullopt
                                 : std::optional(by_name_.find(found->second)->second);
}

std::vector<TenantInfo> Registry::List() const {
  base::MutexLock lock(mutex_);
  std::vector<TenantInfo> tenants;
  for (const auto& [name, info] : by_name_) tenants.push_back(info);
  return tenants;
}

}  // namespace neurallog::tenant
