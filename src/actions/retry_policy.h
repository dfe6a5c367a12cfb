// When a delivery that failed is tried again.
//
//   interactive   0, 0.5, 1.5, 4, 10 and 19 s after the first attempt, spread; then it is dead: within 30 s
//   durable       the same, then after 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h: about three days
//   custom        `attempts`, `base` apart and `factor` times as long each time, at most `cap`
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json_value.h"

namespace neurallog::actions {

// What was tried so far, in vain.
struct Tries {
  uint32_t tries = 0;
  uint32_t redrives = 0;   // of them late ones
  int64_t elapsed_ns = 0;  // since the first one began
};

struct RetryPolicy {
  enum class Profile : uint8_t { kInteractive, kDurable, kCustom };
  static constexpr uint32_t kAttemptsMax = 100;

  Profile profile = Profile::kInteractive;
  // Of a custom one.
  uint32_t attempts = 5;
  int64_t base_ns = 500'000'000;
  double factor = 2;
  int64_t cap_ns = 10'000'000'000;
  bool has_jitter = true;

  // {"profile":"custom","attempts":5,"base":"500ms","factor":2,"cap":"10s","jitter":"full"}
  static Result<RetryPolicy> Parse(const base::JsonValue& json);
  std::string ToJson() const;

  // How long after now the next attempt is due; nothing: the delivery is dead. `chance` is in [0, 1). The receiver
  // has asked for `retry_after_ns`. `*is_redrive` is set when it is one of the late attempts.
  std::optional<int64_t> Delay(const Tries& so_far, int64_t retry_after_ns, double chance,
                               bool* is_redrive) const;
  // What waits for a receiver that cannot be reached is given up, or put off, after so long.
  static constexpr int64_t kPatienceNs = 28'000'000'000;
};

}  // namespace neurallog::actions
