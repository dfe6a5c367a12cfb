// Texts as numbers, as ranges, sort and stats read them.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace neurallog::filter {

// "10", "1.5e3", "10KiB" (bytes), "5ms" (nanoseconds).
struct Number {
  bool is_int = false;  // written as a whole number or a duration that fits int64
  int64_t int_value = 0;
  long double value = 0;  // holds every int64 and every double exactly
};
bool ParseNumber(std::string_view text, Number* number);

// Those that the entries of a dictionary are.
struct EntryNumbers {
  explicit EntryNumbers(std::span<const std::string_view> entries);

  static constexpr size_t kBytesPerEntry = sizeof(Number) + sizeof(uint8_t) + sizeof(double);

  std::vector<Number> numbers;
  std::vector<uint8_t> is_number;  // per entry
  std::vector<double> doubles;     // the nearest ones; NaN: no number
};

// A duration such as "1h30m"; whole nanoseconds, as printed queries have them, exactly.
std::optional<int64_t> ParseDurationNs(std::string_view text);

// A number as queries may write it in the spelling of stored ones: without `_` between digits, 0x.. and
// 0b.. as decimals. Other texts stay as they are.
std::string NumberAsStored(std::string text);

}  // namespace neurallog::filter
