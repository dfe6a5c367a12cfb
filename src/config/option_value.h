// Values of options as text: "64MiB", "30s", "true". Reading gives nothing for text that is not a
// value of the type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace neurallog::config {

// A whole number of bytes, or of B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB, GB, TB (powers
// of 1000), in any case.
std::optional<uint64_t> ParseBytes(std::string_view text);
// In the largest power of 1024 that gives a whole number.
std::string FormatBytes(uint64_t bytes);

// "10ms", "1h30m", "0": units ns us ms s m h d w y; only zero may go without.
std::optional<Duration> ParseDurationText(std::string_view text);
// In the largest unit up to days that gives a whole number; zero is "0".
std::string FormatDuration(Duration duration);

std::optional<int64_t> ParseInt(std::string_view text);
// Only "true" and "false": YAML's other spellings differ between its versions.
std::optional<bool> ParseBool(std::string_view text);

}  // namespace neurallog::config
