#include "query/format_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "filter/number.h"
#include "query/letter_case.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

using base::HexDigit;

std::optional<uint64_t> ParseUnsigned(std::string_view text, int base) {
  uint64_t number;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

void AppendTime(std::string_view value, std::string* to) {
  const auto ns = base::ParseEpoch(value);
  ns ? base::AppendRfc3339(to, *ns) : static_cast<void>(to->append(value));
}

void AppendDurationOf(std::string_view value, std::string* to) {
  filter::Number number;
  const bool is_number = filter::ParseNumber(value, &number) && std::fabs(number.value) < 9.2e18L;
  is_number ? AppendDuration(to, static_cast<int64_t>(number.value))
            : static_cast<void>(to->append(value));
}

void AppendDurationSeconds(std::string_view value, std::string* to) {
  const bool is_negative = !value.empty() && value[0] == '-';
  const auto ns = base::ParseDuration(value.substr(is_negative ? 1 : 0));
  if (!ns) return static_cast<void>(to->append(value));
  const double seconds = static_cast<double>(*ns) / static_cast<double>(base::kNsPerSecond);
  to->append(FormatNumber(is_negative ? -seconds : seconds));
}

void AppendIpv4(std::string_view value, std::string* to) {
  const auto number = ParseUnsigned(value, 10);
  if (!number || *number > UINT32_MAX) return static_cast<void>(to->append(value));
  to->append(fmt::format("{}.{}.{}.{}", *number >> 24, *number >> 16 & 255, *number >> 8 & 255,
                         *number & 255));
}

void AppendQuotedJson(std::string_view value, std::string* to) {
  base::AppendJsonString(to, value);
}
void AppendUpper(std::string_view value, std::string* to) { AppendUpperCase(to, value); }
void AppendLower(std::string_view value, std::string* to) { AppendLowerCase(to, value); }

void AppendUrlEncoded(std::string_view value, std::string* to) {
  for (const char c : value) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain) {
      to->push_back(c);
    } else if (c == ' ') {
      to->push_back('+');
    } else {
      to->append({'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]});
    }
  }
}

void AppendUrlDecoded(std::string_view value, std::string* to) {
  for (size_t i = 0; i < value.size(); ++i) {
    const bool is_escape = value[i] == '%' && i + 2 < value.size() && HexDigit(value[i + 1]) >= 0 &&
                           HexDigit(value[i + 2]) >= 0;
    if (is_escape) {
      to->push_back(static_cast<char>(HexDigit(value[i + 1]) * 16 + HexDigit(value[i + 2])));
      i += 2;
    } else {
      to->push_back(value[i] == '+' ? ' ' : value[i]);
    }
  }
}

void AppendHexEncoded(std::string_view value, std::string* to) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    to->append({kHexDigits[byte >> 4], kHexDigits[byte & 15]});
  }
}

void AppendHexDecoded(std::string_view value, std::string* to) {
  const bool is_hex = value.size() % 2 == 0 && std::all_of(value.begin(), value.end(),
                                                           [](char c) { return HexDigit(c) >= 0; });
  if (!is_hex) return static_cast<void>(to->append(value));
  for (size_t i = 0; i < value.size(); i += 2)
    to->push_back(static_cast<char>(HexDigit(value[i]) * 16 + HexDigit(value[i + 1])));
}

void AppendHexNumber(std::string_view value, std::string* to) {
  const auto number = ParseUnsigned(value, 10);
  to->append(number ? fmt::format("{:016X}", *number) : std::string(value));
}

void AppendDecimalNumber(std::string_view value, std::string* to) {
  const auto number = ParseUnsigned(value, 16);
  to->append(number ? std::to_string(*number) : std::string(value));
}

void AppendBase64(std::string_view value, std::string* to) { to->append(base::Base64(value)); }

void AppendBase64Decoded(std::string_view value, std::string* to) {
  to->append(base::DecodeBase64(value).value_or(std::string(value)));
}

constexpr ValueFormat kFormats[] = {
    {"base64decode", AppendBase64Decoded},
    {"base64encode", AppendBase64},
    {"duration", AppendDurationOf},
    {"duration_seconds", AppendDurationSeconds},
    {"hexdecode", AppendHexDecoded},
    {"hexencode", AppendHexEncoded},
    {"hexnumdecode", AppendDecimalNumber},
    {"hexnumencode", AppendHexNumber},
    {"ipv4", AppendIpv4},
    {"lc", AppendLower},
    {"q", AppendQuotedJson},
    {"time", AppendTime},
    {"uc", AppendUpper},
    {"urldecode", AppendUrlDecoded},
    {"urlencode", AppendUrlEncoded},
};

}  // namespace

const ValueFormat* FindValueFormat(std::string_view name) {
  const auto format =
      std::find_if(std::begin(kFormats), std::end(kFormats),
                   [name](const ValueFormat& candidate) { return candidate.name == name; });
  return format == std::end(kFormats) ? nullptr : &*format;
}

std::vector<std::string_view> ValueFormatNames() {
  std::vector<std::string_view> names;
  for (const ValueFormat& format : kFormats) names.push_back(format.name);
  return names;
}

// From a second on, what is below one is a fraction of it; a shorter time has smaller units.
void AppendDuration(std::string* to, int64_t ns) {
  struct Unit {
    std::string_view name;
    uint64_t ns;
  };
  constexpr uint64_t kSecond = base::kNsPerSecond;
  constexpr Unit kLong[] = {{"w", 604'800 * kSecond},
                            {"d", 86'400 * kSecond},
                            {"h", 3'600 * kSecond},
                            {"m", 60 * kSecond}};
  constexpr Unit kShort[] = {{"ms", 1'000'000}, {"\u00b5s", 1'000}, {"ns", 1}};
  if (ns == 0) return to->push_back('0');
  if (ns < 0) to->push_back('-');
  uint64_t left = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  const bool is_short = left < kSecond;
  for (const Unit& unit : is_short ? std::span<const Unit>(kShort) : std::span<const Unit>(kLong)) {
    if (left >= unit.ns) to->append(std::to_string(left / unit.ns)).append(unit.name);
    left %= unit.ns;
  }
  if (left == 0) return;
  std::string seconds = fmt::format("{}.{:09}", left / kSecond, left % kSecond);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.back() == '.') seconds.pop_back();
  to->append(seconds).append("s");
}

}  // namespace neurallog::query
