#include "base/quantity.h"

#include <charconv>
#include <iterator>

#include "base/clock.h"

namespace neurallog::base {
namespace {

constexpr uint64_t kKiB = 1024;

struct Unit {
  std::string_view name;  // lower-case
  uint64_t bytes;
};

constexpr Unit kByteUnits[] = {
    {"", 1},
    {"b", 1},
    {"kib", kKiB},
    {"mib", kKiB* kKiB},
    {"gib", kKiB* kKiB* kKiB},
    {"tib", kKiB* kKiB* kKiB* kKiB},
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

std::optional<uint64_t> ParseByteSize(std::string_view text) {
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

std::string FormatByteSize(uint64_t bytes) {
  static constexpr std::string_view kNames[] = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t power = 0;
  for (; bytes != 0 && bytes % 1024 == 0 && power + 1 < std::size(kNames); ++power) bytes /= 1024;
  return std::to_string(bytes).append(kNames[power]);
}

std::string FormatDuration(int64_t ns) {
  struct TimeUnit {
    std::string_view name;
    int64_t ns;
  };
  static constexpr TimeUnit kUnits[] = {{"d", kNsPerDay},         {"h", 3600 * kNsPerSecond},
                                        {"m", 60 * kNsPerSecond}, {"s", kNsPerSecond},
                                        {"ms", kNsPerMs},         {"us", 1000}};
  if (ns == 0) return "0";
  for (const TimeUnit& unit : kUnits)
    if (ns % unit.ns == 0) return std::to_string(ns / unit.ns).append(unit.name);
  return std::to_string(ns) + "ns";
}

}  // namespace neurallog::base
