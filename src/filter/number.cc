#include "filter/number.h"

#include <charconv>
#include <cmath>

#include "base/time_format.h"

namespace neurallog::filter {
namespace {

void SetInt(int64_t value, Number* number) {
  *number = {true, value, static_cast<long double>(value)};
}

bool ParsePlain(std::string_view text, Number* number) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  int64_t integer;
  const char* const end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, integer);
      error == std::errc() && at == end) {
    SetInt(integer, number);
    return true;
  }
  double value;
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || !std::isfinite(value)) return false;
  *number = {false, 0, value};
  return true;
}

struct SizeUnit {
  std::string_view suffix;
  double bytes;
};
constexpr double kKi = 1024;
constexpr SizeUnit kSizeUnits[] = {
    {"KiB", kKi},
    {"MiB", kKi* kKi},
    {"GiB", kKi* kKi* kKi},
    {"TiB", kKi* kKi* kKi* kKi},
    {"Ki", kKi},
    {"Mi", kKi* kKi},
    {"Gi", kKi* kKi* kKi},
    {"Ti", kKi* kKi* kKi* kKi},
    {"KB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
    {"K", 1e3},
    {"M", 1e6},
    {"G", 1e9},
    {"T", 1e12},
    {"B", 1},
};

bool ParseSize(std::string_view text, Number* number) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (text.size() <= unit.suffix.size() ||
        text.substr(text.size() - unit.suffix.size()) != unit.suffix)
      continue;
    if (!ParsePlain(text.substr(0, text.size() - unit.suffix.size()), number)) return false;
    *number = {false, 0, number->value * unit.bytes};
    return true;
  }
  return false;
}

bool ParseDurationNumber(std::string_view text, Number* number) {
  const bool is_negative = text[0] == '-';
  if (is_negative) text.remove_prefix(1);
  const auto duration = base::ParseDuration(text);
  if (!duration) return false;
  SetInt(is_negative ? -*duration : *duration, number);
  return true;
}

// "0xff", "0b101", "0o17".
bool ParseWithBase(std::string_view text, uint64_t* value) {
  if (text.size() < 3 || text[0] != '0') return false;
  const char name = static_cast<char>(text[1] | 0x20);
  const int base = name == 'x' ? 16 : name == 'o' ? 8 : name == 'b' ? 2 : 0;
  if (base == 0) return false;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + 2, end, *value, base);
  return error == std::errc() && at == end;
}

}  // namespace

bool ParseNumber(std::string_view text, Number* number) {
  constexpr size_t kNumberBytesMax = 64;
  if (text.empty() || text.size() > kNumberBytesMax) return false;
  const bool can_be_number =
      (text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '+' || text[0] == '.';
  if (!can_be_number) return false;
  return ParsePlain(text, number) || ParseDurationNumber(text, number) || ParseSize(text, number);
}

EntryNumbers::EntryNumbers(std::span<const std::string_view> entries)
    : numbers(entries.size()), is_number(entries.size()), doubles(entries.size()) {
  for (size_t i = 0; i < entries.size(); ++i) {
    is_number[i] = ParseNumber(entries[i], &numbers[i]) ? 1 : 0;
    doubles[i] = is_number[i] != 0 ? static_cast<double>(numbers[i].value)
                                   : std::numeric_limits<double>::quiet_NaN();
  }
}

std::optional<int64_t> ParseDurationNs(std::string_view text) {
  constexpr std::string_view kUnit = "ns";
  int64_t ns;
  const char* const digits_end = text.data() + text.size() - std::min(text.size(), kUnit.size());
  const auto [at, error] = std::from_chars(text.data(), digits_end, ns);
  const bool is_exact = error == std::errc() && at == digits_end &&
                        text.substr(text.size() - kUnit.size()) == kUnit;
  return is_exact ? std::optional<int64_t>(ns) : base::ParseDuration(text);
}

std::string NumberAsStored(std::string text) {
  std::string plain;
  for (const char c : text)
    if (c != '_') plain.push_back(c);
  const bool is_negative = plain[0] == '-';
  uint64_t value;
  if (ParseWithBase(std::string_view(plain).substr(is_negative ? 1 : 0), &value))
    return (is_negative ? "-" : "") + std::to_string(value);
  Number number;
  return plain.size() != text.size() && ParseNumber(plain, &number) ? plain : text;
}

}  // namespace neurallog::filter
