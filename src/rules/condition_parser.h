// Reads a condition: `selection and not 1 of filter_*`.
//
//   or        := and ("or" and)*
//   and       := not ("and" not)*
//   not       := "not" not | "(" or ")" | quantity "of" pattern | name
//   quantity  := "all" | "any" | number          pattern := "them" | name with *
//
// `them` leaves out names that begin with '_'. Key words are read in any case.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/detection_parser.h"

namespace neurallog::rules {

struct Selection {
  std::string name;
  Expression expression;
};
using Selections = std::vector<Selection>;

// `condition` is a scalar; problems point into it.
std::optional<Expression> ParseCondition(const Node& condition, const Selections& selections,
                                         const DetectionContext& context);

}  // namespace neurallog::rules
