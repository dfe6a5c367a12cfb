#include "query/stream_context.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/time_format.h"
#include "query/pipe.h"

namespace neurallog::query {
namespace {

int64_t Sum(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

auto FindContext(const Query& query) {
  return std::find_if(query.pipes.begin(), query.pipes.end(),
                      [](const auto& pipe) { return pipe->stream_context() != nullptr; });
}

size_t PlaceOf(const std::string_view name, std::span<const std::string_view> names) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace

void ContextMatches::Clear() {
  streams_.clear();
  memory_bytes_ = 0;
}

void ContextMatches::OnColumns(std::span<const std::string_view> names) {
  time_column_ = PlaceOf(filter::kFieldTime, names);
  stream_column_ = PlaceOf(filter::kFieldStreamId, names);
}

// Stops one past each bound, which Finish finds.
void ContextMatches::OnRow(std::span<const Value> values) {
  constexpr size_t kBytesPerStream = 256;
  if (time_column_ >= values.size() || stream_column_ >= values.size()) return;
  const auto ns = base::ParseRfc3339(values[time_column_].text);
  const std::string_view id = values[stream_column_].text;
  auto stream = streams_.find(id);
  if (!ns || (stream == streams_.end() && streams_.size() > kContextStreamsMax)) return;
  if (stream == streams_.end()) {
    stream = streams_.emplace(id, std::vector<int64_t>()).first;
    memory_bytes_ += kBytesPerStream;
  }
  if (stream->second.size() > kContextMatchesMax) return;
  stream->second.push_back(*ns);
  memory_bytes_ += sizeof(int64_t) + sizeof(TimeRange);
}

Status ContextMatches::Finish() {
  if (streams_.size() > kContextStreamsMax)
    return InvalidArgument("stream_context: its rows are of more than " +
                           std::to_string(kContextStreamsMax) + " streams; narrow the filter");
  std::vector<std::string> ids;
  for (auto& [id, times] : streams_) {
    if (times.size() > kContextMatchesMax)
      return InvalidArgument("stream_context: more than " + std::to_string(kContextMatchesMax) +
                             " of its rows are of the stream " + id + "; narrow the filter");
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    ids.push_back(id);
  }
  SetValues(std::move(ids));
  AddWindows();
  return {};
}

void ContextMatches::AddWindows() {
  std::vector<int64_t> all;
  for (const auto& [id, times] : streams_) all.insert(all.end(), times.begin(), times.end());
  std::sort(all.begin(), all.end());
  for (const int64_t ns : all) {
    const TimeRange window{Sum(ns, -before_ns_), Sum(Sum(ns, after_ns_), 1)};
    if (!windows_.empty() && window.start_ns <= windows_.back().end_ns) {
      windows_.back().end_ns = window.end_ns;
    } else {
      windows_.push_back(window);
    }
  }
}

Query ReadStreamContext(Query query) {
  const auto place = FindContext(query);
  if (place == query.pipes.end()) return query;
  const auto index = place - query.pipes.begin();
  StreamContext& context = *(*place)->stream_context();
  Query matching;
  matching.filter = std::exchange(query.filter, std::move(context.filter));
  matching.program = std::exchange(query.program, std::move(context.program));
  matching.options = matching.outer_options = query.options;
  matching.now_ns = query.now_ns;
  for (auto pipe = query.pipes.begin(); pipe != query.pipes.begin() + index; ++pipe)
    matching.pipes.push_back(std::move(*pipe));
  query.pipes.erase(query.pipes.begin(), query.pipes.begin() + index);
  constexpr size_t kRowsMax = kContextStreamsMax * kContextMatchesMax + 1;
  NL_CHECK(AppendPipes(&matching, "fields _time, _stream_id | limit " + std::to_string(kRowsMax),
                       {.now_ns = query.now_ns})
               .ok());
  context.matches->Begin(std::move(matching));
  query.nested.push_back(context.matches);
  return query;
}

TimeRange RangeWithContext(const Query& query, const TimeRange& asked) {
  const auto place = FindContext(query);
  if (place == query.pipes.end()) return asked;
  const StreamContext& context = *(*place)->stream_context();
  return {context.before > 0 ? Sum(asked.start_ns, -context.window_ns) : asked.start_ns,
          context.after > 0 ? Sum(asked.end_ns, context.window_ns) : asked.end_ns};
}

}  // namespace neurallog::query
