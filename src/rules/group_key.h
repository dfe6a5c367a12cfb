// A group's values as one string: each with its length in front, cut to kValueBytesMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace neurallog::rules {

// Longer values are the same group when they begin alike.
inline constexpr size_t kValueBytesMax = 1024;

inline void AppendGroupValue(std::string* key_text, std::string_view value) {
  base::AppendLengthPrefixed(key_text, value.substr(0, kValueBytesMax));
}
inline std::vector<std::string> GroupValues(std::string_view key_text) {
  std::vector<std::string> values;
  base::ByteReader reader(key_text);
  while (!reader.empty()) values.emplace_back(reader.ReadLengthPrefixed());
  return values;
}

}  // namespace neurallog::rules
