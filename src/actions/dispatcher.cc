#include "actions/dispatcher.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/thread.h"

namespace neurallog::actions {
namespace {

constexpr int64_t kIdleNs = 200 * base::kNsPerMs;
constexpr int64_t kRetryWriteNs = 500 * base::kNsPerMs;
constexpr int64_t kStopNs = 2 * base::kNsPerSecond;
constexpr int64_t kImpatientNs = base::kNsPerSecond;  // between looks at what waits too long
constexpr size_t kImpatientMax = 2'000;               // at a time
constexpr size_t kBuriedMax = 1'000;                  // at a time
constexpr char kOutboxMarkKey[] = "outbox_mark";

void Pause(int64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); }

}  // namespace

Dispatcher::Dispatcher(const Options& options, storage::Store* store, ActionBook* book,
                       const base::Clock* clock, DispatchMetrics* metrics)
    : options_(options),
      store_(store),
      deliveries_(store),
      book_(book),
      clock_(clock),
      metrics_(metrics) {}

void Dispatcher::Start(int64_t mark_ns, TenantName tenant_name) {
  mark_ns_ = made_ns_ = mark_ns;
  tenant_name_ = std::move(tenant_name);
  {
    base::MutexLock lock(mutex_);
    stopped_ = false;
  }
  thread_ = base::StartThread("nl-actions", [this] { Loop(); });
}

void Dispatcher::Stop() {
  if (!thread_.joinable()) return;
  stop_.store(true);
  mailbox_->Wake();
  thread_.join();
}

void Dispatcher::Add(std::vector<NewDelivery> fresh) {
  for (const NewDelivery& one : fresh)
    if (one.delivery.is_waiting()) Count(one.tenant, 1);
  mailbox_->Post([&](Mailbox::Mail* mail) {
    mail->fresh.insert(mail->fresh.end(), std::make_move_iterator(fresh.begin()),
                       std::make_move_iterator(fresh.end()));
  });
}

void Dispatcher::Count(TenantId tenant, int64_t more) {
  base::MutexLock lock(mutex_);
  waiting_[tenant] += static_cast<size_t>(more);
  waiting_total_ += static_cast<size_t>(more);
  metrics_->pending += more;
}

bool Dispatcher::HasRoom(TenantId tenant, size_t more) const {
  base::MutexLock lock(mutex_);
  const auto of = waiting_.find(tenant);
  const size_t own = of != waiting_.end() ? of->second : 0;
  return waiting_total_ + more <= options_.pending_max &&
         own + more <= options_.pending_per_tenant_max;
}

void Dispatcher::ActionChanged(TenantId tenant, const std::string& id) {
  mailbox_->Post([&](Mailbox::Mail* mail) { mail->changed.emplace_back(tenant, id); });
}

void Dispatcher::Loop() {
  while (!stop_.load()) {
    if (const Status status = is_found_ ? ReadBacklog() : FindBacklogs(); !status.ok()) {
      base::LogError("the outbox cannot be read", {{"error", status.ToString()}});
      Pause(kRetryWriteNs);
      if (!is_found_) continue;
    }
    Round();
    const int64_t now_ns = clock_->MonotonicNs();
    mailbox_->Sleep(std::min(kIdleNs, NextNs(now_ns) - now_ns));
  }
  // What has ended soon is written, so that it is not attempted again after the next start.
  const int64_t until_ns = clock_->MonotonicNs() + kStopNs;
  while (!flights_.empty() && clock_->MonotonicNs() < until_ns) {
    mailbox_->Sleep(10 * base::kNsPerMs);
    Mailbox::Mail mail = mailbox_->Take();
    for (Mailbox::Ended& ended : mail.ended) Settle(std::move(ended));
    Refuse(std::move(mail.commands));
  }
  Write();
  {
    base::MutexLock lock(mutex_);
    stopped_ = true;
  }
  Refuse(mailbox_->Take().commands);
}

void Dispatcher::Refuse(std::vector<Mailbox::Command> commands) {
  for (Mailbox::Command& command : commands)
    command.done.set_value(Unavailable("the server is shutting down"));
}

// Attempts begin behind the write: what is new is on the disk by then.
void Dispatcher::Round() {
  Mailbox::Mail mail = mailbox_->Take();
  for (Mailbox::Ended& ended : mail.ended) Settle(std::move(ended));
  TakeIn(std::move(mail.fresh));
  for (const auto& [tenant, id] : mail.changed) Refresh(tenant, id);
  const int64_t now_ns = clock_->MonotonicNs();
  if (now_ns - lost_none_ns_ >= kImpatientNs) {
    lost_none_ns_ = now_ns;
    LoseNone(now_ns);
  }
  BuryDying();
  const bool is_written = Write();
  for (Mailbox::Command& command : mail.commands) Run(&command);
  if (is_written) {
    DisableDoomed();
    StartDue();
  }
  Tidy(clock_->MonotonicNs());
}

void Dispatcher::TakeIn(std::vector<NewDelivery> fresh) {
  const int64_t now_ns = clock_->MonotonicNs();
  for (NewDelivery& one : fresh) {
    const Delivery& delivery = one.delivery;
    Desk& desk = desks_[one.tenant];
    if (!delivery.is_waiting()) {
      NoteLetter(one.tenant, delivery.id, EncodeDeadLetter(delivery, one.notice).size(),
                 delivery.reason);
      continue;
    }
    const Waiting waiting{delivery.id, now_ns, 0, delivery.group};
    ++desk.waiting;
    if (desk.backlog && desk.backlog->has_states)
      desk.backlog->arrived.push_back({waiting, delivery.action_id});
    else Line(one.tenant, delivery.action_id, waiting);
    needs_sync_ = true;
    const size_t bytes = one.notice.size() + 512;
    if (fresh_bytes_ + bytes > kFreshBytesMax) continue;
    fresh_bytes_ += bytes;
    const DeliveryId id = delivery.id;
    fresh_.emplace(id, Fresh{std::move(one.delivery), std::move(one.notice)});
  }
}

void Dispatcher::Line(TenantId tenant, const std::string& action, const Waiting& waiting) {
  if (Lane* const lane = FindLane(tenant, action)) return lane->Push(waiting);
  const DeadReason reason =
      book_->Find(tenant, action) ? DeadReason::kDisabled : DeadReason::kNoAction;
  dying_.push_back({tenant, waiting, reason, nullptr});
}

// Null: there is no such action, or it can take nothing.
Lane* Dispatcher::FindLane(TenantId tenant, const std::string& action) {
  Desk& desk = desks_[tenant];
  const auto found = desk.lanes.find(action);
  if (found != desk.lanes.end()) return &found->second;
  auto at_work = book_->Find(tenant, action);
  if (!at_work || !at_work->enabled || at_work->sink == nullptr) return nullptr;
  Lane& lane = desk.lanes[action];
  lane.SetAction(std::move(at_work));
  if (const auto noted = failing_.find({tenant, action}); noted != failing_.end())
    lane.FailingSince(ToMonotonic(noted->second));
  return &lane;
}

void Dispatcher::Refresh(TenantId tenant, const std::string& id) {
  ForgetFailing(tenant, id);
  const auto desk = desks_.find(tenant);
  if (desk == desks_.end()) return;
  const auto lane = desk->second.lanes.find(id);
  if (lane == desk->second.lanes.end()) return;
  auto action = book_->Find(tenant, id);
  if (action && action->enabled && action->sink != nullptr)
    return lane->second.SetAction(std::move(action));
  const DeadReason reason = action ? DeadReason::kDisabled : DeadReason::kNoAction;
  for (const Waiting& waiting : lane->second.TakeAll())
    dying_.push_back({tenant, waiting, reason, nullptr});
  desk->second.lanes.erase(lane);
}

void Dispatcher::StartDue() {
  bool has_started = true;
  while (has_started && flights_.size() < options_.flights_max) {
    has_started = false;
    auto at = desks_.upper_bound(last_tenant_);
    for (size_t left = desks_.size(); left > 0 && flights_.size() < options_.flights_max; --left) {
      if (at == desks_.end()) at = desks_.begin();
      if (at->second.waiting > at->second.in_flight && StartTurn(at->first, &at->second) > 0) {
        has_started = true;
        last_tenant_ = at->first;
      }
      ++at;
    }
  }
}

size_t Dispatcher::StartTurn(TenantId tenant, Desk* desk) {
  const int64_t now_ns = clock_->MonotonicNs();
  const int64_t due_until_ns = ReadUntilNs(*desk);
  size_t started = 0;
  auto at = desk->lanes.upper_bound(desk->last_lane);
  for (size_t left = desk->lanes.size(); left > 0; --left) {
    if (at == desk->lanes.end()) at = desk->lanes.begin();
    if (desk->in_flight >= options_.flights_per_tenant_max ||
        flights_.size() >= options_.flights_max)
      return started;
    Lane& lane = at->second;
    size_t& at_endpoint = endpoints_[lane.action()->endpoint];
    if (lane.waiting() > 0 && at_endpoint < options_.flights_per_endpoint_max) {
      if (const auto waiting = lane.Take(now_ns, due_until_ns)) {
        ++started;
        desk->last_lane = at->first;
        StartFlight(tenant, desk, &lane, *waiting);
      }
    }
    if (endpoints_[lane.action()->endpoint] == 0) endpoints_.erase(lane.action()->endpoint);
    ++at;
  }
  return started;
}

Result<Dispatcher::Fresh> Dispatcher::Read(TenantId tenant, const DeliveryId& id) {
  if (const auto found = fresh_.find(id); found != fresh_.end()) {
    Fresh fresh = std::move(found->second);
    fresh_.erase(found);
    fresh_bytes_ -= fresh.notice.size() + 512;
    return fresh;
  }
  Fresh read;
  NL_TRY(read.delivery, deliveries_.Get(tenant, id));
  NL_TRY(read.notice, deliveries_.Notice(tenant, id));
  if (!read.delivery.is_waiting()) return Internal("the delivery does not wait");
  return read;
}

void Dispatcher::StartFlight(TenantId tenant, Desk* desk, Lane* lane, const Waiting& waiting) {
  auto read = Read(tenant, waiting.id);
  if (!read.ok()) return LeaveOut(tenant, lane, waiting, read.status());
  const uint64_t number = next_flight_++;
  Flight& flight = flights_[number];
  flight.tenant = tenant;
  flight.waiting = waiting;
  flight.delivery = std::move(read->delivery);
  flight.action = lane->action();
  flight.begin_ns = clock_->MonotonicNs();
  flight.begin_wall_ns = clock_->WallNs();
  ++desk->in_flight;
  ++endpoints_[flight.action->endpoint];
  metrics_->in_flight = static_cast<int64_t>(flights_.size());
  const std::string id = DeliveryIdText(waiting.id);
  const std::string dedup_key = flight.delivery.dedup_key();
  Attempt attempt;
  attempt.delivery_id = id;
  attempt.dedup_key = dedup_key;
  attempt.number = flight.delivery.number + 1;
  attempt.wall_ns = flight.begin_wall_ns;
  attempt.notice = read->notice;
  const auto action = flight.action;  // kept until `done`
  action->sink->Deliver(attempt, [mailbox = mailbox_, number, action](Outcome outcome) {
    mailbox->Post([&](Mailbox::Mail* mail) {
      mail->ended.push_back({number, std::move(outcome)});
    });
  });
}

void Dispatcher::LoseNone(int64_t now_ns) {
  int64_t open = 0;
  for (auto& [tenant, desk] : desks_) {
    for (auto& [id, lane] : desk.lanes) {
      if (lane.breaker() != Lane::Breaker::kClosed) ++open;
      for (const Waiting& waiting :
           lane.TakeImpatient(now_ns, RetryPolicy::kPatienceNs, kImpatientMax))
        dying_.push_back({tenant, waiting, DeadReason::kExhausted, lane.action()});
    }
  }
  metrics_->breakers_open = open;
}

// What waited in vain is put off when its action wants that, like after an attempt that failed.
void Dispatcher::BuryDying() {
  for (size_t i = 0; i < kBuriedMax && !dying_.empty(); ++i) {
    const Dying dying = dying_.front();
    dying_.pop_front();
    Desk& desk = desks_[dying.tenant];
    const auto of = dying.action ? desk.lanes.find(dying.action->id) : desk.lanes.end();
    Lane* const lane = of != desk.lanes.end() ? &of->second : nullptr;
    auto read = Read(dying.tenant, dying.waiting.id);
    if (!read.ok()) {
      LeaveOut(dying.tenant, lane, dying.waiting, read.status());
      continue;
    }
    if (lane == nullptr) {
      Bury(dying.tenant, std::move(read->delivery), read->notice, dying.reason);
      continue;
    }
    Flight flight;
    flight.tenant = dying.tenant;
    flight.waiting = dying.waiting;
    flight.delivery = std::move(read->delivery);
    flight.action = lane->action();
    ++flight.delivery.tries;
    Retry(&flight, lane, 0);
  }
}

// It stays in the store as it is.
void Dispatcher::LeaveOut(TenantId tenant, Lane* lane, const Waiting& waiting,
                          const Status& problem) {
  base::LogError("a delivery cannot be read",
                 {{"delivery", DeliveryIdText(waiting.id)}, {"error", problem.ToString()}});
  if (lane != nullptr) lane->Done(waiting, Lane::End::kDead, clock_->MonotonicNs());
  EndWaiting(tenant);
}

bool Dispatcher::Write() {
  if (needs_sync_ && change_.put.empty() && change_.remove.empty()) {
    std::string mark;
    base::AppendLe(&mark, clock_->WallNs());
    change_.put.emplace_back(kOutboxMarkKey, std::move(mark));
  }
  if (change_.put.empty() && change_.remove.empty() && change_.remove_ranges.empty()) return true;
  change_.is_synced = needs_sync_;
  const Status status = store_->WriteMeta(change_);
  if (!status.ok()) {
    base::LogError("the outbox stands still", {{"error", status.ToString()}});
    if (!stop_.load()) Pause(kRetryWriteNs);
    return false;
  }
  change_ = {};
  needs_sync_ = false;
  return true;
}

int64_t Dispatcher::NextNs(int64_t now_ns) const {
  if (!dying_.empty() || !unread_.empty()) return now_ns;
  if (flights_.size() >= options_.flights_max) return INT64_MAX;
  int64_t next_ns = INT64_MAX;
  for (const auto& [tenant, desk] : desks_) {
    if (desk.waiting <= desk.in_flight || desk.in_flight >= options_.flights_per_tenant_max)
      continue;
    for (const auto& [id, lane] : desk.lanes) {
      const auto endpoint = endpoints_.find(lane.action()->endpoint);
      if (endpoint != endpoints_.end() && endpoint->second >= options_.flights_per_endpoint_max)
        continue;
      next_ns = std::min(next_ns, lane.NextNs(now_ns));
    }
  }
  return next_ns;
}

Status Dispatcher::Submit(std::function<Status()> work) {
  std::future<Status> done;
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("actions do not run: the server is read-only or stops");
    mailbox_->Post([&](Mailbox::Mail* mail) {
      mail->commands.push_back({std::move(work), {}});
      done = mail->commands.back().done.get_future();
    });
  }
  return done.get();
}

// What it enters is written when its caller hears of it.
void Dispatcher::Run(Mailbox::Command* command) {
  Status status =
      stands_still() ? Unavailable("the outbox cannot be written now") : command->work();
  needs_sync_ = true;
  if (!Write() && status.ok()) status = Unavailable("the outbox cannot be written now");
  command->done.set_value(std::move(status));
}

}  // namespace neurallog::actions
