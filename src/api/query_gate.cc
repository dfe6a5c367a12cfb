#include "api/query_gate.h"

#include <string>

namespace neurallog::api {
namespace {

Status Full(int running, size_t waiting, std::string_view whose) {
  return ResourceExhausted(std::to_string(running) + " queries " + std::string(whose) +
                           " are running and " + std::to_string(waiting) +
                           " are waiting, which is the maximum");
}

}  // namespace

Status QueryGate::Enter(TenantId id, const GateLimits& limits, std::function<void()> start) {
  {
    base::MutexLock lock(mutex_);
    limits_ = limits;
    Tenant& tenant = tenants_[id];
    if (running_ >= limits.running_max || tenant.running >= limits.tenant_running_max) {
      if (tenant.waiting.size() >= limits.tenant_waiting_max)
        return Full(tenant.running, tenant.waiting.size(), "of this tenant");
      if (waiting_ >= limits.waiting_max) return Full(running_, waiting_, "of all tenants");
      tenant.waiting.push_back(std::move(start));
      ++waiting_;
      return {};
    }
    ++tenant.running;
    ++running_;
  }
  start();
  return {};
}

void QueryGate::Leave(TenantId id) {
  for (bool has_left = false;; has_left = true) {
    std::function<void()> next;
    {
      base::MutexLock lock(mutex_);
      if (!has_left) {
        --running_;
        const auto tenant = tenants_.find(id);
        --tenant->second.running;
        if (tenant->second.running == 0 && tenant->second.waiting.empty()) tenants_.erase(tenant);
      }
      next = NextLocked();
    }
    if (!next) return;
    next();
  }
}

std::function<void()> QueryGate::NextLocked() {
  if (running_ >= limits_.running_max || waiting_ == 0) return {};
  auto tenant = tenants_.upper_bound(last_);
  for (size_t i = 0; i < tenants_.size(); ++i, ++tenant) {
    if (tenant == tenants_.end()) tenant = tenants_.begin();
    auto& [id, queries] = *tenant;
    if (queries.waiting.empty() || queries.running >= limits_.tenant_running_max) continue;
    std::function<void()> next = std::move(queries.waiting.front());
    queries.waiting.pop_front();
    ++queries.running;
    ++running_;
    --waiting_;
    last_ = id;
    return next;
  }
  return {};
}

int QueryGate::running() const {
  base::MutexLock lock(mutex_);
  return running_;
}

size_t QueryGate::waiting() const {
  base::MutexLock lock(mutex_);
  return waiting_;
}

}  // namespace neurallog::api
