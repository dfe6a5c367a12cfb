// The pipe stream_context shows rows that its query does not match: those around the matches in the
// same stream. It runs as two queries, one behind the other: what stands in front of the pipe becomes
// a nested query of which only streams and times are kept, and the query itself then reads the rows
// of these streams, in the order of time, near these times.
//
//   query = ReadStreamContext(std::move(query));      // before the stages start
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "filter/filter.h"
#include "filter/program.h"
#include "query/nested_query.h"

namespace neurallog::query {

// The matches: their streams, as the values of a subquery, and their times. More than
// kContextStreamsMax streams or kContextMatchesMax matches in a stream end the query.
inline constexpr size_t kContextStreamsMax = 100;
inline constexpr size_t kContextMatchesMax = 1000;

class ContextMatches : public NestedQuery, public filter::Subquery, private RowVisitor {
 public:
  ContextMatches(int64_t before_ns, int64_t after_ns)
      : NestedQuery(Query()), before_ns_(before_ns), after_ns_(after_ns) {}
  // The query whose rows are the matches.
  void Begin(Query query) { SetQuery(std::move(query)); }

  // Only ToText of the query around it needs this, which shows the pipe.
  std::string ToText() const override { return "*"; }
  RowVisitor* visitor() override { return this; }
  size_t memory_bytes() const override { return memory_bytes_; }
  Status Finish() override;

  // By stream id: the times of its matches, each once, in order.
  const std::map<std::string, std::vector<int64_t>, std::less<>>& streams() const {
    return streams_;
  }
  // What lies near matches, in order, no two of them touching.
  const std::vector<TimeRange>& windows() const { return windows_; }

 private:
  void Clear() override;
  void OnColumns(std::span<const std::string_view> names) override;
  void OnRow(std::span<const Value> values) override;
  void AddWindows();

  const int64_t before_ns_;
  const int64_t after_ns_;
  std::map<std::string, std::vector<int64_t>, std::less<>> streams_;
  std::vector<TimeRange> windows_;
  size_t time_column_ = 0;
  size_t stream_column_ = 0;
  size_t memory_bytes_ = 0;
};

// What the pipe asks for.
struct StreamContext {
  uint64_t before = 0;
  uint64_t after = 0;
  int64_t window_ns = 0;
  std::shared_ptr<ContextMatches> matches;
  // Of the rows around matches: their streams, and the extra filters of the request.
  std::unique_ptr<filter::Filter> filter;
  std::shared_ptr<const filter::Program> program;
};

// A query with the pipe as it runs; other queries stay as they are. To be called once.
Query ReadStreamContext(Query query);
// The range in which a query that looks at `asked` has to read.
TimeRange RangeWithContext(const Query& query, const TimeRange& asked);

}  // namespace neurallog::query
