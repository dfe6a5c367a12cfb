// Conditions of rules that are written in LogsQL, the language of searches.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "neurallog/status.h"
#include "rules/expression.h"

namespace neurallog::rules {

// A filter as the condition of a rule: it holds for a record as a search would find it. Beside the filter
// stand tests that hold whenever it does, as far as there are some, for the index to watch. InvalidArgument says what is wrong
// and mostly where; pipes, queries inside of the filter and times that depend on when it is asked are refused.
Result<Expression> ParseQueryCondition(std::string_view text);

// A filter in LogsQL that finds every record for which the condition holds. Nothing: none is known.
std::optional<std::string> SearchOf(const Expression& condition);

}  // namespace neurallog::rules
