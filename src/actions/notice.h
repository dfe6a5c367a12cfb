// What an action says, as one JSON object that templates and receivers see: docs/actions.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actions/label_matcher.h"
#include "detection/alert.h"
#include "detection/compiled_rules.h"

namespace neurallog::actions {

// Past it further records are left out.
inline constexpr size_t kNoticeBytesMax = 64u << 10;

// A match as /v1/matches shows it.
std::string MatchNotice(std::string_view tenant, const detection::RuleInfo& rule,
                        const detection::MatchId& id, std::string_view match, int64_t now_ns);

// `matches` are the last ones, as far as they are known, oldest first; `rule` may be null.
std::string AlertNotice(std::string_view tenant, const detection::RuleInfo* rule,
                        const detection::AlertTransition& transition,
                        const std::vector<std::string>& matches, int64_t now_ns);

// An action has been disabled by the server.
inline constexpr char kDisabledEvent[] = "action_disabled";
std::string DisabledNotice(std::string_view tenant, std::string_view action, std::string_view type,
                           std::string_view reason, int64_t now_ns);

// What has come together of alerts and matches, of which the rule may be null.
struct GroupNoticeOf {
  struct Item {
    const detection::RuleInfo* rule;
    detection::Alert alert;
  };
  std::string tenant;
  Labels by;
  std::vector<Item> alerts;  // those that fire come first; none: matches
  size_t firing = 0;
  const detection::RuleInfo* rule = nullptr;  // of the matches
  std::vector<std::string> matches;           // of the alerts, or those that are told; oldest first
  uint64_t matches_total = 0;
  size_t items_max = 0;  // alerts or matches that are shown
};
std::string GroupNotice(const GroupNoticeOf& of, int64_t now_ns);

// To try an action with.
std::string SampleNotice(std::string_view tenant, int64_t now_ns);

}  // namespace neurallog::actions
