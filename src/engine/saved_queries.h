// Queries that a tenant keeps under names. Durable when Put and Delete return; they go with the tenant.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/store.h"

namespace neurallog::engine {

struct SavedQuery {
  std::string name;
  std::string query;
  std::string description;
  int64_t created_ns = 0;
  int64_t updated_ns = 0;

  // Changes whenever the query is written.
  std::string Version() const;
};

// docs/formats/keys.md
std::string SavedQueryPrefix(TenantId tenant);

class SavedQueries {
 public:
  static constexpr size_t kPerTenantMax = 1'000;
  static constexpr size_t kNameBytesMax = 64;
  static constexpr size_t kDescriptionBytesMax = 1'000;

  SavedQueries(storage::Store* store, const base::Clock* clock) : store_(store), clock_(clock) {}

  // What must hold for a change to be made; else Conflict.
  struct Expectation {
    bool is_new = false;                 // there is no query of this name
    std::optional<std::string> version;  // the query has this version
  };
  // Writes name, query and description. InvalidArgument for a bad name or text, ResourceExhausted at kPerTenantMax.
  Result<SavedQuery> Put(TenantId tenant, SavedQuery query, const Expectation& expectation);
  Status Delete(TenantId tenant, std::string_view name, const Expectation& expectation);
  // NotFound.
  Result<SavedQuery> Get(TenantId tenant, std::string_view name) const;
  // By name.
  Result<std::vector<SavedQuery>> List(TenantId tenant) const;

 private:
  storage::Store* const store_;
  const base::Clock* const clock_;
  base::Mutex mutex_;  // one change at a time
};

}  // namespace neurallog::engine
