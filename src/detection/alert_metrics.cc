#include "detection/alert_metrics.h"

namespace neurallog::detection {

AlertMetrics::AlertMetrics(metrics::Registry* registry)
    : dropped_(registry->AddCounter("neurallog_alerts_dropped_total",
                                    "Matches that made no alert, because there were too many.")) {
  for (size_t i = 0; i < static_cast<size_t>(AlertState::kResolved); ++i)
    registry->AddGauge(
        "neurallog_alerts", "Alerts that are not resolved, by state.",
        [this, i] { return static_cast<double>(alerts_[i].load(std::memory_order_relaxed)); },
        metrics::Label("state", StateName(static_cast<AlertState>(i))));
  for (size_t i = 0; i < kAlertChanges; ++i)
    transitions_[i] =
        &registry->AddCounter("neurallog_alert_transitions_total", "What happened to alerts.",
                              metrics::Label("to", ChangeName(static_cast<AlertChange>(i))));
}

}  // namespace neurallog::detection
