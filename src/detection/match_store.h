// The matches of all tenants in `meta`, the state of their rules, and how far the rule stage has come: all
// written as one, so that a match is neither lost nor there twice whenever the process dies.
//
//   store.Add(tenant, match);
//   Status written = store.Commit(progress, {});     // when it fails, what was added is still there
//
// What is written at a time lies in blocks (match_block.h). Per tenant at most MatchLimits are kept; at a bound the
// oldest blocks go, about a sixteenth of all at a time.
// Add, Commit, Expire, Forget: one thread. The rest: any.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "detection/match_block.h"
#include "detection/options.h"
#include "storage/store.h"

namespace neurallog::detection {

// Which matches are asked for.
struct MatchQuery {
  std::string rule_id;  // empty: any
  rules::Severity severity_min = rules::Severity::kInfo;
  TimeRange range;               // of the times of the records
  std::optional<MatchId> after;  // only older ones than this
  size_t limit = 100;
};

// Where the stage goes on after a start.
struct Progress {
  storage::LogPosition reported;  // matches of rows before it are written
  storage::LogPosition
      rebuild;  // no state of a rule lacks rows from before it; not behind `reported`
  bool operator==(const Progress&) const = default;
};

// The state of a tenant's rules after all rows before a place.
struct StoredState {
  storage::LogPosition until;  // zeros: none is stored
  std::string bytes;           // empty: none of the rules has one
  bool operator==(const StoredState&) const = default;
};

// Where the tenant's matches, alerts and the like are.
inline storage::Keyspace KeysOf(TenantId tenant) { return {tenant, /*generation=*/0}; }

// Of a key of a match or of an alert.
inline MatchId IdOfKey(std::string_view key) {
  return {storage::Keyspace::TimeOfMatch(key), storage::Keyspace::HashOfMatch(key)};
}

class MatchStore {
 public:
  MatchStore(const MatchLimits& limits, storage::Store* store) : limits_(limits), store_(store) {}

  // Zeros: never written.
  Result<Progress> ReadProgress() const;
  Result<StoredState> ReadState(TenantId tenant) const;
  // Puts the state in the place of the one that is stored.
  static void AddState(TenantId tenant, const StoredState& state, storage::MetaChange* change);

  // Whether a match of this id is written already.
  bool Contains(TenantId tenant, const MatchId& id) const;
  void Add(TenantId tenant, const Match& match);
  // Of what was added since the last Commit.
  size_t pending_bytes() const { return pending_bytes_; }
  bool has_pending() const { return pending_bytes_ > 0; }
  // Writes what was added, the progress, and `extra` with them.
  Status Commit(const Progress& progress, storage::MetaChange extra);

  // Removes matches of records from before `oldest_ns`, of every tenant.
  Status Expire(const std::function<int64_t(TenantId)>& oldest_ns);
  // The tenant is deleted.
  Status Forget(TenantId tenant);
  static void AddRemoval(TenantId tenant, storage::MetaChange* change);

  // Newest first; *more says whether there are others. JSON objects.
  Result<std::vector<std::string>> List(TenantId tenant, const MatchQuery& query,
                                        std::optional<MatchId>* next) const;
  // NotFound.
  Result<std::string> Get(TenantId tenant, const MatchId& id) const;

 private:
  struct Totals {
    uint64_t matches = 0;
    uint64_t bytes = 0;
    bool is_changed = false;
  };
  Totals* TotalsOf(TenantId tenant);
  void Close(TenantId tenant, MatchBlock* block);
  // Enters into `change` that the oldest go until `totals` are within `limits`, and what is older than `oldest_ns`.
  Status Trim(TenantId tenant, int64_t oldest_ns, Totals* totals, storage::MetaChange* change);

  const MatchLimits limits_;
  storage::Store* const store_;
  std::map<std::pair<TenantId, int64_t>, MatchBlock> open_;  // by tenant and the minute's begin
  storage::MetaChange pending_;                              // blocks that are closed
  size_t pending_bytes_ = 0;
  std::map<TenantId, Totals> totals_;
};

}  // namespace neurallog::detection
