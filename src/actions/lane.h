// What waits for one action, and when the next of it may go: in order of due time, at the action's pace.
//
//   lane.Push({tenant, id, due_ns, ...});
//   while (std::optional<Waiting> next = lane.Take(now_ns)) ... attempt it ...;
//   lane.Done(next, Lane::End::kDelivered, now_ns);
//
//   closed ── `failures` one after the other ──> open ── `open_for` ──> half-open: one is tried ──> closed, or open again
//
// Deliveries of a group go one after the other: the next one when the one before has ended. Times are monotonic.
// Costs about 64 bytes per waiting delivery. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actions/action.h"
#include "actions/delivery.h"

namespace neurallog::actions {

// A delivery that waits; the rest of it is in the store.
struct Waiting {
  DeliveryId id;
  int64_t due_ns = 0;
  int64_t since_ns = 0;  // the first attempt; 0: none yet
  uint64_t group = 0;    // 0: of none
};

class Lane {
 public:
  enum class Breaker : uint8_t { kClosed, kOpen, kHalfOpen };
  enum class End : uint8_t { kDelivered, kRetry, kDead };

  // The same action, with another configuration.
  void SetAction(std::shared_ptr<const Action> action);
  const std::shared_ptr<const Action>& action() const { return action_; }

  void Push(Waiting waiting);
  // The next one that may be attempted now, of those due until `due_until_ns`; it counts as in flight until Done.
  std::optional<Waiting> Take(int64_t now_ns, int64_t due_until_ns = INT64_MAX);
  // Nothing may go before it; INT64_MAX: nothing waits, or only for what is in flight.
  int64_t NextNs(int64_t now_ns) const;
  // One in flight has ended. kRetry: it is pushed again by the caller, and stays ahead of its group.
  void Done(const Waiting& waiting, End end, int64_t now_ns);
  // What the receiver has shown of itself.
  void Succeeded();
  void Refused(int64_t now_ns);  // it is there, but does not want this one
  void Failed(int64_t now_ns);   // it cannot be reached, or not now
  // The receiver asks to be left alone.
  void PauseUntil(int64_t ns) { paused_until_ns_ = std::max(paused_until_ns_, ns); }

  // Takes those out that have waited for `patience_ns` while the receiver could not be reached, at most `max`.
  std::vector<Waiting> TakeImpatient(int64_t now_ns, int64_t patience_ns, size_t max);
  // Takes all out that is not in flight.
  std::vector<Waiting> TakeAll();

  size_t waiting() const { return waiting_.size() + held_; }
  size_t in_flight() const { return in_flight_; }
  bool empty() const { return waiting() == 0 && in_flight_ == 0; }
  Breaker breaker() const { return breaker_; }
  // Since when nothing was delivered but attempts were made; 0: that is not so.
  int64_t failing_since_ns() const { return failing_since_ns_; }
  // From then to the last attempt.
  int64_t failing_ns() const { return failing_since_ns_ == 0 ? 0 : failed_ns_ - failing_since_ns_; }
  // It was so before the server started.
  void FailingSince(int64_t ns) { failing_since_ns_ = failed_ns_ = ns; }

 private:
  // The latest first, for a heap with the earliest on top.
  struct IsLater {
    bool operator()(const Waiting& a, const Waiting& b) const {
      return a.due_ns != b.due_ns ? a.due_ns > b.due_ns : a.id > b.id;
    }
  };
  struct Group {
    std::deque<Waiting> held;
    DeliveryId leader;  // the one that goes first
  };

  Waiting Pop();
  // When the bucket has a token.
  int64_t TokenNs(int64_t now_ns) const;
  double TokensAt(int64_t now_ns) const;
  bool MayGo(int64_t now_ns) const;
  void NoteFailure(int64_t now_ns);

  std::shared_ptr<const Action> action_;
  std::vector<Waiting> waiting_;                // a heap
  std::unordered_map<uint64_t, Group> groups_;  // those with one that is in flight or has failed
  size_t held_ = 0;                             // in groups, behind the first one
  size_t in_flight_ = 0;

  Breaker breaker_ = Breaker::kClosed;
  uint32_t failures_ = 0;  // one after the other
  int64_t open_until_ns_ = 0;
  int64_t blocked_since_ns_ = 0;  // the breaker has not been closed since
  int64_t failing_since_ns_ = 0;
  int64_t failed_ns_ = 0;
  int64_t paused_until_ns_ = 0;
  double tokens_ = -1;  // -1: full
  int64_t tokens_at_ns_ = 0;
};

}  // namespace neurallog::actions
