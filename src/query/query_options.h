// `options(concurrency=2, time_offset=1d)` in front of a query.
#pragma once

#include <cstdint>
#include <string>

#include "filter/lexer.h"
#include "neurallog/status.h"

namespace neurallog::query {

struct QueryOptions {
  // Threads that may work on the query; 0: no limit of its own. With one, none works on blocks ahead
  // of it.
  uint32_t concurrency = 0;
  // The range that is given with the request (start, end) does not count for this query.
  bool ignore_global_time_filter = false;
  // The query looks at rows that are so much older, and shows them so much later.
  int64_t time_offset_ns = 0;

  bool operator==(const QueryOptions&) const = default;
};

// Reads `options(...)` when it is there. What it does not name stays as in `defaults`.
Result<QueryOptions> ParseQueryOptions(filter::Lexer* lexer, const QueryOptions& defaults);
// Appends the options that are not as in `defaults` with a space behind them, if there are any.
void PrintQueryOptions(std::string* to, const QueryOptions& options, const QueryOptions& defaults);

}  // namespace neurallog::query
