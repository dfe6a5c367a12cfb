// The version of this build.
#pragma once

#include <string_view>

namespace neurallog {
inline constexpr std::string_view kVersion = "0.1.0";
}
