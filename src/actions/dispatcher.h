// Makes deliveries: a thread that takes what is due, in order and fair over tenants, has it attempted, and writes
// down how it went.
//
//   Outbox ── Add ──> Mailbox ──> nl-actions: Desk per tenant, Lane per action ── Sink::Deliver
//                        └────────────── how it ended ─────────────────────────────┘
//
// Guarantees: nothing is attempted before it is on the disk for good. What was begun when the process dies is
// attempted again, with the same id. Nothing that waits is lost: it is delivered or becomes a dead letter.
//
// What waited at the start is read in pieces, the oldest first, tenants in turn, while what has been read is delivered
// already: a delivery goes when all that is due before it has been read. What comes meanwhile stands behind it.
//
// Costs about 64 bytes of memory per delivery that waits, and up to kFreshBytesMax for what came last; the
// rest is read when its turn comes. Thread-safe but Start and Stop.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "actions/action_book.h"
#include "actions/delivery_store.h"
#include "actions/dispatch_metrics.h"
#include "actions/lane.h"
#include "actions/mailbox.h"

namespace neurallog::actions {

class Dispatcher {
 public:
  static constexpr size_t kFreshBytesMax = 16u << 20;
  static constexpr size_t kReplayedMax = 1'000;  // at a time

  Dispatcher(const Options& options, storage::Store* store, ActionBook* book,
             const base::Clock* clock, DispatchMetrics* metrics);
  ~Dispatcher() { Stop(); }

  using TenantName = std::function<std::string(TenantId)>;
  // What was made until `mark_ns` is read from the store, the rest will be added.
  void Start(int64_t mark_ns, TenantName tenant_name);
  // Waits a moment for attempts that are being made.
  void Stop();

  void Add(std::vector<NewDelivery> fresh);
  // Whether so many more may wait. What is not read yet after a start is not counted.
  bool HasRoom(TenantId tenant, size_t more) const;
  void ActionChanged(TenantId tenant, const std::string& id);

  // With its id, which a receiver that has seen it takes for a duplicate; or as another delivery.
  enum class ReplayAs : uint8_t { kSame, kNew };
  // Puts dead letters back into the outbox: the newest kReplayedMax that are meant. How many; *next as in DeliveryStore::List.
  Result<size_t> Replay(TenantId tenant, const DeliveryQuery& query, ReplayAs as,
                        std::optional<DeliveryId>* next);
  // NotFound; Conflict when its action cannot take it.
  Status ReplayOne(TenantId tenant, const DeliveryId& id, ReplayAs as);
  Status RemoveLetter(TenantId tenant, const DeliveryId& id);
  Result<size_t> RemoveLetters(TenantId tenant, const DeliveryQuery& query,
                               std::optional<DeliveryId>* next);
  // The tenant is deleted.
  Status Forget(TenantId tenant);
  static void AddFailingRemoval(TenantId tenant, storage::MetaChange* change);

  const DeliveryStore& deliveries() const { return deliveries_; }

 private:
  // How far the rows that were there at the start are read; those ahead are neither known nor counted.
  struct Backlog {
    struct Arrived {
      Waiting waiting;
      std::string action_id;
    };
    DeliveryId states;
    DeliveryId letters;             // begun when the states are read
    bool has_states = true;         // maybe more of them
    std::vector<Arrived> arrived;  // since the start. Bounded by what may wait
  };
  // What one tenant has.
  struct Desk {
    std::map<std::string, Lane> lanes;  // by action
    std::string last_lane;              // that had its turn
    size_t waiting = 0;
    size_t in_flight = 0;
    uint64_t ended = 0;      // in the history
    int64_t history_ns = 0;  // older ones have gone, but for those that waited
    uint64_t letters = 0;
    uint64_t letter_bytes = 0;
    std::optional<Backlog> backlog;
  };
  struct Flight {
    TenantId tenant{};
    Waiting waiting;
    Delivery delivery;
    std::shared_ptr<const Action> action;
    int64_t begin_ns = 0;
    int64_t begin_wall_ns = 0;
  };
  struct Fresh {
    Delivery delivery;
    std::string notice;
  };
  // That is to become a dead letter.
  struct Dying {
    TenantId tenant{};
    Waiting waiting;
    DeadReason reason = DeadReason::kNone;
    std::shared_ptr<const Action> action;  // in whose lane it is in flight; null: in none
  };
  // An action that is to be disabled.
  struct Doomed {
    TenantId tenant{};
    std::string id;
    std::string reason;
  };
  struct IdHash {
    size_t operator()(const DeliveryId& id) const {
      return id.hash ^ static_cast<uint64_t>(id.time_ns);
    }
  };

  void Loop();
  Status FindBacklogs();
  // Reads a piece, of one tenant or of some.
  Status ReadBacklog();
  void LogBacklog() const;
  Status ReadStates(TenantId tenant, Desk* desk, size_t* rows);
  Status ReadLetters(TenantId tenant, Desk* desk, size_t* rows);
  void TakeWaiting(TenantId tenant, Desk* desk, const DeliveryId& id, std::string_view state);
  // What may go is due until then: the rest is not read yet.
  int64_t ReadUntilNs(const Desk& desk) const;
  bool IsUnread(const Desk& desk, const DeliveryId& id) const;
  bool IsUnreadLetter(const Desk& desk, const DeliveryId& id) const;
  void Round();
  void TakeIn(std::vector<NewDelivery> fresh);
  void Line(TenantId tenant, const std::string& action, const Waiting& waiting);
  void Refresh(TenantId tenant, const std::string& id);
  void Run(Mailbox::Command* command);
  static void Refuse(std::vector<Mailbox::Command> commands);
  // Attempts what is due, until nothing is or the bounds are reached.
  void StartDue();
  // Of one tenant, one of each lane; how many.
  size_t StartTurn(TenantId tenant, Desk* desk);
  void StartFlight(TenantId tenant, Desk* desk, Lane* lane, const Waiting& waiting);
  Result<Fresh> Read(TenantId tenant, const DeliveryId& id);
  // How an attempt has ended.
  void Settle(Mailbox::Ended ended);
  // `lane` may be null: the action has gone meanwhile.
  void Deliver(Flight* flight, Lane* lane);
  void GiveUp(Flight* flight, Lane* lane, DeadReason reason);
  void Retry(Flight* flight, Lane* lane, int64_t retry_after_ns);
  // Gives up on what has waited too long for a receiver that cannot be reached.
  void LoseNone(int64_t now_ns);
  void BuryDying();
  // A delivery that cannot be read. `lane` is where it is in flight, or null.
  void LeaveOut(TenantId tenant, Lane* lane, const Waiting& waiting, const Status& problem);
  // Makes it a dead letter.
  void Bury(TenantId tenant, Delivery delivery, const std::string& notice, DeadReason reason);
  void NoteLetter(TenantId tenant, const DeliveryId& id, size_t bytes, DeadReason reason);
  void Enter(TenantId tenant, const Delivery& delivery, std::string_view notice);
  void EndWaiting(TenantId tenant);
  // Writes what was entered; again and again until it works, or the dispatcher stops.
  bool Write();
  void Tidy(int64_t now_ns);
  Status TidyDesk(TenantId tenant, bool ages, Desk* desk);
  Status TidyLetters(TenantId tenant, bool ages, Desk* desk);
  void LookAtHealth(int64_t now_ns);
  Status FindFailing();
  void NoteFailing(TenantId tenant, const std::string& id, int64_t since_wall_ns);
  void ForgetFailing(TenantId tenant, const std::string& id);
  void AddLetter(Desk* desk, size_t bytes);
  void ForgetLetter(Desk* desk, const DeadLetter& letter);
  void ForgetLetters(Desk* desk, uint64_t letters, uint64_t bytes);
  int64_t NextNs(int64_t now_ns) const;
  Lane* FindLane(TenantId tenant, const std::string& action);
  Status Submit(std::function<Status()> work);
  Status Revive(TenantId tenant, ReplayAs as, DeadLetter letter);
  void Renew(TenantId tenant, DeadLetter letter);
  // A delivery that the dispatcher itself makes.
  void Make(TenantId tenant, Delivery delivery, std::string notice);
  void Disable(const Action& action, const std::string& reason);
  void TellOfDisabled(const Action& action, const std::string& reason);
  void DisableDoomed();
  int64_t ToMonotonic(int64_t wall_ns) const { return wall_ns + monotonic_of_wall_ns_; }
  void Count(TenantId tenant, int64_t more);
  // A write has failed and is to be tried again.
  bool stands_still() const { return !change_.put.empty() || !change_.remove.empty(); }
  double Chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  const Options options_;
  storage::Store* const store_;
  DeliveryStore deliveries_;
  ActionBook* const book_;
  const base::Clock* const clock_;
  DispatchMetrics* const metrics_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  TenantName tenant_name_;            // constant after Start, like these:
  int64_t mark_ns_ = 0;
  int64_t monotonic_of_wall_ns_ = 0;  // what is added to a time on the wall of what was there

  // Owned by the thread.
  std::map<TenantId, Desk> desks_;
  TenantId last_tenant_{};  // that had its turn
  std::unordered_map<uint64_t, Flight> flights_;
  uint64_t next_flight_ = 1;
  std::map<std::string, size_t, std::less<>> endpoints_;  // attempts being made
  std::unordered_map<DeliveryId, Fresh, IdHash> fresh_;
  size_t fresh_bytes_ = 0;
  std::deque<Dying> dying_;
  std::map<std::pair<TenantId, std::string>, int64_t> failing_;  // noted: since when, on the wall
  std::vector<Doomed> doomed_;
  storage::MetaChange change_;
  bool needs_sync_ = false;
  std::deque<TenantId> unread_;  // whose backlog is being read, the next one first
  bool is_found_ = false;        // which tenants have one
  int64_t made_ns_ = 0;  // the last one that the dispatcher made
  int64_t lost_none_ns_ = 0;
  int64_t tidied_ns_ = 0;
  int64_t aged_ns_ = 0;
  std::mt19937_64 random_{std::random_device{}()};

  mutable base::Mutex mutex_;
  std::map<TenantId, size_t> waiting_ NL_GUARDED_BY(mutex_);
  size_t waiting_total_ NL_GUARDED_BY(mutex_) = 0;
  bool stopped_ NL_GUARDED_BY(mutex_) = true;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace neurallog::actions
