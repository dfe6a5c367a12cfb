// The rules of a backtest: those that are asked for, those that they refer to, and the tenant's filters.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "detection/compiled_rules.h"
#include "detection/detection.h"

namespace neurallog::detection {

struct BacktestRules {
  static constexpr size_t kIdsMax = 1'000;

  std::shared_ptr<const CompiledRules> compiled;
  std::vector<std::string> ids;  // of those that are asked for; all of them run
};

// Stored rules by `ids`, whether enabled or not, and `texts` of one or many documents, which come before stored ones of
// the same id. InvalidArgument says what is wrong with a document, or why a rule cannot run.
Result<BacktestRules> ChooseRules(Detection* detection, TenantId tenant,
                                  const std::vector<std::string>& ids,
                                  const std::vector<std::string>& texts);

}  // namespace neurallog::detection
