#include "actions/actions.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace neurallog::actions {

Actions::Actions(const Options& options, storage::Store* store, const base::Clock* clock,
                 metrics::Registry* registry, SinkHost* sink_host)
    : clock_(clock),
      metrics_(registry),
      noise_(store, clock),
      book_(options, store, &noise_, clock, sink_host),
      dispatcher_(options, store, &book_, clock, &metrics_),
      outbox_(store, &book_, &noise_, &dispatcher_, clock, &metrics_) {
  book_.OnChange(
      [this](TenantId tenant, const std::string& id) { dispatcher_.ActionChanged(tenant, id); });
  registry->AddGauge("neurallog_dead_letter_oldest_seconds", "Age of the oldest dead letter.",
                     [this] {
                       const int64_t oldest_ns = metrics_.oldest_letter_ns.load();
                       if (oldest_ns == 0) return 0.0;
                       return static_cast<double>(clock_->WallNs() - oldest_ns) * 1e-9;
                     });
}

Status Actions::Load() {
  NL_RETURN_IF_ERROR(noise_.Load());
  NL_RETURN_IF_ERROR(book_.Load());
  return outbox_.Load();
}

Status Actions::RemoveNoise(TenantId tenant, NoiseKind kind, std::string_view id) {
  if (const auto user = kind == NoiseKind::kTimeInterval ? book_.UserOf(tenant, id) : std::nullopt)
    return Conflict(fmt::format("time interval \"{}\" is used by action \"{}\"", id, *user));
  return noise_.Delete(tenant, kind, id);
}

Status Actions::Start(const detection::MatchStore* matches, Outbox::TenantName tenant_name) {
  NL_TRY(const int64_t last_ns, dispatcher_.deliveries().LastTime());
  const int64_t mark_ns = std::max(last_ns, clock_->WallNs());
  outbox_.Start(mark_ns, matches, tenant_name);
  dispatcher_.Start(mark_ns, std::move(tenant_name));
  return {};
}

void Actions::Test(std::shared_ptr<const Action> action, const std::string& notice, int64_t wall_ns,
                   std::function<void(Outcome)> done) {
  const std::string id = DeliveryIdText({wall_ns, base::Hash64(action->id)}).insert(4, "test_");
  Attempt attempt;
  attempt.delivery_id = id;
  attempt.wall_ns = wall_ns;
  attempt.notice = notice;
  action->sink->Deliver(
      attempt, [action, done = std::move(done)](Outcome outcome) { done(std::move(outcome)); });
}

void Actions::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  ActionBook::AddRemoval(tenant, change);
  DeliveryStore::AddRemoval(tenant, change);
  Dispatcher::AddFailingRemoval(tenant, change);
  NoiseBook::AddRemoval(tenant, change);
  GroupBook::AddRemoval(tenant, change);
}

Status Actions::Forget(TenantId tenant) {
  book_.Forget(tenant);
  noise_.Forget(tenant);
  return dispatcher_.Forget(tenant);
}

}  // namespace neurallog::actions
