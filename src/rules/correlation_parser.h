// Reads a Sigma correlation (specification 2.1).
#pragma once

#include <optional>
#include <vector>

#include "rules/document.h"
#include "rules/map_reader.h"
#include "rules/rule.h"

namespace neurallog::rules {

// `document` has a member correlation. Nothing when a problem was found.
std::optional<Correlation> ParseCorrelation(const Node& document, std::vector<Problem>* problems);

// A word such as "high" of a member; medium when it is missing.
Severity ParseSeverity(const MapReader& reader, std::string_view key,
                       std::vector<Problem>* problems);

}  // namespace neurallog::rules
