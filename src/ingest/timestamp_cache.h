// TimestampCache: base::ParseTimestamp, faster for records that follow each other within a minute.
//
// Remembers the last minute that it has read, so that of "2025-06-01T12:00:07.125Z" only ":07.125Z" is left to parse; whatever has
// another form goes to base::ParseTimestamp.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::ingest {

class TimestampCache {
 public:
  std::optional<int64_t> Parse(std::string_view text) {
    if (text.size() < kSecondEnd + 1 || text.size() > kSecondEnd + 11 || text.back() != 'Z')
      return base::ParseTimestamp(text);
    if (std::memcmp(text.data(), minute_, kMinuteBytes) != 0 && !LearnMinute(text))
      return base::ParseTimestamp(text);
    int64_t ns = 0;
    if (!ReadSeconds(text.data() + kMinuteBytes, &ns)) return base::ParseTimestamp(text);
    if (text.size() > kSecondEnd + 1 &&
        !ReadFraction(text.substr(kSecondEnd, text.size() - kSecondEnd - 1), &ns))
      return base::ParseTimestamp(text);
    return minute_ns_ + ns;
  }

 private:
  static constexpr size_t kMinuteBytes = 16;  // "2025-06-01T12:00"
  static constexpr size_t kSecondEnd = 19;

  static unsigned Digit(char c) { return static_cast<unsigned char>(c) - unsigned{'0'}; }

  // Years near the ends of int64 are left to the checks of base::ParseTimestamp.
  bool LearnMinute(std::string_view text) {
    char whole[kMinuteBytes + 4];
    std::memcpy(whole, text.data(), kMinuteBytes);
    std::memcpy(whole + kMinuteBytes, ":00Z", 4);
    const std::optional<int64_t> ns = base::ParseRfc3339({whole, sizeof(whole)});
    if (!ns.has_value() || *ns > INT64_MAX - 120 * base::kNsPerSecond) return false;
    std::memcpy(minute_, whole, kMinuteBytes);
    minute_ns_ = *ns;
    return true;
  }

  // ":07", without leap seconds.
  static bool ReadSeconds(const char* at, int64_t* ns) {
    const unsigned tens = Digit(at[1]);
    const unsigned ones = Digit(at[2]);
    *ns = (tens * 10 + ones) * base::kNsPerSecond;
    return at[0] == ':' && tens < 6 && ones < 10;
  }

  // ".125", one to nine digits.
  static bool ReadFraction(std::string_view text, int64_t* ns) {
    constexpr int64_t kScales[] = {100'000'000, 10'000'000, 1'000'000, 100'000, 10'000,
                                   1'000,       100,        10,        1};
    if (text[0] != '.' || text.size() < 2) return false;
    int64_t value = 0;
    for (size_t i = 1; i < text.size(); ++i) {
      const unsigned digit = Digit(text[i]);
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
    *ns += value * kScales[text.size() - 2];
    return true;
  }

  char minute_[kMinuteBytes] = {};
  int64_t minute_ns_ = 0;
};

}  // namespace neurallog::ingest
