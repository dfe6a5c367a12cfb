// What one action is to be told at once, of alerts and matches that are alike: stored until it is told.
//
//   new ── wait ──> told ── interval, when something is new ──> told ── ... ── nothing is left ──> gone
//
// docs/formats/outbox.md. Plain values; GroupBook has them all.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "actions/label_matcher.h"
#include "detection/alert.h"
#include "storage/store.h"

namespace neurallog::actions {

struct GroupKey {
  TenantId tenant{};
  std::string action;
  uint64_t hash = 0;  // of what its members have in common

  auto operator<=>(const GroupKey&) const = default;
};

struct NoticeGroup {
  static constexpr size_t kAlertsMax = 1'000;  // further ones are told by themselves

  struct Member {
    detection::AlertId id;
    bool send_resolved = false;
    bool is_told = false;  // that it fires
  };

  bool is_single = false;  // one alert of an action that does not group, which is muted
  Labels by;               // what its members have in common
  std::vector<Member> alerts;
  std::vector<detection::MatchId> matches;  // not told yet: the first Grouping::items_max
  uint64_t matches_total = 0;
  int64_t due_ns = 0;   // wall: when to look at it
  int64_t told_ns = 0;  // wall: the last notice; 0: none yet

  Member* Find(const detection::AlertId& id);
};

std::string EncodeGroup(const NoticeGroup& group);
Result<NoticeGroup> DecodeGroup(std::string_view bytes);

// The groups of all tenants, in memory and in `meta`. Changes are made to copies, which are written with what follows
// from them. One thread but AddRemoval.
class GroupBook {
 public:
  static constexpr size_t kGroupsMax = 10'000;  // of a tenant

  explicit GroupBook(storage::Store* store) : store_(store) {}
  Status Load();

  // What was changed and not written is forgotten.
  void Begin() { changed_.clear(); }
  // To be changed; null: there is none.
  NoticeGroup* Find(const GroupKey& key);
  // Makes one if there is none; null: the tenant has too many.
  NoticeGroup* Open(const GroupKey& key, int64_t due_ns);
  void Remove(const GroupKey& key) { changed_[key].reset(); }
  std::vector<GroupKey> Due(int64_t wall_ns) const;
  bool IsDue(int64_t wall_ns) const { return !due_.empty() && due_.begin()->first <= wall_ns; }
  void AddTo(storage::MetaChange* change) const;
  void Written();

  size_t size() const { return groups_.size(); }
  static void AddRemoval(TenantId tenant, storage::MetaChange* change);

 private:
  void Enter(const GroupKey& key, NoticeGroup group);
  void Drop(const GroupKey& key);

  storage::Store* const store_;
  std::map<GroupKey, NoticeGroup> groups_;
  std::map<TenantId, size_t> counts_;
  std::set<std::pair<int64_t, GroupKey>> due_;
  std::map<GroupKey, std::optional<NoticeGroup>> changed_;  // none: removed
};

}  // namespace neurallog::actions
