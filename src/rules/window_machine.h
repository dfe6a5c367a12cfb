// A rule that looks at the records of a window: counts, values, sums, shares.
//
// A sliding window is evaluated at each record, as it is at the group's newest record: the rule fires when it
// begins to hold, and again only after it has not held in between. A tumbling window or a session fires at most
// once: as soon as it holds, if no further record can change that (IsMonotone), else when it ends. Of a group
// the tumbling windows that are open at a time are groups of their own.
#pragma once

#include <unordered_map>

#include "rules/group_table.h"
#include "rules/machine.h"
#include "rules/rule_clock.h"
#include "rules/timer_queue.h"
#include "rules/window_values.h"

namespace neurallog::rules {

template <typename Values>
class WindowMachine : public Machine {
 public:
  explicit WindowMachine(std::shared_ptr<const Stateful> rule);

  void FetchPlace(const Observation& o) const override { groups_.FetchPlace(FetchedKeyOf(o)); }
  void FetchGroup(Observation* o) const override {
    o->place = groups_.FetchGroup(FetchedKeyOf(*o));
  }
  void Observe(const Observation& observation, std::vector<Firing>* out) override;
  void Advance(int64_t wall_ns, std::vector<Firing>* out) override;
  Condition ConditionOf(const base::Hash128Value& key) override;
  // As of the group's newest record.
  std::optional<Progress> ProgressOf(const base::Hash128Value& key) override;
  void Encode(std::string* to) const override;
  bool Decode(base::ByteReader* from) override;
  bool waits() const override;
  uint32_t groups() const override { return groups_.size(); }
  void Evict() override;
  size_t memory_bytes() const override;

 private:
  // What fits into one line of the cache is read as one.
  static constexpr size_t kLineBytes = 64;
  struct alignas(sizeof(Values) + 40 == kLineBytes ? kLineBytes : alignof(uint64_t)) Group {
    base::Hash128Value key;
    uint64_t newest : 63 =
        0;  // sliding: piece of time; tumbling: number; session: time of the last record
    uint64_t holds : 1 = 0;
    uint64_t rows[2] = {};  // the last two, 0: none
    Values values;
  };
  // What only some rules need to know of a group.
  struct Detail {
    std::string key_text;
    int64_t first_ns = 0;  // of a session
    int64_t timer_ns = 0;  // the deadline that is in timers_; 0: none
  };
  using Key = base::Hash128Value;
  struct KeyHash {
    size_t operator()(const Key& key) const { return key.low; }
  };
  using Out = std::vector<Firing>;

  bool is(WindowType type) const { return rule_->window.type == type; }
  // Where a record of this time belongs: a piece of a sliding window, a tumbling window's number, 0.
  uint64_t PieceOf(int64_t time_ns);
  Key KeyOf(const Observation& observation, uint64_t piece) const;
  Key FetchedKeyOf(const Observation& o) const;
  // False if the record comes too late to count.
  bool Move(Group* group, int64_t time_ns, uint64_t piece, const Observation& o, Out* out);
  bool MoveSession(Group* group, int64_t time_ns, const Observation& o, Out* out);
  void Begin(Group* group, int64_t time_ns, uint64_t piece, const Observation& o);
  void Evaluate(Group* group, int64_t time_ns, const Observation& o, Out* out);
  bool IsLearning(int64_t time_ns) const {
    return rule_->learn_ns > 0 && time_ns < learn_until_ns_;
  }
  void Fire(const Group& group, std::string_view text, int64_t at_ns, uint64_t row, Out* out);
  void SetWindow(const Group& group, Firing* firing);

  // When a group's window is over, for those that fire then.
  int64_t DeadlineOf(const Group& group) const;
  void SetTimer(const Group& group, Detail* detail);
  // Not if the deadline has moved since.
  bool IsOfUse(const TimerQueue::Timer& timer) const;
  void CloseDue(Out* out);
  void Close(Group* group, Out* out);
  bool IsExpired(const Group& group) const;
  void MakeRoom();
  template <typename Predicate>
  uint32_t RemoveIf(Predicate is_removed);
  bool DecodeGroup(base::ByteReader* from);

  // Constant after construction.
  const int64_t width_ns_;  // of a piece
  const bool fires_at_end_;
  const bool has_details_;

  RuleClock clock_;
  GroupTable<Group> groups_;
  std::unordered_map<Key, Detail, KeyHash> details_;
  TimerQueue timers_;
  int64_t swept_ns_ = 0;
  int64_t learn_until_ns_ = -1;
  // The piece that was asked for last, which the next one mostly is too.
  int64_t piece_begin_ns_ = 0;
  uint64_t piece_ = 0;
};

}  // namespace neurallog::rules
