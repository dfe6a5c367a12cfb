// The tenants of this server by name and by number. Who keeps it on disk is the engine's business.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "tenant/retention.h"

namespace neurallog::tenant {

inline constexpr std::string_view kDefaultTenant = "default";
inline constexpr size_t kNameBytesMax = 64;
inline constexpr size_t kTenantsMax = 100'000;

// What an administrator may set for a tenant.
struct TenantProperties {
  std::optional<int64_t> retention_ns;  // 0: for ever; nothing: the server's
  uint64_t disk_quota_bytes = 0;        // 0: none
};

struct TenantInfo {
  TenantId id{};
  std::string name;
  int64_t created_ns = 0;
  TenantProperties properties;
  ClassHistory classes;
};

// 1 to 64 of a-z A-Z 0-9 _ . - beginning with a letter or digit.
Status CheckName(std::string_view name);

// The stored form.
std::string EncodeTenant(const TenantInfo& info);
Result<TenantInfo> DecodeTenant(std::string_view bytes);

// Thread-safe.
class Registry {
 public:
  // The information for a new tenant with the next free number; Conflict when the name is taken. Nothing is added yet.
  Result<TenantInfo> Plan(std::string_view name, int64_t now_ns) const;
  // Also in the place of one with the same number.
  void Add(const TenantInfo& info);
  void Remove(TenantId id);
  // Numbers below this one have been used, also by tenants that are gone.
  void ReserveBelow(uint32_t next);
  uint32_t next_number() const;

  std::optional<TenantInfo> Find(std::string_view name) const;
  std::optional<TenantInfo> Find(TenantId id) const;
  std::vector<TenantInfo> List() const;  // by name

 private:
  mutable base::Mutex mutex_;
  std::map<std::string, TenantInfo, std::less<>> by_name_ NL_GUARDED_BY(mutex_);
  std::map<TenantId, std::string> name_of_ NL_GUARDED_BY(mutex_);
  uint32_t next_ NL_GUARDED_BY(mutex_) = 1;
};

}  // namespace neurallog::tenant
