#include "query/query_options.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "filter/nearest_name.h"
#include "filter/number.h"

namespace neurallog::query {
namespace {

constexpr std::string_view kStops = "=,()[]|";

struct Setting {
  std::string name;
  std::string value;
  size_t name_begin = 0;
  size_t value_begin = 0;
};

Result<Setting> ParseSetting(filter::Lexer* lexer) {
  Setting setting;
  setting.name_begin = lexer->token().begin;
  if (!lexer->IsValue(kStops))
    return lexer->ErrorHere("expected the name of an option, found " + lexer->Found());
  setting.name = filter::AsciiLower(lexer->TakeValue(kStops));
  if (!lexer->TakeSymbol('='))
    return lexer->ErrorHere("expected '=' behind option " + setting.name + ", found " +
                            lexer->Found());
  setting.value_begin = lexer->token().begin;
  if (!lexer->IsValue(kStops))
    return lexer->ErrorHere("expected a value of option " + setting.name + ", found " +
                            lexer->Found());
  setting.value = lexer->TakeValue(kStops);
  return setting;
}

bool SetConcurrency(const std::string& value, QueryOptions* options) {
  constexpr uint64_t kConcurrencyMax = 1024;
  uint64_t threads;
  const char* const end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, threads);
  if (error != std::errc() || at != end) return false;
  options->concurrency = static_cast<uint32_t>(std::min(threads, kConcurrencyMax));
  return true;
}

bool SetIgnoreGlobalTimeFilter(const std::string& value, QueryOptions* options) {
  options->ignore_global_time_filter = value == "true" || value == "1";
  return options->ignore_global_time_filter || value == "false" || value == "0";
}

bool SetTimeOffset(const std::string& value, QueryOptions* options) {
  const auto offset = filter::ParseDurationNs(value);
  if (offset) options->time_offset_ns = *offset;
  return offset.has_value();
}

struct OptionRow {
  std::string_view name;
  std::string_view expected;
  bool (*set)(const std::string& value, QueryOptions* options);
};
constexpr OptionRow kOptions[] = {
    {"concurrency", "a number of threads", SetConcurrency},
    {"ignore_global_time_filter", "true or false", SetIgnoreGlobalTimeFilter},
    {"time_offset", "a duration such as 1d", SetTimeOffset},
};

Status Apply(const filter::Lexer& lexer, const Setting& setting, QueryOptions* options) {
  std::vector<std::string_view> names;
  for (const OptionRow& row : kOptions) {
    names.push_back(row.name);
    if (row.name != setting.name) continue;
    if (row.set(setting.value, options)) return {};
    return lexer.ErrorAt(setting.value_begin, "option " + setting.name + ": expected " +
                                                  std::string(row.expected) + ", found '" +
                                                  setting.value + "'");
  }
  return lexer.ErrorAt(setting.name_begin, "unknown option \"" + setting.name + "\"" +
                                               filter::DidYouMean(setting.name, names));
}

}  // namespace

Result<QueryOptions> ParseQueryOptions(filter::Lexer* lexer, const QueryOptions& defaults) {
  QueryOptions options = defaults;
  if (!lexer->IsKeyword("options") || lexer->Peek().text != "(") return options;
  lexer->Next();
  lexer->Next();
  while (!lexer->TakeSymbol(')')) {
    NL_TRY(const Setting setting, ParseSetting(lexer));
    NL_RETURN_IF_ERROR(Apply(*lexer, setting, &options));
    if (!lexer->IsSymbol(')') && !lexer->TakeSymbol(','))
      return lexer->ErrorHere("expected ',' or ')' in options, found " + lexer->Found());
  }
  return options;
}

void PrintQueryOptions(std::string* to, const QueryOptions& options, const QueryOptions& defaults) {
  std::string list;
  const auto add = [&list](std::string_view name, const std::string& value) {
    list.append(list.empty() ? "" : ", ").append(name).append("=").append(value);
  };
  if (options.concurrency != defaults.concurrency)
    add("concurrency", std::to_string(options.concurrency));
  if (options.ignore_global_time_filter != defaults.ignore_global_time_filter)
    add("ignore_global_time_filter", options.ignore_global_time_filter ? "true" : "false");
  if (options.time_offset_ns != defaults.time_offset_ns)
    add("time_offset", std::to_string(options.time_offset_ns) + "ns");
  if (!list.empty()) to->append("options(").append(list).append(") ");
}

}  // namespace neurallog::query
