// What the requests that search have in common: the query, what it is to run on, and the parameters of the URL or the form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/api.h"
#include "base/time_format.h"
#include "query/execution.h"
#include "query/query.h"

namespace neurallog::api {

struct Search {
  http::QueryParams params{""};
  int64_t now_ns = 0;  // what the query's relative times refer to
  query::ParseOptions parse;
  query::Query query;
  query::ExecuteOptions options;

  // Takes the query's pipes away: what is asked for concerns the stored records.
  Status ReplacePipes(std::string_view pipes);
};

// Reads query, start, end, time, timeout, extra_filters and extra_stream_filters. A search without a query is one for everything, unless
// `query_required`.
Result<Search> ReadSearch(const Context& context, bool query_required);

// A time as `start` and `end` take it; nothing when the parameter is absent or empty.
Result<std::optional<base::TimeSpan>> FindTime(const http::QueryParams& params,
                                               std::string_view name, int64_t now_ns);
// A whole number; `otherwise` when the parameter is absent or empty.
Result<uint64_t> ReadCount(const http::QueryParams& params, std::string_view name,
                           uint64_t otherwise);
// A duration above 0, such as 1h or 15s, or a number of seconds.
Result<int64_t> ReadStep(const http::QueryParams& params, std::string_view name,
                         int64_t otherwise_ns);
// A duration that may be negative.
Result<int64_t> ReadOffset(const http::QueryParams& params);
// Reads with_id. InvalidArgument when a pipe makes something else of the records, which then have no ids.
Status ReadWithId(Search* search);
// Present and not 0 or false.
bool ReadFlag(const http::QueryParams& params, std::string_view name);

}  // namespace neurallog::api
