// An action: where and how somebody is told of what rules find.
//
//   NL_TRY(const ActionDraft draft, ActionDraft::Parse(body));        // what a user writes
//   ... stored as StoredAction, its secrets sealed ...
//   {"id":"ops","name":"ops","type":"webhook","config":{"url":"https://...","secret":"***"},
//    "retry":{"profile":"durable"},"rate_limit":{"per_second":5,"burst":10},
//    "breaker":{"failures":10,"open_for":"5s"},"concurrency":16,"ordering":"per_group","enabled":true}
//
// Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actions/quiet.h"
#include "actions/retry_policy.h"
#include "actions/sink.h"

namespace neurallog::actions {

// How many attempts may be made.
struct Pace {
  double per_second = 0;                    // 0: as the type of sink has it
  double burst = 0;                         // 0: as many as in a second, at least one
  uint32_t breaker_failures = 10;           // one after the other: the receiver is left alone ...
  int64_t breaker_open_ns = 5'000'000'000;  // ... for so long, then one is tried
  uint32_t concurrency = 16;
};

struct ActionSettings {
  std::string name;
  std::string type;
  std::string config = "{}";  // JSON; of what is stored, without secrets
  RetryPolicy retry;
  Pace pace;
  // A group's deliveries go one after the other: also those of matches of one rule, not only those of one alert.
  bool is_ordered = false;
  bool enabled = true;
  Quiet quiet;
};

// What a user writes.
struct ActionDraft {
  static constexpr size_t kBytesMax = 256u << 10;
  static constexpr size_t kNameBytesMax = 200;

  std::string id;  // empty: one is made from the name
  ActionSettings settings;

  // InvalidArgument names what is wrong, but for what only the type of sink knows.
  static Result<ActionDraft> Parse(std::string_view json);
};

struct StoredAction {
  std::string id;
  ActionSettings settings;
  std::string sealed_secrets;  // a JSON object of those members of the configuration; empty: none
  uint64_t version = 1;        // grows with every change
  int64_t created_ns = 0;
  int64_t updated_ns = 0;
  std::string disabled_reason;  // why the server has disabled it; empty: it has not
};

std::string EncodeAction(const StoredAction& action);
Result<StoredAction> DecodeAction(std::string_view bytes);
std::string ActionPrefix(TenantId tenant);
std::string ActionKey(TenantId tenant, std::string_view id);

// What is shown in the place of a secret, and stands for the present one when it is written back.
inline constexpr std::string_view kHiddenSecret = "***";

// Takes the secrets of the type out of the configuration; both are JSON objects. A hidden one is taken from `old`.
struct SplitConfig {
  std::string open;
  std::string secrets;  // empty: there are none
};
Result<SplitConfig> SplitSecrets(std::string_view config, const SinkType& type,
                                 std::string_view old_secrets);
// The configuration with the secrets back in it.
Result<std::string> JoinSecrets(std::string_view open, std::string_view secrets);
// The configuration with the secrets hidden.
Result<std::string> HideSecrets(std::string_view open, std::string_view secrets);

// An action at work. Immutable; outlives its attempts.
struct Action {
  TenantId tenant{};
  std::string id;
  RetryPolicy retry;
  Pace pace;
  bool is_ordered = false;
  bool enabled = true;
  bool is_disabled_by_us = false;
  Quiet quiet;
  std::string type;
  std::unique_ptr<Sink> sink;  // null: it cannot be used
  std::string endpoint;
  std::string problem;  // why not
};

}  // namespace neurallog::actions
