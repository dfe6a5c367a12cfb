// Reads what one of our rules says about many records: type, window, threshold and the member that
// is named like the type.
//
//   type: distinct
//   window: {size: 5m, group_by: [source_ip]}
//   distinct: {field: user}
//   threshold: {gte: 10}
//   suppress: {cooldown: 1h}
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "rules/detection_parser.h"
#include "rules/map_reader.h"
#include "rules/stateful.h"

namespace neurallog::rules {

// Nothing for a rule of type match whose matches are not suppressed. Problems are in the context.
std::optional<Stateful> ParseStateful(const MapReader& rule, const DetectionContext& context);

// gt, gte, lt, lte, eq and neq of a map.
std::vector<Bound> ParseBounds(const MapReader& reader);

// Of the members with these names.
base::Hash128Value FingerprintOf(const Node& map, const std::vector<std::string_view>& names);

}  // namespace neurallog::rules
