// How jobs and the properties of tenants are shown.
#pragma once

#include <optional>
#include <string>

#include "api/api.h"
#include "engine/jobs.h"

namespace neurallog::api {

std::string JobJson(const engine::Job& job);
// 202 with the job, and its place in Location.
void SendAccepted(const http::ResponderPtr& responder, const engine::Job& job);

std::string RetentionText(std::optional<int64_t> retention_ns);  // "30d", "forever", "default"
std::string QuotaText(uint64_t bytes);                           // "10GiB", "none"

// The tenant that a request is about: the key's, or for administrators the one of `name`; null when these name none. NotFound when it does
// not exist, PermissionDenied when a tenant's key names another.
Result<ingest::TenantLog*> TenantAskedFor(const Context& context, std::string_view name);

}  // namespace neurallog::api
