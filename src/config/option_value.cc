#include "config/option_value.h"

#include <charconv>

#include "base/time_format.h"

namespace neurallog::config {
namespace {

struct Unit {
  std::string_view name;  // lower-case
  uint64_t bytes;
};

constexpr Unit kByteUnits[] = {
    {"", 1},
    {"b", 1},
    {"kib", kKiB},
    {"mib", kMiB},
    {"gib", kGiB},
    {"tib", 1024 * kGiB},
    {"kb", 1'000},
    {"mb", 1'000'000},
    {"gb", 1'000'000'000},
    {"tb", 1'000'000'000'000},
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  return lower;
}

}  // namespace

std::optional<uint64_t> ParseBytes(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::string name = Lower(rest);
  for (const Unit& unit : kByteUnits) {
    if (unit.name != name) continue;
    uint64_t bytes;
    if (__builtin_mul_overflow(number, unit.bytes, &bytes)) return std::nullopt;
    return bytes;
  }
  return std::nullopt;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::string_view kNames[] = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t power = 0;
  for (; bytes != 0 && bytes % 1024 == 0 && power + 1 < std::size(kNames); ++power) bytes /= 1024;
  return std::to_string(bytes).append(kNames[power]);
}

std::optional<Duration> ParseDurationText(std::string_view text) {
  if (text == "0") return Duration::zero();
  const std::optional<int64_t> ns = base::ParseDuration(text);
  if (!ns) return std::nullopt;
  return Duration(*ns);
}

std::string FormatDuration(Duration duration) {
  struct TimeUnit {
    std::string_view name;
    Duration length;
  };
  static constexpr TimeUnit kUnits[] = {{"d", kDay},
                                        {"h", std::chrono::hours(1)},
                                        {"m", std::chrono::minutes(1)},
                                        {"s", std::chrono::seconds(1)},
                                        {"ms", std::chrono::milliseconds(1)},
                                        {"us", std::chrono::microseconds(1)}};
  if (duration == Duration::zero()) return "0";
  for (const TimeUnit& unit : kUnits)
    if (duration % unit.length == Duration::zero())
      return std::to_string(duration / unit.length).append(unit.name);
  return std::to_string(duration.count()) + "ns";
}

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
