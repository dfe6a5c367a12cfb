// Members of JSON objects, each with the comma before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace neurallog::api {

inline void AppendText(std::string* json, std::string_view name, std::string_view text) {
  json->append(",\"").append(name).append("\":");
  base::AppendJsonString(json, text);
}

inline void AppendNumber(std::string* json, std::string_view name, uint64_t number) {
  json->append(",\"").append(name).append("\":").append(std::to_string(number));
}

}  // namespace neurallog::api
