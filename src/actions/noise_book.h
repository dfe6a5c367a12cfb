// What tenants say about notices that nobody wants: stored, looked up, asked.
//
//   NL_TRY(NoiseRule silence, book.Put(tenant, rule, is_new));    // durable
//   const std::shared_ptr<const NoiseRules> rules = book.Of(tenant);   // null: nothing is said
//   if (!rules->MutedBy(labels, now_ns).empty()) ...
//
// Silences that ended kKeptNs ago go with the next change. Thread-safe but Load.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actions/noise_rule.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace neurallog::actions {

// Of one tenant. Immutable.
class NoiseRules {
 public:
  using OfKind = std::map<std::string, NoiseRule, std::less<>>;  // by id

  const OfKind& of(NoiseKind kind) const { return rules_[static_cast<size_t>(kind)]; }
  OfKind& of(NoiseKind kind) { return rules_[static_cast<size_t>(kind)]; }
  bool empty() const;

  // The silences and maintenance windows for which what is labelled so is not told now: "silence s1".
  std::vector<std::string> MutedBy(const Labels& labels, int64_t wall_ns) const;
  // Whether the time is in one of these time intervals; none of a name that does not exist.
  bool IsIn(const std::vector<std::string>& time_intervals, int64_t wall_ns) const;

 private:
  std::array<OfKind, kNoiseKinds> rules_;
};

class NoiseBook {
 public:
  static constexpr size_t kRulesMax = 1'000;  // of a kind and tenant; past it a new one is refused
  static constexpr int64_t kKeptNs = int64_t{5} * 86'400 * 1'000'000'000;

  NoiseBook(storage::Store* store, const base::Clock* clock) : store_(store), clock_(clock) {}

  Status Load();

  // Adds it, or, unless it must be new, puts it in the place of the one with its id. Conflict: it exists.
  Result<NoiseRule> Put(TenantId tenant, NoiseRule rule, bool is_new);
  // A silence is ended, and kept for a while; the rest is removed. NotFound.
  Status Delete(TenantId tenant, NoiseKind kind, std::string_view id);
  Result<NoiseRule> Get(TenantId tenant, NoiseKind kind, std::string_view id) const;
  // Null: nothing is said.
  std::shared_ptr<const NoiseRules> Of(TenantId tenant) const;

  static void AddRemoval(TenantId tenant, storage::MetaChange* change);
  void Forget(TenantId tenant);

 private:
  // Not of time intervals, which their users name.
  static std::string NewId(NoiseKind kind, int64_t now_ns);
  // Removes what is old.
  void Expire(TenantId tenant, NoiseRules* rules, storage::MetaChange* change) const;
  void Enter(TenantId tenant, NoiseRules rules);
  NoiseRules CopyOf(TenantId tenant) const;

  storage::Store* const store_;
  const base::Clock* const clock_;
  base::Mutex change_mutex_;  // one change at a time
  mutable base::Mutex mutex_;
  std::map<TenantId, std::shared_ptr<const NoiseRules>> rules_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::actions
