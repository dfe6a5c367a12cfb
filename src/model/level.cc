#include <cctype>

#include "neurallog/log_record.h"

namespace neurallog {

Level ParseLevel(std::string_view text) {
  if (text.empty()) return Level::kNone;
  if (text.size() > 13) return Level::kOther;
  char lower[13];
  for (size_t i = 0; i < text.size(); ++i)
    lower[i] = static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
  struct Spelling {
    std::string_view text;
    Level level;
  };
  static constexpr Spelling kSpellings[] = {
      {"info", Level::kInfo},       {"debug", Level::kDebug},      {"warn", Level::kWarn},
      {"error", Level::kError},     {"fatal", Level::kFatal},      {"trace", Level::kTrace},
      {"warning", Level::kWarn},    {"information", Level::kInfo}, {"informational", Level::kInfo},
      {"notice", Level::kInfo},     {"err", Level::kError},        {"critical", Level::kFatal},
      {"crit", Level::kFatal},      {"alert", Level::kFatal},      {"emerg", Level::kFatal},
      {"emergency", Level::kFatal}, {"panic", Level::kFatal},      {"verbose", Level::kTrace},
      {"fine", Level::kDebug},      {"severe", Level::kError},     {"t", Level::kTrace},
      {"d", Level::kDebug},         {"i", Level::kInfo},           {"w", Level::kWarn},
      {"e", Level::kError},         {"f", Level::kFatal},
  };
  for (const Spelling& spelling : kSpellings)
    if (spelling.text == std::string_view(lower, text.size())) return spelling.level;
  return Level::kOther;
}

}  // namespace neurallog
