// Decides what an action is told at once, what later with others, and what not while something mutes it.
//
//   alert ── Takes ──> no: it is told by itself, now
//              └──> a NoticeGroup, in the stage's write ── due ── TellDue ──> one notice, in the stage's write
//
// While a silence, a maintenance window, an inhibition or a time interval mutes an alert nothing is said of it; when
// that ends, what still fires is told, and that what was told before is over. A match that is muted is not told ever.
// Owned by the stage's thread but Load.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actions/action_book.h"
#include "actions/dispatch_metrics.h"
#include "actions/inhibitor.h"
#include "actions/notice_group.h"
#include "detection/follower.h"

namespace neurallog::actions {

// What an action is to be told now.
struct GroupTelling {
  GroupKey key;
  bool is_single = false;  // one alert by itself
  Labels by;
  std::vector<detection::Alert> alerts;  // those that fire come first
  size_t firing = 0;
  std::vector<detection::MatchId> matches;  // the first ones
  uint64_t matches_total = 0;
  uint32_t items_max = 0;  // to be shown
};

class NoticeGate {
 public:
  NoticeGate(storage::Store* store, const ActionBook* book, const NoiseBook* noise,
             const base::Clock* clock, DispatchMetrics* metrics)
      : book_(book), noise_(noise), clock_(clock), metrics_(metrics), groups_(store) {}
  Status Load();

  // A match of an action that groups.
  struct GroupedMatch {
    GroupKey key;
    Labels by;
    detection::MatchId id;
    std::string rule_id;
  };
  // Nothing: the action does not group.
  static std::optional<GroupedMatch> GroupOf(const Action& action, const detection::RuleInfo& rule,
                                             const detection::MatchId& id, std::string_view json);
  bool IsMuted(const Action& action, const detection::RuleInfo& rule, std::string_view json) const;

  // What was taken and not written is forgotten. `findings` outlive TellDue.
  void Begin(const detection::Findings& findings);
  // Whether the gate has it, to tell it later or never. `action` may be null.
  bool Takes(const detection::AlertTransition& transition, const detection::Alert::Told& told,
             const Action* action);
  bool Takes(const GroupedMatch& match);
  std::vector<GroupTelling> TellDue();
  void AddTo(storage::MetaChange* change) const { groups_.AddTo(change); }
  void Written();
  bool IsDue() const { return groups_.IsDue(clock_->WallNs()); }

 private:
  bool TakesGrouped(const detection::AlertTransition& transition,
                    const detection::Alert::Told& told, const Action& action);
  bool TakesSingle(const detection::AlertTransition& transition, const detection::Alert::Told& told,
                   const Action& action);
  bool IsMuted(const Action& action, const detection::Alert& alert);
  Result<detection::Alert> FindAlert(TenantId tenant, const detection::AlertId& id) const;
  // Nothing: there is nothing to tell.
  std::optional<GroupTelling> Tell(const GroupKey& key, NoticeGroup* group);
  // Puts what is to be said into `telling`; whether some alerts are muted.
  bool Collect(const GroupKey& key, const Action& action, NoticeGroup* group,
               GroupTelling* telling);

  const ActionBook* const book_;
  const NoiseBook* const noise_;
  const base::Clock* const clock_;
  DispatchMetrics* const metrics_;
  GroupBook groups_;

  // Since Begin.
  const detection::Findings* findings_ = nullptr;
  int64_t now_ns_ = 0;
  uint64_t muted_ = 0;
  std::map<std::pair<TenantId, detection::AlertId>, const detection::Alert*> changed_;
  struct OfTenant {
    std::shared_ptr<const NoiseRules> rules;
    std::optional<Inhibitor> inhibitor;
  };
  std::map<TenantId, OfTenant> noise_of_;
};

}  // namespace neurallog::actions
