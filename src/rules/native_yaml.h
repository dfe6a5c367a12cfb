// Sigma's rules as rules of ours.
//
//   NL_TRY(const std::string yaml, ToNativeYaml(document));
//
// What both formats have keeps its meaning: ours reads a detection as Sigma does. What only describes goes to `meta`.
#pragma once

#include <string>

#include "neurallog/status.h"
#include "rules/document.h"

namespace neurallog::rules {

// InvalidArgument for what is no Sigma rule, and for correlations and filters, which ours has no document for.
Result<std::string> ToNativeYaml(const Node& sigma);

// The node as YAML in block style, with a line end. Texts that were quoted stay so.
std::string ToYaml(const Node& node);

}  // namespace neurallog::rules
