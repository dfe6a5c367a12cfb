// Keys of the `meta` column family that more than one file uses. docs/formats/keys.md
#pragma once

#include <string>
#include <string_view>

#include "neurallog/log_record.h"

namespace neurallog::engine {

inline constexpr std::string_view kTenantPrefix = "tenant/";
inline constexpr std::string_view kKeyPrefix = "key/";
inline constexpr std::string_view kNextTenantKey = "next_tenant";
inline constexpr std::string_view kServerClassesKey = "server_classes";

inline std::string TenantMetaKey(TenantId id) {
  return std::string(kTenantPrefix) + std::to_string(static_cast<uint32_t>(id));
}
inline std::string KeyMetaKey(std::string_view id) { return std::string(kKeyPrefix).append(id); }

}  // namespace neurallog::engine
