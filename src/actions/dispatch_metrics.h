// What the dispatcher counts.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <string_view>

#include "actions/delivery.h"
#include "metrics/registry.h"

namespace neurallog::actions {

struct DispatchMetrics {
  static constexpr size_t kKinds = 4;  // of Outcome

  explicit DispatchMetrics(metrics::Registry* registry)
      : delivered(registry->AddCounter("neurallog_action_delivered_total",
                                       "Deliveries that their receivers took.")),
        replayed(registry->AddCounter("neurallog_action_replayed_total",
                                      "Dead letters that were put back into the outbox.")),
        letters_dropped(
            registry->AddCounter("neurallog_dead_letters_dropped_total",
                                 "Dead letters that went because of their age or number.")),
        skipped(registry->AddCounter("neurallog_action_skipped_total",
                                     "Findings for actions that their users have disabled.")),
        muted(registry->AddCounter("neurallog_notices_muted_total",
                                   "Matches and alerts of which an action was not told because "
                                   "something mutes them.")),
        disabled(registry->AddCounter("neurallog_actions_disabled_total",
                                      "Actions that the server has disabled.")),
        attempt_time(registry->AddHistogram("neurallog_action_attempt_seconds",
                                            "How long an attempt took.")),
        delivery_time(registry->AddHistogram(
            "neurallog_action_delivery_seconds",
            "From the finding to the receiver's yes, of deliveries that were not replayed.")) {
    for (const SinkType& type : SinkTypes())
      for (size_t kind = 0; kind < kKinds; ++kind)
        attempts[type.name][kind] = &registry->AddCounter(
            "neurallog_action_attempts_total", "Attempts to deliver.",
            metrics::Label("type", type.name)
                .append(",")
                .append(metrics::Label("outcome", KindName(static_cast<Outcome::Kind>(kind)))));
    for (size_t reason = 1; reason < kDeadReasons; ++reason)
      dead[reason] = &registry->AddCounter(
          "neurallog_action_dead_total", "Deliveries that were given up.",
          metrics::Label("reason", ReasonName(static_cast<DeadReason>(reason))));
    const auto gauge = [registry](std::string name, std::string help,
                                  const std::atomic<int64_t>* value) {
      registry->AddGauge(std::move(name), std::move(help),
                         [value] { return static_cast<double>(value->load()); });
    };
    gauge("neurallog_outbox_depth", "Deliveries that wait or are being made.", &pending);
    gauge("neurallog_action_in_flight", "Attempts that are being made.", &in_flight);
    gauge("neurallog_dead_letters", "Dead letters.", &letters);
    gauge("neurallog_dead_letter_bytes", "Bytes of dead letters.", &letter_bytes);
    gauge("neurallog_notice_groups", "Groups of notices that wait, or alerts that are muted.",
          &groups);
    gauge("neurallog_action_breakers_open", "Actions whose receiver is left alone for a while.",
          &breakers_open);
  }

  metrics::Counter& delivered;
  metrics::Counter& replayed;
  metrics::Counter& letters_dropped;
  metrics::Counter& skipped;
  metrics::Counter& muted;
  metrics::Counter& disabled;
  metrics::Histogram& attempt_time;
  metrics::Histogram& delivery_time;
  std::map<std::string_view, std::array<metrics::Counter*, kKinds>> attempts;  // by type
  std::array<metrics::Counter*, kDeadReasons> dead{};
  std::atomic<int64_t> pending{0};
  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> letters{0};
  std::atomic<int64_t> letter_bytes{0};
  std::atomic<int64_t> oldest_letter_ns{0};  // when it was made; 0: there is none
  std::atomic<int64_t> breakers_open{0};
  std::atomic<int64_t> groups{0};
};

}  // namespace neurallog::actions
