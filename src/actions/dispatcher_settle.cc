// How attempts end: written down, tried again, or given up.
#include "actions/dispatcher.h"
#include "base/log.h"

namespace neurallog::actions {

void Dispatcher::Settle(Mailbox::Ended ended) {
  const auto found = flights_.find(ended.flight);
  if (found == flights_.end()) return;
  Flight flight = std::move(found->second);
  flights_.erase(found);
  metrics_->in_flight = static_cast<int64_t>(flights_.size());
  if (--endpoints_[flight.action->endpoint] == 0) endpoints_.erase(flight.action->endpoint);
  const auto desk = desks_.find(flight.tenant);
  if (desk == desks_.end()) return;  // the tenant was deleted
  --desk->second.in_flight;

  Outcome& outcome = ended.outcome;
  const int64_t now_ns = clock_->MonotonicNs();
  const int64_t took_ns = now_ns - flight.begin_ns;
  metrics_->attempt_time.Record(took_ns);
  if (const auto counters = metrics_->attempts.find(flight.action->type);
      counters != metrics_->attempts.end())
    counters->second[static_cast<size_t>(outcome.kind)]->Add();
  Delivery& delivery = flight.delivery;
  ++delivery.number;
  ++delivery.tries;
  if (flight.waiting.since_ns == 0) {
    flight.waiting.since_ns = flight.begin_ns;
    delivery.since_ns = flight.begin_wall_ns;
  }
  delivery.Note({flight.begin_wall_ns, took_ns, outcome.kind, outcome.status,
                 std::move(outcome.error), std::move(outcome.answer)});

  const auto lane = desk->second.lanes.find(delivery.action_id);
  Lane* const at = lane != desk->second.lanes.end() ? &lane->second : nullptr;
  switch (outcome.kind) {
    case Outcome::Kind::kDelivered: return Deliver(&flight, at);
    case Outcome::Kind::kRetry:
      if (at == nullptr) break;
      at->Failed(now_ns);
      return Retry(&flight, at, outcome.retry_after_ns);
    case Outcome::Kind::kFinal:
      if (at != nullptr) at->Refused(now_ns);
      return GiveUp(&flight, at, DeadReason::kRefused);
    case Outcome::Kind::kGone:
      GiveUp(&flight, at, DeadReason::kGone);
      return Disable(*flight.action, "its receiver says that it is gone");
  }
  const bool exists = book_->Find(flight.tenant, delivery.action_id) != nullptr;
  GiveUp(&flight, at, exists ? DeadReason::kDisabled : DeadReason::kNoAction);
}

void Dispatcher::Deliver(Flight* flight, Lane* lane) {
  Delivery& delivery = flight->delivery;
  delivery.state = DeliveryState::kDelivered;
  delivery.ended_ns = clock_->WallNs();
  metrics_->delivered.Add();
  if (delivery.tries == delivery.number)
    metrics_->delivery_time.Record(delivery.ended_ns - delivery.id.time_ns);
  Enter(flight->tenant, delivery, {});
  ++desks_[flight->tenant].ended;
  EndWaiting(flight->tenant);
  if (lane == nullptr) return;
  lane->Succeeded();
  lane->Done(flight->waiting, Lane::End::kDelivered, clock_->MonotonicNs());
}

void Dispatcher::Retry(Flight* flight, Lane* lane, int64_t retry_after_ns) {
  Delivery& delivery = flight->delivery;
  const int64_t now_ns = clock_->MonotonicNs();
  if (retry_after_ns > 0)
    lane->PauseUntil(now_ns + std::min(retry_after_ns, 3600 * base::kNsPerSecond));
  const int64_t since_ns = flight->waiting.since_ns;
  const Tries so_far{delivery.tries, delivery.redrives,
                     since_ns != 0 ? now_ns - since_ns : RetryPolicy::kPatienceNs};
  bool is_redrive = false;
  const auto delay_ns = flight->action->retry.Delay(so_far, retry_after_ns, Chance(), &is_redrive);
  if (!delay_ns) return GiveUp(flight, lane, DeadReason::kExhausted);
  delivery.state = DeliveryState::kRetrying;
  delivery.due_ns = clock_->WallNs() + *delay_ns;
  if (is_redrive) ++delivery.redrives;
  Enter(flight->tenant, delivery, {});
  lane->Done(flight->waiting, Lane::End::kRetry, now_ns);
  flight->waiting.due_ns = now_ns + *delay_ns;
  lane->Push(flight->waiting);
}

void Dispatcher::GiveUp(Flight* flight, Lane* lane, DeadReason reason) {
  auto notice = deliveries_.Notice(flight->tenant, flight->delivery.id);
  if (!notice.ok())
    base::LogError(
        "what a delivery says cannot be read",
        {{"delivery", DeliveryIdText(flight->delivery.id)}, {"error", notice.status().ToString()}});
  Bury(flight->tenant, std::move(flight->delivery), notice.ok() ? *notice : "{}", reason);
  if (lane != nullptr) lane->Done(flight->waiting, Lane::End::kDead, clock_->MonotonicNs());
}

void Dispatcher::Bury(TenantId tenant, Delivery delivery, const std::string& notice,
                      DeadReason reason) {
  delivery.state = DeliveryState::kDead;
  delivery.reason = reason;
  delivery.ended_ns = clock_->WallNs();
  Enter(tenant, delivery, notice);
  NoteLetter(tenant, delivery.id, EncodeDeadLetter(delivery, notice).size(), reason);
  EndWaiting(tenant);
}

void Dispatcher::NoteLetter(TenantId tenant, const DeliveryId& id, size_t bytes,
                            DeadReason reason) {
  Desk& desk = desks_[tenant];
  ++desk.ended;
  if (!IsUnreadLetter(desk, id)) AddLetter(&desk, bytes);
  metrics_->dead[static_cast<size_t>(reason)]->Add();
}

void Dispatcher::AddLetter(Desk* desk, size_t bytes) {
  ++desk->letters;
  desk->letter_bytes += bytes;
  ++metrics_->letters;
  metrics_->letter_bytes += static_cast<int64_t>(bytes);
}

// A row that history has passed goes when it ends.
void Dispatcher::Enter(TenantId tenant, const Delivery& delivery, std::string_view notice) {
  DeliveryStore::AddState(tenant, delivery, notice, &change_);
  if (!delivery.is_waiting() && delivery.id.time_ns < desks_[tenant].history_ns)
    DeliveryStore::AddRemoved(tenant, delivery.id, &change_);
}

void Dispatcher::EndWaiting(TenantId tenant) {
  --desks_[tenant].waiting;
  Count(tenant, -1);
}

}  // namespace neurallog::actions
