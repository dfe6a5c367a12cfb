// Writing JSON by appending to a string. For output whose shape the code knows; reading JSON is simdjson's work.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::base {

// Appends `text` as a JSON string with its quotes. Control characters, '"' and '\\' are escaped; other bytes pass as they are,
// except that bytes that are not UTF-8 become U+FFFD so that the output is always valid JSON.
void AppendJsonString(std::string* to, std::string_view text);

}  // namespace neurallog::base
