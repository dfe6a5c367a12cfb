#include "config/option_value.h"

#include <charconv>

#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::config {
namespace {

}  // namespace

std::optional<uint64_t> ParseBytes(std::string_view text) { return base::ParseByteSize(text); }

std::string FormatBytes(uint64_t bytes) { return base::FormatByteSize(bytes); }

std::optional<Duration> ParseDurationText(std::string_view text) {
  if (text == "0") return Duration::zero();
  const std::optional<int64_t> ns = base::ParseDuration(text);
  if (!ns) return std::nullopt;
  return Duration(*ns);
}

std::string FormatDuration(Duration duration) { return base::FormatDuration(duration.count()); }

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

}  // namespace neurallog::config
