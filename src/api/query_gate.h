// Lets a bounded number of queries run at once, and a bounded number wait. Tenants take turns: one that asks much waits for itself, not
// before the others.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::api {

struct GateLimits {
  int running_max = 64;
  int tenant_running_max = 48;
  size_t waiting_max = 256;
  size_t tenant_waiting_max = 192;
};

// Thread-safe.
class QueryGate {
 public:
  // Calls `start` now, or when a running query leaves and it is the tenant's turn. ResourceExhausted when as many wait as may. Each
  // started query must Leave.
  Status Enter(TenantId tenant, const GateLimits& limits, std::function<void()> start);
  void Leave(TenantId tenant);

  int running() const;
  size_t waiting() const;

 private:
  struct Tenant {
    int running = 0;
    std::deque<std::function<void()>> waiting;
  };
  // The query whose turn it is, counted as running; nothing when none may start.
  std::function<void()> NextLocked() NL_REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  GateLimits limits_ NL_GUARDED_BY(mutex_);  // of the last Enter
  // Tenants that have a query here.
  std::map<TenantId, Tenant> tenants_ NL_GUARDED_BY(mutex_);
  TenantId last_ NL_GUARDED_BY(mutex_){};  // whose query left the queue last
  int running_ NL_GUARDED_BY(mutex_) = 0;
  size_t waiting_ NL_GUARDED_BY(mutex_) = 0;
};

}  // namespace neurallog::api
