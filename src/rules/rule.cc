#include "rules/rule.h"

#include <fmt/format.h>

namespace neurallog::rules {

std::string_view SeverityName(Severity severity) {
  constexpr std::string_view kNames[] = {"info", "low", "medium", "high", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

std::string ToString(const LogSource& source) {
  const auto part = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
  return fmt::format("{}/{}/{}", part(source.product), part(source.category), part(source.service));
}

}  // namespace neurallog::rules
