// What alerts count, of all tenants.
#pragma once

#include <array>
#include <atomic>

#include "detection/alert.h"
#include "metrics/registry.h"

namespace neurallog::detection {

class AlertMetrics {
 public:
  explicit AlertMetrics(metrics::Registry* registry);

  // Of an alert that is not resolved.
  void Enter(AlertState state) { CountOf(state).fetch_add(1, std::memory_order_relaxed); }
  void Leave(AlertState state) { CountOf(state).fetch_sub(1, std::memory_order_relaxed); }
  void Count(AlertChange change) { transitions_[static_cast<size_t>(change)]->Add(); }
  void CountDropped() { dropped_.Add(); }

 private:
  std::atomic<int64_t>& CountOf(AlertState state) { return alerts_[static_cast<size_t>(state)]; }

  std::array<std::atomic<int64_t>, kAlertStates> alerts_{};
  std::array<metrics::Counter*, kAlertChanges> transitions_{};
  metrics::Counter& dropped_;
};

}  // namespace neurallog::detection
