#include "query/value.h"

#include <fmt/format.h>

#include <cmath>

namespace neurallog::query {

std::string FormatNumber(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Inf" : "+Inf";
  constexpr double kExactIntegers = 1e15;
  if (number == std::floor(number) && std::fabs(number) < kExactIntegers)
    return std::to_string(static_cast<int64_t>(number));
  return fmt::format("{}", number);
}

}  // namespace neurallog::query
