// Actions of tenants, as the server runs them: somebody is told of what rules find, whatever breaks meanwhile.
//
//   Actions actions(options, &store, clock, registry, &sink_host);
//   NL_RETURN_IF_ERROR(actions.Load());
//   NL_RETURN_IF_ERROR(actions.Start(&detection.matches(), tenant_name));
//   stage_host.follower = actions.follower();                       // before rules run
//   NL_TRY(StoredAction action, actions.book().Put(tenant, draft, {}));
//
// Guarantees: what a rule with actions finds is delivered at least once, always with the same id, or is a dead letter
// within 30 seconds after the first failure (its action may want more tries), which can be replayed.
// Thread-safe but Load, Start and Stop.
#pragma once

#include <string>
#include <vector>

#include "actions/action_book.h"
#include "actions/dispatcher.h"
#include "actions/outbox.h"

namespace neurallog::actions {

class Actions {
 public:
  Actions(const Options& options, storage::Store* store, const base::Clock* clock,
          metrics::Registry* registry, SinkHost* sink_host);

  Status Load();
  Status Start(const detection::MatchStore* matches, Outbox::TenantName tenant_name);
  void Stop() { dispatcher_.Stop(); }

  detection::Follower* follower() { return &outbox_; }
  ActionBook& book() { return book_; }
  const ActionBook& book() const { return book_; }
  NoiseBook& noise() { return noise_; }
  const NoiseBook& noise() const { return noise_; }
  // Conflict: an action refers to the time interval.
  Status RemoveNoise(TenantId tenant, NoiseKind kind, std::string_view id);
  Dispatcher& dispatcher() { return dispatcher_; }
  const DeliveryStore& deliveries() const { return dispatcher_.deliveries(); }

  // One attempt with a sample, which is kept nowhere. `done` is called on any thread, exactly once.
  static void Test(std::shared_ptr<const Action> action, const std::string& notice, int64_t wall_ns,
                   std::function<void(Outcome)> done);

  // The tenant is deleted: what its owner must remove with it, and what follows.
  static void AddRemoval(TenantId tenant, storage::MetaChange* change);
  Status Forget(TenantId tenant);

 private:
  const base::Clock* const clock_;
  DispatchMetrics metrics_;
  NoiseBook noise_;
  ActionBook book_;
  Dispatcher dispatcher_;
  Outbox outbox_;
};

}  // namespace neurallog::actions
