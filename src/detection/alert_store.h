// The alerts of all tenants, in the `meta` column family. The stage tells it what happens and writes what follows
// as one with its matches and its place in the log, so that an alert is neither lost nor there twice.
//
//   store.Open(tenant, rules, now);                   // before anything else of the tenant
//   store.Match(tenant, ...); store.Advance(tenant, ...);
//   store.AddTo(&change);  ... written ...  store.Written();
//
// transitions(), read before Written, is what that write makes durable, in order: whoever is to act on it adds what
// it needs to the same write. Of a tenant at most AlertLimits are kept; resolved ones go after a while.
// List and Get: any thread. The rest: one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "detection/alert_book.h"

namespace neurallog::detection {

// Which alerts are asked for.
struct AlertQuery {
  AlertStates states = AlertStates().set();
  std::string rule_id;  // empty: any
  rules::Severity severity_min = rules::Severity::kInfo;
  int64_t since_ns =
      INT64_MIN;  // those of before, whose last match is older and which are resolved, are left out
  std::optional<AlertId> after;  // only those that began earlier than this
  size_t limit = 100;
};

class AlertStore {
 public:
  AlertStore(const AlertLimits& limits, storage::Store* store, AlertMetrics* metrics)
      : limits_(limits), store_(store), metrics_(metrics) {}

  // Whether the tenant has alerts that are not resolved.
  bool HasLive(TenantId tenant) { return TotalsOf(tenant)->live > 0; }
  // Reads what is stored, unless that was done. Alerts of rules that do not run are resolved.
  Status Open(TenantId tenant, const CompiledRules* rules, int64_t wall_ns);
  // Of a tenant that is open; null: there are no rules any more.
  void SetRules(TenantId tenant, const CompiledRules* rules, int64_t wall_ns);
  void Close(TenantId tenant);

  // AlertBook says what these do. A tenant that is not open has no alerts.
  void Match(TenantId tenant, const CompiledRules& rules, const rules::Firing& firing,
             const MatchId& match, std::optional<storage::LogPosition> at, int64_t received_ns,
             const AlertBook::Ask& ask, const MatchTexts& enriched = {});
  void Retell(TenantId tenant, const CompiledRules& rules, const rules::Firing& firing,
              const MatchId& match, storage::LogPosition at, int64_t received_ns);
  void Advance(TenantId tenant, int64_t wall_ns, const AlertBook::Ask& ask);
  Status Obey(TenantId tenant, const AlertId& id, const AlertOrder& order);

  // Something has happened to alerts since Written, or some have gone on and AddTo need not leave them for later.
  bool is_changed() const;
  // Some have gone on and are not written yet.
  bool IsBehind(TenantId tenant) const;
  // And the last AddTo has left them for later: the log is needed from before that.
  bool LeavesBehind(TenantId tenant) const { return left_.count(tenant) > 0; }
  std::vector<AlertTransition> transitions() const;
  // Alerts that only go on: all of them if `all`, else so many as come in a moment in which nothing much happens.
  Status AddTo(bool all, storage::MetaChange* change);
  void Written();

  // Removes alerts that were resolved too long ago, of every tenant.
  Status Expire(int64_t wall_ns);
  static void AddRemoval(TenantId tenant, storage::MetaChange* change);
  // The tenant is deleted.
  Status Forget(TenantId tenant);

  // The newest first; *next is set when there may be more.
  Result<std::vector<Alert>> List(TenantId tenant, const AlertQuery& query,
                                  std::optional<AlertId>* next) const;
  // Of a tenant that is open, those that are firing or acknowledged, as they are now. By the thread that writes.
  void VisitFiring(TenantId tenant, const std::function<void(const Alert&)>& visit) const;
  // NotFound.
  Result<Alert> Get(TenantId tenant, const AlertId& id) const;

 private:
  struct Totals {
    uint64_t live = 0;
    uint64_t resolved = 0;
  };
  // That alerts may go on and be written at once, between two times that all are.
  static constexpr size_t kGoingOnMax = 1'000;

  template <typename Work>
  void With(TenantId tenant, Work work);
  Totals* TotalsOf(TenantId tenant);
  static void AddTotals(TenantId tenant, const Totals& totals, storage::MetaChange* change);
  // Enters into `change` that resolved alerts go: the oldest, until there are at most `resolved_max`, and those
  // of before `ended_ns`.
  Status Trim(TenantId tenant, uint64_t resolved_max, int64_t ended_ns, Totals* totals,
              storage::MetaChange* change) const;

  const AlertLimits limits_;
  storage::Store* const store_;
  AlertMetrics* const metrics_;
  std::map<TenantId, AlertBook> books_;
  std::set<TenantId> changed_;  // since Written
  std::set<TenantId> left_;     // of these: AddTo was to leave alerts that go on
  size_t going_on_left_ = kGoingOnMax;
  std::map<TenantId, Totals> totals_;      // as they are stored
  std::map<TenantId, Totals> new_totals_;  // as AddTo has entered them
};

}  // namespace neurallog::detection
