// Makes deliveries of what rules find, in the same write: whoever has the match has the delivery.
//
//   detection::Stage ── Match, AddTo ──> rows in the stage's write ── Written ──> Dispatcher
//
// A finding for an action that cannot take it becomes a dead letter at once, but nothing at all when a user has
// disabled the action. Owned by the stage's thread but Start.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "actions/dispatcher.h"
#include "detection/follower.h"
#include "detection/match_store.h"

namespace neurallog::actions {

class Outbox : public detection::Follower {
 public:
  using TenantName = std::function<std::string(TenantId)>;

  Outbox(ActionBook* book, Dispatcher* dispatcher, const base::Clock* clock,
         DispatchMetrics* metrics)
      : book_(book), dispatcher_(dispatcher), clock_(clock), metrics_(metrics) {}

  // Deliveries are made later than `mark_ns`.
  void Start(int64_t mark_ns, const detection::MatchStore* matches, TenantName tenant_name) {
    last_ns_ = mark_ns;
    matches_ = matches;
    tenant_name_ = std::move(tenant_name);
  }

  void Match(TenantId tenant, const detection::RuleInfo& rule, const detection::MatchId& id,
             std::string_view json) override;
  void AddTo(const std::vector<detection::AlertTransition>& transitions, const FindRule& find_rule,
             storage::MetaChange* change) override;
  void Written() override;

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
  void AddAlert(const detection::AlertTransition& transition, const detection::RuleInfo* rule);
  std::vector<std::string> MatchesOf(TenantId tenant, const detection::Alert& alert) const;

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
  std::map<detection::MatchId, std::string> recent_;  // of rules whose alerts are told
};

}  // namespace neurallog::actions
