// Reads one item of a selection: a key with modifiers, and its value or values.
#pragma once

#include <optional>

#include "rules/detection_parser.h"

namespace neurallog::rules {

std::optional<Expression> ParseItem(const Node& key, const Node& value,
                                    const DetectionContext& context);

}  // namespace neurallog::rules
