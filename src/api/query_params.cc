#include "api/query_params.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/json_value.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/pipe.h"

namespace neurallog::api {
namespace {

constexpr size_t kShownBytes = 60;  // of a value in a message

Status Unexpected(std::string_view name, std::string_view value, std::string_view expected) {
  return InvalidArgument(std::string(name) + "=" + std::string(value.substr(0, kShownBytes)) +
                         ": expected " + std::string(expected));
}

// A time argument: RFC 3339 (also cut short), an epoch number, or a duration before now ("3h", "now-3h", "now").
Result<base::TimeSpan> ReadTime(std::string_view name, std::string_view text, int64_t now_ns) {
  if (const auto epoch = base::ParseEpoch(text); epoch && text.size() > 4)
    return base::TimeSpan{*epoch, *epoch + 1};
  if (const auto span = base::ParsePartialTime(text)) return *span;
  std::string_view duration = text;
  if (duration == "now") return base::TimeSpan{now_ns, now_ns};
  if (duration.starts_with("now-")) duration.remove_prefix(4);
  if (duration.starts_with("-")) duration.remove_prefix(1);
  if (const auto ago = base::ParseDuration(duration))
    return base::TimeSpan{now_ns - *ago, now_ns - *ago};
  return Unexpected(name, text, "a time like 2025-06-01T12:00:00Z, an epoch number or 3h");
}

std::optional<int64_t> ParseSeconds(std::string_view text) {
  if (const auto duration = base::ParseDuration(text)) return duration;
  double seconds = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || at != text.data() + text.size() || !(seconds < 9e9)) return {};
  return static_cast<int64_t>(seconds * 1e9);
}

Result<int64_t> ReadTimeout(const http::QueryParams& params, int64_t max_ns) {
  NL_TRY(const int64_t timeout_ns, ReadStep(params, "timeout", max_ns));
  return std::min(timeout_ns, max_ns);
}

// The values of a member of {"field":"value","other":["a","b"]}.
Result<std::vector<std::string>> ReadValues(std::string_view param, const std::string& name,
                                            const base::JsonValue& value) {
  using Kind = base::JsonValue::Kind;
  std::vector<std::string> values;
  if (value.kind() == Kind::kString) values.push_back(value.text());
  for (const base::JsonValue& item : value.items())
    if (value.kind() == Kind::kArray && item.kind() == Kind::kString) values.push_back(item.text());
  const size_t expected = value.kind() == Kind::kArray ? value.items().size() : 1;
  if (values.size() != expected || values.empty())
    return InvalidArgument(std::string(param) + ": \"" + name +
                           "\": expected a string or a list of strings");
  return values;
}

std::string QuotedList(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) {
    if (!list.empty()) list += ",";
    filter::AppendQuoted(&list, value);
  }
  return list;
}

// A filter as LogsQL, or a JSON object of fields and values; of `tags` the object makes a stream selector.
Result<std::string> ReadExtraFilter(std::string_view param, const std::string& text, bool tags) {
  if (!text.starts_with("{\"")) return text;
  const auto json = base::ParseJson(text);
  if (!json.ok()) return text;  // a stream selector with a quoted name
  std::string filter;
  for (size_t i = 0; i < json->names().size(); ++i) {
    NL_TRY(const std::vector<std::string> values,
           ReadValues(param, json->names()[i], json->items()[i]));
    if (i != 0) filter += tags ? "," : " ";
    filter::AppendQuoted(&filter, json->names()[i]);
    filter += (tags ? " in (" : ":in(") + QuotedList(values) + ")";
  }
  return tags ? "{" + filter + "}" : filter;
}

Result<std::vector<std::string>> ReadExtraFilters(const http::QueryParams& params) {
  std::vector<std::string> filters;
  for (const auto& [name, value] : params.all()) {
    const bool tags = name == "extra_stream_filters";
    if (value.empty() || (!tags && name != "extra_filters")) continue;
    NL_TRY(std::string filter, ReadExtraFilter(name, value, tags));
    filters.push_back(std::move(filter));
  }
  return filters;
}

}  // namespace

Result<std::optional<base::TimeSpan>> FindTime(const http::QueryParams& params,
                                               std::string_view name, int64_t now_ns) {
  const auto text = params.Find(name);
  if (!text || text->empty()) return std::optional<base::TimeSpan>();
  NL_TRY(const base::TimeSpan span, ReadTime(name, *text, now_ns));
  return std::optional(span);
}

Status Search::ReplacePipes(std::string_view pipes) {
  query.pipes.clear();
  return query::AppendPipes(&query, pipes, parse);
}

Result<uint64_t> ReadCount(const http::QueryParams& params, std::string_view name,
                           uint64_t otherwise) {
  const auto text = params.Find(name);
  if (!text || text->empty()) return otherwise;
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || end != text->data() + text->size())
    return Unexpected(name, *text, "a whole number");
  return count;
}

Result<int64_t> ReadStep(const http::QueryParams& params, std::string_view name,
                         int64_t otherwise_ns) {
  const auto text = params.Find(name);
  if (!text || text->empty()) return otherwise_ns;
  const auto step = ParseSeconds(*text);
  if (!step || *step <= 0) return Unexpected(name, *text, "a duration like 10s");
  return *step;
}

Result<int64_t> ReadOffset(const http::QueryParams& params) {
  const auto text = params.Find("offset");
  if (!text || text->empty()) return 0;
  const auto offset = ParseSeconds(*text);
  if (!offset) return Unexpected("offset", *text, "a duration like 2h or -30m");
  return *offset;
}

Status ReadWithId(Search* search) {
  constexpr std::string_view kHarmless[] = {"fields", "delete", "filter", "sort",
                                            "first",  "last",   "limit",  "offset"};
  search->options.with_ids = ReadFlag(search->params, "with_id");
  if (!search->options.with_ids) return {};
  for (const auto& pipe : search->query.pipes) {
    std::string text;
    pipe->Print(&text);
    const std::string name = text.substr(0, text.find(' '));
    if (std::find(std::begin(kHarmless), std::end(kHarmless), name) == std::end(kHarmless))
      return InvalidArgument("with_id: behind the pipe \"" + name +
                             "\" rows are not the records that are stored");
  }
  return {};
}

bool ReadFlag(const http::QueryParams& params, std::string_view name) {
  const auto text = params.Find(name);
  return text && *text != "" && *text != "0" && *text != "false";
}

Result<Search> ReadSearch(const Context& context, bool query_required) {
  Api& api = context.api;
  const base::Clock& clock = api.engine().clock();
  Search search;
  search.params = http::QueryParams(context.request.query());
  if (context.request.method == http::Method::kPost) search.params.Add(context.request.body.view());
  const auto text = search.params.Find("query");
  if (query_required && (!text || text->empty()))
    return InvalidArgument("query: a LogsQL query is needed");
  const int64_t now_ns = clock.WallNs();
  NL_TRY(const auto start, FindTime(search.params, "start", now_ns));
  NL_TRY(const auto end, FindTime(search.params, "end", now_ns));
  NL_TRY(const auto time, FindTime(search.params, "time", now_ns));
  if (start) search.options.range.start_ns = start->start_ns;
  if (end) search.options.range.end_ns = end->end_ns;
  search.now_ns = time ? time->start_ns : end ? end->end_ns : now_ns;
  search.parse.now_ns = search.now_ns;
  NL_TRY(search.parse.extra_filters, ReadExtraFilters(search.params));
  NL_TRY(search.query, query::ParseQuery(text && !text->empty() ? *text : "*", search.parse));
  search.options.visible.start_ns = api.engine().ExpiryOf(*context.principal.log);
  NL_TRY(
      const int64_t timeout_ns,
      ReadTimeout(search.params, api.options().query_timeout_ns.load(std::memory_order_relaxed)));
  search.options.deadline_monotonic_ns = context.request.received_ns + timeout_ns;
  search.options.memory_bytes_max =
      api.options().query_memory_bytes_max.load(std::memory_order_relaxed);
  search.options.memory_pool = &api.options().query_memory_pool;
  search.options.partials = api.options().query_partials.get();
  search.options.helpers = &api.workers();
  search.options.clock = &clock;
  return search;
}

}  // namespace neurallog::api
