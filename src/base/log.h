// The server's own log: one line per event to stderr, as text or JSON. Thread-safe; lines are written whole.
//
//   base::LogInfo("listening", {{"address", "127.0.0.1:8080"}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace neurallog::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

void SetLogLevel(LogLevel level);
void SetLogFormat(LogFormat format);

void Log(LogLevel level, std::string_view event, LogFields fields = {});
inline void LogDebug(std::string_view event, LogFields fields = {}) {
  Log(LogLevel::kDebug, event, fields);
}
inline void LogInfo(std::string_view event, LogFields fields = {}) {
  Log(LogLevel::kInfo, event, fields);
}
inline void LogWarn(std::string_view event, LogFields fields = {}) {
  Log(LogLevel::kWarn, event, fields);
}
inline void LogError(std::string_view event, LogFields fields = {}) {
  Log(LogLevel::kError, event, fields);
}

}  // namespace neurallog::base
