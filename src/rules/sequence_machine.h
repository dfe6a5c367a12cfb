// A rule that waits for records that match its steps within a time.
//
// The records of a group's last `within` are kept, at most kRecordsMax of them, and looked through when one comes,
// whatever its place in time. Ordered: record after record, each later than the one before; a step that must
// not come breaks what was begun when it comes between its neighbours, before the first step when it came
// within `within` before, and as the last step when it comes within `within` of the first record: then the
// rule fires only when that time is over. Unordered: all steps within some `within`, and none of those that must
// not come. A firing uses up the group's records.
//
// Past kRecordsMax the oldest record of the group is forgotten; for a rule that waits for a last step not
// to come, the newest but one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/group_table.h"
#include "rules/machine.h"
#include "rules/rule_clock.h"
#include "rules/timer_queue.h"

namespace neurallog::rules {

class SequenceMachine : public Machine {
 public:
  static constexpr size_t kRecordsMax = 128;

  explicit SequenceMachine(std::shared_ptr<const Stateful> rule);

  void FetchPlace(const Observation& o) const override { groups_.FetchPlace(o.key); }
  void FetchGroup(Observation* o) const override { o->place = groups_.FetchGroup(o->key); }
  void Observe(const Observation& observation, std::vector<Firing>* out) override;
  void Advance(int64_t wall_ns, std::vector<Firing>* out) override;
  Condition ConditionOf(const base::Hash128Value& key) override;
  std::optional<Progress> ProgressOf(const base::Hash128Value& key) override;
  void Encode(std::string* to) const override;
  bool Decode(base::ByteReader* from) override;
  bool waits() const override;
  uint32_t groups() const override { return groups_.size(); }
  void Evict() override;
  size_t memory_bytes() const override;

 private:
  struct Record {
    int64_t time_ns;
    uint64_t row;
    uint32_t steps;  // bits
  };
  struct Group {
    base::Hash128Value key;
    int64_t newest_ns = 0;
    int64_t timer_ns = 0;  // the deadline that is in timers_; 0: none
    std::string key_text;
    std::vector<Record> records;  // by time and row
  };
  // Records that are what the rule waits for.
  struct Chain {
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    std::vector<uint64_t> rows;
    std::vector<uint32_t> missing;  // steps
  };
  using Out = std::vector<Firing>;

  void AddRecord(Group* group, int64_t time_ns, const Observation& o);
  // What is older than this is part of nothing that can still come.
  int64_t useless_ns() const;
  void Evaluate(Group* group, int64_t at_ns, Out* out);
  std::optional<Chain> Find(const Group& group) const {
    return rule_->is_ordered ? FindOrdered(group) : FindUnordered(group);
  }
  std::optional<Chain> FindOrdered(const Group& group) const;
  std::optional<Chain> FindUnordered(const Group& group) const;
  // For each number of positions the chain of so many records, if there is one.
  std::vector<std::optional<Chain>> OrderedChains(const Group& group) const;
  // The first that lacks nothing, or one that lacks least.
  Chain NearestUnordered(const Group& group) const;
  void SetTimer(Group* group, int64_t deadline_ns);
  // Not if the deadline has moved since.
  bool IsOfUse(const TimerQueue::Timer& timer) const;
  void Fire(const Group& group, const Chain& chain, int64_t at_ns, Out* out) const;
  void FireDue(Out* out);
  // Records of up to this time are of no use any more; a group without records goes.
  void Forget(Group* group, int64_t until_ns);
  bool IsExpired(const Group& group) const;
  void MakeRoom();
  bool DecodeGroup(base::ByteReader* from);

  // Constant after construction.
  std::vector<uint32_t> positions_;  // steps that must come, each `min` times
  std::vector<uint32_t>
      breaks_;              // before each position and behind the last: steps that must not come
  uint32_t forbidden_ = 0;  // all of breaks_
  bool waits_ = false;      // for a last step not to come

  RuleClock clock_;
  GroupTable<Group> groups_;
  TimerQueue timers_;
  int64_t swept_ns_ = 0;
};

}  // namespace neurallog::rules
