// An alert: what a rule found in one group of records, from the first match until it is over.
//
//   nothing ── match ──> pending ── lasts for `for` ──> firing <── ack, unack ──> acknowledged
//                           └── ends before: gone         └── ends, or resolved by a user ──> resolved
//
// Without `for` a match fires at once. What matches after an alert was resolved is a new alert.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "detection/breaches.h"
#include "detection/match.h"
#include "rules/rule_clock.h"

namespace neurallog::detection {

enum class AlertState : uint8_t { kPending, kFiring, kAcknowledged, kResolved };
inline constexpr size_t kAlertStates = 4;
using AlertStates = std::bitset<kAlertStates>;
std::string_view StateName(AlertState state);

// Why an alert is resolved.
enum class AlertEnd : uint8_t {
  kNone,
  kQuiet,        // no match for the rule's time
  kCleared,      // what the rule looks for does not hold any more
  kRuleGone,     // the rule was deleted or disabled, or cannot run
  kRuleChanged,  // so that what it knows begins anew
  kUser,
};
std::string_view EndName(AlertEnd end);

// The time of the first match, and a hash of what it belongs to: sorts by time.
using AlertId = MatchId;

// What somebody said of an alert.
struct AlertNote {
  std::string by;  // the id of a key; empty: the server is open
  std::string text;
  int64_t at_ns = 0;  // wall
};

struct Alert {
  static constexpr size_t kMatchesKept = 10;
  static constexpr size_t kTextBytesMax =
      256;  // of a title and of a group's value; longer ones are cut
  using Texts = std::vector<std::pair<std::string, std::string>>;

  AlertId id;
  AlertState state = AlertState::kFiring;
  AlertEnd end = AlertEnd::kNone;
  uint64_t fingerprint = 0;  // of tenant, rule and group: the same for the next alert of these

  // Copies, as of the newest match.
  std::string rule_id;
  std::string rule;
  uint64_t rule_version = 0;
  rules::Severity severity = rules::Severity::kMedium;
  Texts labels;
  // Actions that are told of it.
  struct Told {
    std::string action;
    bool send_resolved = false;
  };
  std::vector<Told> told;

  Texts group;  // values by field
  base::Hash128Value key;

  // By the time of records; 0: not yet.
  int64_t start_ns = 0;
  int64_t fired_ns = 0;
  int64_t last_match_ns = 0;
  int64_t resolved_ns = 0;

  uint64_t matches = 0;
  std::vector<MatchId> last_matches;  // oldest first

  // Of rules whose alerts need some of the last periods.
  uint32_t periods = 0;  // so many are looked at; 0: none
  Breaches breaches;

  std::optional<AlertNote> acknowledged;
  std::optional<AlertNote> resolved;  // by a user
  int64_t ended_ns = 0;               // wall

  storage::LogPosition seen;  // matches of rows before it are counted; of an older build: all

  // For the timers, by the rule's clock.
  int64_t since_ns = 0;              // pending since then
  int64_t active_ns = 0;             // the last match, or when the rule last said that it holds
  rules::RuleClock clock{false, 0};  // of the rule, as of the last change
};

// docs/formats/alert.md
std::string EncodeAlert(const Alert& alert);
Result<Alert> DecodeAlert(const AlertId& id, std::string_view value);

// What happened to an alert, in the order in which it did.
enum class AlertChange : uint8_t {
  kPending,
  kFired,
  kAcknowledged,
  kUnacknowledged,
  kResolved,
  kLapsed,  // pending, and over before it fired
};
inline constexpr size_t kAlertChanges = 6;
std::string_view ChangeName(AlertChange change);

struct AlertTransition {
  TenantId tenant;
  AlertChange change;
  Alert alert;  // as it is after that
};

}  // namespace neurallog::detection
