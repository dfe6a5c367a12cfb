// The queries that wait, run, or are being sent. Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "query/execution.h"

namespace neurallog::api {

struct ActiveQuery {
  enum class Phase : uint8_t { kWaiting, kRunning, kSending };

  // Constant once it is added.
  uint64_t id = 0;
  TenantId tenant{};
  std::string tenant_name;
  std::string key_id;
  std::string path;
  std::string text;
  int64_t started_ns = 0;  // wall clock
  int64_t started_monotonic_ns = 0;

  std::atomic<Phase> phase{Phase::kWaiting};
  std::atomic<bool> cancelled{false};
  std::atomic<int64_t> work_ns{0};  // on worker threads
  // As of the last step.
  std::atomic<uint64_t> rows_scanned{0};
  std::atomic<uint64_t> bytes_scanned{0};
  std::atomic<uint64_t> rows_returned{0};
  std::atomic<uint64_t> memory_bytes_peak{0};

  void Note(const query::ExecuteStats& stats);
};

class ActiveQueries {
 public:
  // Shared with the running query, which may outlive its entry.
  std::shared_ptr<ActiveQuery> Add(std::shared_ptr<ActiveQuery> query);
  void Remove(uint64_t id);
  // Oldest first; of all tenants when none is given.
  std::vector<std::shared_ptr<const ActiveQuery>> List(std::optional<TenantId> tenant) const;
  // False when there is no such query (of this tenant).
  bool Cancel(uint64_t id, std::optional<TenantId> tenant);

 private:
  mutable base::Mutex mutex_;
  // Bounded by what the query gates let in.
  std::map<uint64_t, std::shared_ptr<ActiveQuery>> queries_ NL_GUARDED_BY(mutex_);
  uint64_t next_id_ NL_GUARDED_BY(mutex_) = 1;
};

}  // namespace neurallog::api
