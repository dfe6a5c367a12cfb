// The bounds of rules and of what they find. Beyond one a change is refused, unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurallog::base {
class SpareMemory;
}

namespace neurallog::detection {

// Of a tenant; beyond one the oldest matches go.
struct MatchLimits {
  uint64_t matches_max = 100'000;
  uint64_t bytes_max = 256u << 20;
};

// Of a tenant's alerts.
struct AlertLimits {
  size_t live_max = 10'000;  // not resolved; past it a match makes no alert, which is counted
  size_t live_per_rule_max = 1'000;                             // of one rule; the same
  size_t resolved_max = 20'000;                                 // past it the oldest go
  int64_t retention_ns = int64_t{30} * 86'400 * 1'000'000'000;  // after an alert was resolved
};

struct Options {
  size_t queue_bytes_max = 64u << 20;  // of batches that wait; more are read from the log
  size_t state_bytes_max = 64u << 20;  // of windows of all tenants; beyond it the stalest groups go
  uint64_t rule_ns_max = 50'000;       // a slower rule is quarantined; 0: none is
  // Rules of a tenant without records for so long are unloaded; 0: never for that.
  int64_t idle_ns = int64_t{600} * 1'000'000'000;
  // Of all compiled rules; beyond it those that were needed longest ago are unloaded, but for those that were needed
  // within `stay_ns`.
  size_t compiled_bytes_max = 256u << 20;
  int64_t stay_ns = int64_t{2} * 1'000'000'000;
  base::SpareMemory* spare_memory = nullptr;  // told what is held, if there is one
  MatchLimits matches;
  AlertLimits alerts;
  size_t rules_max = 20'000;            // of a tenant
  size_t document_bytes_max = 1 << 20;  // of one rule
  size_t lists_max = 1'000;             // of a tenant
  size_t list_values_max = 100'000;
  size_t list_bytes_max = 4u << 20;
};

}  // namespace neurallog::detection
