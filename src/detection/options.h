// The bounds of rules and of what they find. Beyond one a change is refused, unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurallog::detection {

// Of a tenant; beyond one the oldest matches go.
struct MatchLimits {
  uint64_t matches_max = 100'000;
  uint64_t bytes_max = 256u << 20;
};

struct Options {
  size_t queue_bytes_max = 64u << 20;  // of batches that wait; more are read from the log
  MatchLimits matches;
  size_t rules_max = 20'000;            // of a tenant
  size_t document_bytes_max = 1 << 20;  // of one rule
  size_t lists_max = 1'000;             // of a tenant
  size_t list_values_max = 100'000;
  size_t list_bytes_max = 4u << 20;
};

}  // namespace neurallog::detection
