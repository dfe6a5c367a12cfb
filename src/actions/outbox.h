// Makes deliveries of what rules find, in the same write: whoever has the match has the delivery.
//
//   detection::Stage ── Match, AddTo ──> rows in the stage's write ── Written ──> Dispatcher
//                                └── NoticeGate: not yet, or not at all
//
// A finding for an action that cannot take it becomes a dead letter at once, but nothing at all when a user has
// disabled the action. Owned by the stage's thread but Start.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "actions/dispatcher.h"
#include "actions/notice.h"
#include "actions/notice_gate.h"
#include "detection/follower.h"
#include "detection/match_store.h"

namespace neurallog::actions {

class Outbox : public detection::Follower {
 public:
  using TenantName = std::function<std::string(TenantId)>;

  Outbox(storage::Store* store, ActionBook* book, const NoiseBook* noise, Dispatcher* dispatcher,
         const base::Clock* clock, DispatchMetrics* metrics)
      : book_(book),
        dispatcher_(dispatcher),
        clock_(clock),
        metrics_(metrics),
        gate_(store, book, noise, clock, metrics) {}
  Status Load() { return gate_.Load(); }

  // Deliveries are made later than `mark_ns`.
  void Start(int64_t mark_ns, const detection::MatchStore* matches, TenantName tenant_name) {
    last_ns_ = mark_ns;
    matches_ = matches;
    tenant_name_ = std::move(tenant_name);
  }

  void Match(TenantId tenant, const detection::RuleInfo& rule, const detection::MatchId& id,
             std::string_view json) override;
  void AddTo(const detection::Findings& findings, storage::MetaChange* change) override;
  void Written() override;
  bool IsDue() const override { return gate_.IsDue(); }

 private:
  // What a delivery is about.
  struct Subject {
    TenantId tenant{};
    std::string rule_id;
    std::string event;
    std::string source;
    uint64_t group = 0;  // of an ordered action
    bool is_alert = false;
  };
  // Nothing when its user does not want it.
  void Make(const std::string& action_id, const Subject& subject, const std::string& notice,
            std::vector<NewDelivery>* to);
  void AddMatch(TenantId tenant, const detection::RuleInfo& rule, const detection::MatchId& id,
                std::string_view json, const std::string& action_id);
  void AddAlert(const detection::AlertTransition& transition, const detection::RuleInfo* rule);
  // Of an action that does not group, or has too many groups.
  void AddAlone(const NoticeGate::GroupedMatch& match, const detection::Findings& findings);
  GroupNoticeOf NoticeOf(const GroupTelling& telling) const;
  void AddGroupOfAlerts(const GroupTelling& telling, const detection::Findings& findings);
  void AddGroupOfMatches(const GroupTelling& telling, const detection::Findings& findings);
  // The first ones that are known.
  std::vector<std::string> MatchesOf(TenantId tenant,
                                     const std::vector<detection::MatchId>& ids) const;

  ActionBook* const book_;
  Dispatcher* const dispatcher_;
  const base::Clock* const clock_;
  DispatchMetrics* const metrics_;
  const detection::MatchStore* matches_ = nullptr;
  TenantName tenant_name_;
  int64_t last_ns_ = 0;

  // Since the last write that worked. Bounded by what the stage writes at once.
  std::vector<NewDelivery> of_matches_;
  std::vector<NewDelivery> of_alerts_;
  std::vector<NoticeGate::GroupedMatch> grouped_;
  std::map<detection::MatchId, std::string> recent_;  // of rules whose alerts or groups are told

  NoticeGate gate_;
};

}  // namespace neurallog::actions
