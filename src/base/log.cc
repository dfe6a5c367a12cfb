#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/time_format.h"

namespace neurallog::base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kText};

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "?";
}

std::string FormatJson(LogLevel level, std::string_view event, LogFields fields) {
  std::string line = "{\"timestamp\":\"";
  AppendRfc3339(&line, Clock::System().WallNs());
  line.append("\",\"level\":\"").append(Name(level)).append("\",\"message\":");
  AppendJsonString(&line, event);
  for (const auto& [name, value] : fields) {
    line.push_back(',');
    AppendJsonString(&line, name);
    line.push_back(':');
    AppendJsonString(&line, value);
  }
  return line.append("}\n");
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || value.find_first_of(" =\"\n\t") != std::string_view::npos;
}

std::string FormatText(LogLevel level, std::string_view event, LogFields fields) {
  std::string line;
  AppendRfc3339(&line, Clock::System().WallNs());
  line.append(" ").append(Name(level)).append(" ").append(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).push_back('=');
    if (NeedsQuotes(value)) {
      AppendJsonString(&line, value);
    } else {
      line.append(value);
    }
  }
  return line.append("\n");
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
void SetLogFormat(LogFormat format) { g_format.store(format, std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view event, LogFields fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  const bool json = g_format.load(std::memory_order_relaxed) == LogFormat::kJson;
  const std::string line =
      json ? FormatJson(level, event, fields) : FormatText(level, event, fields);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace neurallog::base
