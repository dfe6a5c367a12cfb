// How the format pipe can print a value: `<uc:field>`, `<time:field>`, ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace neurallog::query {

struct ValueFormat {
  std::string_view name;
  // Appends the value; as it is when it has not the form that is needed.
  void (*append)(std::string_view value, std::string* to);
};

// Null when there is none of this name.
const ValueFormat* FindValueFormat(std::string_view name);
std::vector<std::string_view> ValueFormatNames();

// "1h5m3.5s" of nanoseconds.
void AppendDuration(std::string* to, int64_t ns);

}  // namespace neurallog::query
