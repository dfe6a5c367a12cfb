// What the commands of `neurallog actions` do. Each returns the exit code: 0 done, 1 failed.
#pragma once

#include <string>
#include <vector>

#include "cli/log_source.h"
#include "cli/row_printer.h"

namespace neurallog::cli {

// Which deliveries are meant; what is empty does not matter.
struct DeliveryFilter {
  std::string state, action, rule, reason, since, until;
  size_t limit = 100;
};

// One attempt with a sample; 1 when it fails.
int TestAction(const LogTarget& target, const std::string& id);
int ListDeliveries(const LogTarget& target, const DeliveryFilter& filter,
                   const OutputOptions& output);
int ListDeadLetters(const LogTarget& target, const DeliveryFilter& filter,
                    const OutputOptions& output);
// Those of these ids; none: all that are meant. `new_id`: they are other deliveries to their receivers.
int ReplayDeadLetters(const LogTarget& target, const std::vector<std::string>& ids,
                      const DeliveryFilter& filter, bool new_id);

}  // namespace neurallog::cli
