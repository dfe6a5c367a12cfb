// Dates as heads of HTTP have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace neurallog::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" as seconds since 1970; the older forms of RFC 9110 are not read.
std::optional<int64_t> ParseHttpDate(std::string_view text);

}  // namespace neurallog::http
