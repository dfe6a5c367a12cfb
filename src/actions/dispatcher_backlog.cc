// What was there at the start, read in pieces between rounds: so little at a time that what is being delivered does
// not notice.
//
// A row is either behind how far its tenant's backlog is read, and then known like any other, or ahead of it, and
// then only in the store: whoever changes one there leaves it to be found. Nothing is read while a change waits to
// be written.
#include "actions/dispatcher.h"
#include "base/log.h"

namespace neurallog::actions {
namespace {

using DeliveryPart = storage::Keyspace::DeliveryPart;

constexpr size_t kRowsRead = 2'048;             // at a time
constexpr size_t kRowsPerLetter = 16;           // that a letter takes as long as, and a tenant
constexpr int64_t kLatestNs = base::kNsPerDay;  // no attempt is further away

}  // namespace

Status Dispatcher::FindBacklogs() {
  NL_RETURN_IF_ERROR(FindFailing());
  std::set<TenantId> tenants;
  for (const DeliveryPart part : {DeliveryPart::kState, DeliveryPart::kDeadLetter})
    NL_RETURN_IF_ERROR(
        deliveries_.VisitTenants(part, [&](TenantId tenant, int64_t) { tenants.insert(tenant); }));
  monotonic_of_wall_ns_ = clock_->MonotonicNs() - clock_->WallNs();
  for (const TenantId tenant : tenants) desks_[tenant].backlog.emplace();
  unread_.assign(tenants.begin(), tenants.end());
  is_found_ = true;
  return {};
}

Status Dispatcher::ReadBacklog() {
  if (stands_still()) return {};
  size_t rows = 0;
  while (!unread_.empty() && rows < kRowsRead) {
    const TenantId tenant = unread_.front();
    unread_.pop_front();
    const auto found = desks_.find(tenant);
    if (found == desks_.end() || !found->second.backlog) continue;  // the tenant was deleted
    Desk& desk = found->second;
    rows += kRowsPerLetter;
    const Status status = desk.backlog->has_states ? ReadStates(tenant, &desk, &rows)
                                                   : ReadLetters(tenant, &desk, &rows);
    if (desk.backlog) unread_.push_back(tenant);
    NL_RETURN_IF_ERROR(status);
    if (unread_.empty()) LogBacklog();
  }
  return {};
}

void Dispatcher::LogBacklog() const {
  const int64_t ms = (clock_->WallNs() - mark_ns_) / base::kNsPerMs;
  base::LogInfo("the outbox is read", {{"waiting", std::to_string(metrics_->pending.load())},
                                       {"ms", std::to_string(ms)}});
}

Status Dispatcher::ReadStates(TenantId tenant, Desk* desk, size_t* rows) {
  Backlog& backlog = *desk->backlog;
  const DeliveryId after = backlog.states;
  const size_t before = desk->waiting;
  const auto last = deliveries_.VisitPiece(DeliveryPart::kState, tenant, after, mark_ns_, kRowsRead,
                                           [&](const DeliveryId& id, std::string_view value) {
                                             backlog.states = id;
                                             TakeWaiting(tenant, desk, id, value);
                                             ++*rows;
                                           });
  Count(tenant, static_cast<int64_t>(desk->waiting - before));
  NL_RETURN_IF_ERROR(last.status());
  if (*last) return {};
  backlog.has_states = false;
  for (const auto& [waiting, action] : std::exchange(backlog.arrived, {}))
    Line(tenant, action, waiting);
  return {};
}

void Dispatcher::TakeWaiting(TenantId tenant, Desk* desk, const DeliveryId& id,
                             std::string_view value) {
  const auto state = StateOf(value);
  const bool has_ended =
      state.ok() && (*state == DeliveryState::kDelivered || *state == DeliveryState::kDead);
  if (has_ended) return static_cast<void>(++desk->ended);
  const auto delivery = DecodeDelivery(id, value);
  if (!delivery.ok()) {
    ++desk->ended;
    return base::LogError("a delivery is left out", {{"error", delivery.status().ToString()}});
  }
  // The clock on the wall may have been set meanwhile.
  const int64_t latest_ns = clock_->MonotonicNs() + kLatestNs;
  Waiting waiting{id, std::min(ToMonotonic(delivery->due_ns), latest_ns), 0, delivery->group};
  if (delivery->since_ns != 0)
    waiting.since_ns = std::min(ToMonotonic(delivery->since_ns), latest_ns - kLatestNs);
  ++desk->waiting;
  Line(tenant, delivery->action_id, waiting);
}

Status Dispatcher::ReadLetters(TenantId tenant, Desk* desk, size_t* rows) {
  const DeliveryId after = desk->backlog->letters;
  NL_TRY(const auto last, deliveries_.VisitPiece(DeliveryPart::kDeadLetter, tenant, after, mark_ns_,
                                                 kRowsRead / kRowsPerLetter,
                                                 [&](const DeliveryId& id, std::string_view value) {
                                                   desk->backlog->letters = id;
                                                   AddLetter(desk, value.size());
                                                   *rows += kRowsPerLetter;
                                                 }));
  if (!last) desk->backlog.reset();
  return {};
}

int64_t Dispatcher::ReadUntilNs(const Desk& desk) const {
  const bool is_reading = desk.backlog && desk.backlog->has_states;
  return is_reading ? ToMonotonic(desk.backlog->states.time_ns) : INT64_MAX;
}

bool Dispatcher::IsUnread(const Desk& desk, const DeliveryId& id) const {
  return desk.backlog && desk.backlog->has_states && id.time_ns <= mark_ns_ &&
         id > desk.backlog->states;
}

bool Dispatcher::IsUnreadLetter(const Desk& desk, const DeliveryId& id) const {
  return desk.backlog && id.time_ns <= mark_ns_ && id > desk.backlog->letters;
}

}  // namespace neurallog::actions
