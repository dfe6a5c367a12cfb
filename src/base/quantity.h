// Sizes and durations as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace neurallog::base {

// "64MiB", "10 GB", "4096": a whole number and B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB, GB, TB (of 1000), in any case.
std::optional<uint64_t> ParseByteSize(std::string_view text);
// The shortest exact form with a power of 1024: "64MiB", "1000".
std::string FormatByteSize(uint64_t bytes);
// The longest unit that says it exactly: "30d", "90m", "1500ms"; "0".
std::string FormatDuration(int64_t ns);

}  // namespace neurallog::base
