// The table of the math pipe's operators and functions.
#pragma once

#include <string_view>

#include "query/math_expression.h"

namespace neurallog::query {

struct MathOperator {
  std::string_view name;
  int priority;  // a lower one binds closer
  MathExpression::Function function;
};
struct MathFunction {
  std::string_view name;
  size_t arguments_min;
  size_t arguments_max;
  MathExpression::Function function;
};

inline constexpr int kMathPriorityMax = 7;

// Null when there is none.
const MathOperator* FindMathOperator(std::string_view name);
const MathFunction* FindMathFunction(std::string_view name);

double Negate(const double* arguments, size_t count);

}  // namespace neurallog::query
