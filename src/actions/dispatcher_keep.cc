// What the dispatcher keeps: bounded while it runs, changed by its users.
#include "actions/dispatcher.h"
#include "base/log.h"

namespace neurallog::actions {
namespace {

constexpr int64_t kTidyNs = base::kNsPerSecond;      // between looks at what is too much ...
constexpr int64_t kAgeNs = 10 * base::kNsPerSecond;  // ... and at what is too old

}  // namespace

void Dispatcher::ForgetLetter(Desk* desk, const DeadLetter& letter) {
  if (!IsUnreadLetter(*desk, letter.delivery.id))
    ForgetLetters(desk, 1, EncodeDeadLetter(letter.delivery, letter.notice).size());
}

void Dispatcher::ForgetLetters(Desk* desk, uint64_t letters, uint64_t bytes) {
  letters = std::min(letters, desk->letters);
  bytes = std::min(bytes, desk->letter_bytes);
  desk->letters -= letters;
  desk->letter_bytes -= bytes;
  metrics_->letters -= static_cast<int64_t>(letters);
  metrics_->letter_bytes -= static_cast<int64_t>(bytes);
}

void Dispatcher::Tidy(int64_t now_ns) {
  if (now_ns - tidied_ns_ < kTidyNs) return;
  tidied_ns_ = now_ns;
  const bool ages = now_ns - aged_ns_ >= kAgeNs;
  if (ages) aged_ns_ = now_ns;
  int64_t oldest_ns = 0;
  for (auto& [tenant, desk] : desks_) {
    if (desk.backlog) continue;
    Status status = TidyDesk(tenant, ages, &desk);
    if (status.ok()) status = TidyLetters(tenant, ages, &desk);
    if (!status.ok())
      base::LogWarn("old deliveries cannot be removed", {{"error", status.ToString()}});
    if (!ages || desk.letters == 0) continue;
    const auto first_ns = deliveries_.FirstLetterTime(tenant);
    if (first_ns.ok() && *first_ns != 0 && (oldest_ns == 0 || *first_ns < oldest_ns))
      oldest_ns = *first_ns;
  }
  if (ages) metrics_->oldest_letter_ns = oldest_ns;
  LookAtHealth(now_ns);
}

Status Dispatcher::TidyDesk(TenantId tenant, bool ages, Desk* desk) {
  const uint64_t most = options_.history_max;
  const uint64_t excess = desk->ended > most ? desk->ended - most / 16 * 15 : 0;
  if (excess == 0 && !ages) return {};
  NL_TRY(const uint64_t removed,
         deliveries_.Trim(tenant, excess, clock_->WallNs() - options_.history_ns, &desk->history_ns,
                          &change_));
  desk->ended -= std::min(desk->ended, removed);
  return {};
}

Status Dispatcher::TidyLetters(TenantId tenant, bool ages, Desk* desk) {
  const uint64_t most = options_.dead_letters_max, bytes_most = options_.dead_letter_bytes_max;
  const uint64_t excess = desk->letters > most ? desk->letters - most / 16 * 15 : 0;
  const uint64_t excess_bytes =
      desk->letter_bytes > bytes_most ? desk->letter_bytes - bytes_most / 16 * 15 : 0;
  if (desk->letters == 0 || (excess == 0 && excess_bytes == 0 && !ages)) return {};
  NL_TRY(const auto trimmed,
         deliveries_.TrimLetters(tenant, excess, excess_bytes,
                                 clock_->WallNs() - options_.dead_letter_ns, &change_));
  ForgetLetters(desk, trimmed.letters, trimmed.bytes);
  metrics_->letters_dropped.Add(trimmed.letters);
  return {};
}

void Dispatcher::Make(TenantId tenant, Delivery delivery, std::string notice) {
  const int64_t now_ns = clock_->WallNs();
  made_ns_ = std::max(made_ns_ + 1, now_ns);
  delivery.id = {made_ns_, random_()};
  delivery.due_ns = now_ns;
  DeliveryStore::AddNew(tenant, delivery, notice, &change_);
  Count(tenant, 1);
  std::vector<NewDelivery> all;
  all.push_back({tenant, std::move(delivery), std::move(notice)});
  TakeIn(std::move(all));
}

// What it was stays in the history.
void Dispatcher::Renew(TenantId tenant, DeadLetter letter) {
  DeliveryStore::AddRemovedLetter(tenant, letter.delivery.id, &change_);
  letter.delivery.number = 0;
  letter.delivery.attempts.clear();
  Make(tenant, std::move(letter.delivery), std::move(letter.notice));
}

Status Dispatcher::Revive(TenantId tenant, ReplayAs as, DeadLetter letter) {
  Delivery& delivery = letter.delivery;
  Lane* const lane = FindLane(tenant, delivery.action_id);
  if (lane == nullptr)
    return Conflict("action \"" + delivery.action_id + "\" does not exist or is disabled");
  if (!HasRoom(tenant, 1)) return ResourceExhausted("too many deliveries wait already");
  Desk& desk = desks_[tenant];
  ForgetLetter(&desk, letter);
  delivery.state = DeliveryState::kPending;
  delivery.reason = DeadReason::kNone;
  delivery.tries = delivery.redrives = 0;
  delivery.since_ns = delivery.ended_ns = 0;
  delivery.due_ns = clock_->WallNs();
  metrics_->replayed.Add();
  if (as == ReplayAs::kNew) return Renew(tenant, std::move(letter)), Status();
  DeliveryStore::AddRevived(tenant, letter, &change_);
  if (IsUnread(desk, delivery.id)) return {};  // it is found there
  if (desk.ended > 0) --desk.ended;
  ++desk.waiting;
  Count(tenant, 1);
  lane->Push({delivery.id, clock_->MonotonicNs(), 0, delivery.group});
  return {};
}

Result<size_t> Dispatcher::Replay(TenantId tenant, const DeliveryQuery& query, ReplayAs as,
                                  std::optional<DeliveryId>* next) {
  size_t revived = 0;
  NL_RETURN_IF_ERROR(Submit([&]() -> Status {
    DeliveryQuery bounded = query;
    bounded.limit = std::min(query.limit, kReplayedMax);
    NL_TRY(const auto letters, deliveries_.Letters(tenant, bounded, next));
    for (const Delivery& dead : letters) {
      NL_TRY(DeadLetter letter, deliveries_.Letter(tenant, dead.id));
      const Status status = Revive(tenant, as, std::move(letter));
      if (status.ok()) ++revived;
      else if (status.code() != Code::kConflict) return status;
    }
    return {};
  }));
  return revived;
}

Status Dispatcher::ReplayOne(TenantId tenant, const DeliveryId& id, ReplayAs as) {
  return Submit([&]() -> Status {
    NL_TRY(DeadLetter letter, deliveries_.Letter(tenant, id));
    return Revive(tenant, as, std::move(letter));
  });
}

Status Dispatcher::RemoveLetter(TenantId tenant, const DeliveryId& id) {
  return Submit([&]() -> Status {
    NL_TRY(const DeadLetter letter, deliveries_.Letter(tenant, id));
    DeliveryStore::AddRemovedLetter(tenant, id, &change_);
    ForgetLetter(&desks_[tenant], letter);
    return {};
  });
}

Result<size_t> Dispatcher::RemoveLetters(TenantId tenant, const DeliveryQuery& query,
                                         std::optional<DeliveryId>* next) {
  size_t removed = 0;
  NL_RETURN_IF_ERROR(Submit([&]() -> Status {
    DeliveryQuery bounded = query;
    bounded.limit = std::min(query.limit, kReplayedMax);
    NL_TRY(const auto letters, deliveries_.Letters(tenant, bounded, next));
    for (const Delivery& dead : letters) {
      NL_TRY(const DeadLetter letter, deliveries_.Letter(tenant, dead.id));
      DeliveryStore::AddRemovedLetter(tenant, dead.id, &change_);
      ForgetLetter(&desks_[tenant], letter);
      ++removed;
    }
    return {};
  }));
  return removed;
}

Status Dispatcher::Forget(TenantId tenant) {
  return Submit([this, tenant]() -> Status {
    if (const auto desk = desks_.find(tenant); desk != desks_.end()) {
      Count(tenant, -static_cast<int64_t>(desk->second.waiting));
      ForgetLetters(&desk->second, desk->second.letters, desk->second.letter_bytes);
      desks_.erase(desk);
    }
    std::erase_if(dying_, [tenant](const Dying& dying) { return dying.tenant == tenant; });
    std::erase_if(failing_, [tenant](const auto& one) { return one.first.first == tenant; });
    DeliveryStore::AddRemoval(tenant, &change_);
    return {};
  });
}

}  // namespace neurallog::actions
