#include "api/active_queries.h"

namespace neurallog::api {

void ActiveQuery::Note(const query::ExecuteStats& stats) {
  rows_scanned.store(stats.rows_scanned, std::memory_order_relaxed);
  bytes_scanned.store(stats.bytes_scanned, std::memory_order_relaxed);
  rows_returned.store(stats.rows_returned, std::memory_order_relaxed);
  memory_bytes_peak.store(stats.memory_bytes_peak, std::memory_order_relaxed);
}

std::shared_ptr<ActiveQuery> ActiveQueries::Add(std::shared_ptr<ActiveQuery> query) {
  base::MutexLock lock(mutex_);
  query->id = next_id_++;
  queries_.emplace(query->id, query);
  return query;
}

void ActiveQueries::Remove(uint64_t id) {
  base::MutexLock lock(mutex_);
  queries_.erase(id);
}

std::vector<std::shared_ptr<const ActiveQuery>> ActiveQueries::List(
    std::optional<TenantId> tenant) const {
  std::vector<std::shared_ptr<const ActiveQuery>> list;
  base::MutexLock lock(mutex_);
  for (const auto& [id, query] : queries_)
    if (!tenant || query->tenant == *tenant) list.push_back(query);
  return list;
}

bool ActiveQueries::Cancel(uint64_t id, std::optional<TenantId> tenant) {
  base::MutexLock lock(mutex_);
  const auto query = queries_.find(id);
  if (query == queries_.end() || (tenant && query->second->tenant != *tenant)) return false;
  query->second->cancelled.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace neurallog::api
