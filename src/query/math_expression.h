// Calculations with fields: the expressions of the math pipe.
//
//   NL_TRY(auto expression, ParseMath(lexer, now_ns));
//   NL_TRY(std::vector<double> values, expression->Evaluate(batch, fields, rows));
//
// Operators from the closest-binding on: ^, * / %, + -, &, xor, or, default; all from left to right.
// What is no number is NaN.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/lexer.h"
#include "query/derived_rows.h"

namespace neurallog::query {

// Immutable.
struct MathExpression {
  using Function = double (*)(const double* arguments, size_t count);

  std::string text;  // of a number, or the name of a field as written
  std::string field;
  double number = 0;
  std::string_view name;  // of an operator or a function
  Function function = nullptr;
  bool has_parentheses = false;
  std::vector<std::unique_ptr<MathExpression>> arguments;

  // The values for these rows.
  Result<std::vector<double>> Evaluate(Batch& batch, const FieldSet& fields,
                                       const std::vector<uint32_t>& rows) const;
  void Print(std::string* to) const;
};

Result<std::unique_ptr<MathExpression>> ParseMath(filter::Lexer* lexer, int64_t now_ns);

// Numbers with units, 0x..., durations in nanoseconds, RFC 3339 times in nanoseconds, IPv4 addresses
// as 32-bit numbers; NaN otherwise.
double ToMathNumber(std::string_view text);
// A dotted quad as a number of 32 bits.
bool ParseIpv4(std::string_view text, double* number);

}  // namespace neurallog::query
