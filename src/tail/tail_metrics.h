// The figures of the live tails.
#pragma once

#include "metrics/registry.h"

namespace neurallog::tail {

struct TailMetrics {
  explicit TailMetrics(metrics::Registry* registry)
      : events(registry->AddCounter("neurallog_tail_events_total",
                                    "Events handed to the connections of live tails.")),
        dropped(registry->AddCounter("neurallog_tail_dropped_total",
                                     "Events that viewers were too slow for.")),
        unexamined(registry->AddCounter(
            "neurallog_tail_unexamined_total",
            "Log records that live tails did not look at because the server was too busy.")),
        rows(registry->AddCounter("neurallog_tail_logs_total",
                                  "Log records that live tails looked at.")),
        refused(registry->AddCounter("neurallog_tail_refused_total",
                                     "Live tails refused because there were too many.")) {}

  metrics::Counter& events;
  metrics::Counter& dropped;
  metrics::Counter& unexamined;
  metrics::Counter& rows;
  metrics::Counter& refused;
};

}  // namespace neurallog::tail
