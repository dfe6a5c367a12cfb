// A parsed and compiled query: a filter and the pipes that its rows go through. The language is
// docs/query-language.md.
//
//   NL_TRY(Query query, ParseQuery("level:error | stats by (source) count() hits", {.now_ns = now}));
//   // then a snapshot of the blocks in query.BlocksRange(...), and an Execution (query/execution.h)
//
// Errors are InvalidArgument and begin with the place: "1:23: expected a list of fields after
// 'by'". Movable; thread-safe for reading.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/filter.h"
#include "filter/lexer.h"
#include "filter/program.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "query/query_options.h"

namespace neurallog::query {

class NestedQuery;  // query/nested_query.h
class Pipe;

inline constexpr size_t kPipesMax = 100;

struct ParseOptions {
  int64_t now_ns = 0;  // what `now` and `_time:5m` refer to
  std::vector<std::string>
      extra_filters{};  // filters that every row must pass too, each a text of its own

  // For queries inside of the query and its pipes; ParseQuery sets them.
  QueryOptions outer{};  // of the query around
  int depth = 0;
  std::vector<std::shared_ptr<NestedQuery>>* nested = nullptr;  // takes those that are found
};

struct Query {
  std::unique_ptr<filter::Filter> filter;
  std::shared_ptr<const filter::Program> program;
  std::vector<std::unique_ptr<Pipe>> pipes;
  QueryOptions options;
  QueryOptions outer_options;  // of the query around it, which count where it names none
  std::vector<std::shared_ptr<NestedQuery>> nested;  // run before this one, in this order
  int64_t now_ns = 0;

  Query();
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;
  ~Query();

  // No row outside of it can be part of the answer.
  const TimeRange& time_range() const { return program->time_range(); }
  // The blocks that an execution needs of a snapshot, also for nested queries. `given` comes with the
  // request, rows outside of `visible` do not exist.
  TimeRange BlocksRange(const TimeRange& given, const TimeRange& visible) const;
  // True when some pipe makes new rows (stats, top, uniq): the rows of the answer are not log
  // records.
  bool aggregates() const;
};

Result<Query> ParseQuery(std::string_view text, const ParseOptions& options);
// Parses the query at the lexer's place as far as it goes.
Result<Query> ParseQueryPart(filter::Lexer* lexer, const ParseOptions& options);
// A filter and the extra filters of a request, all of which a row must pass.
Result<std::unique_ptr<filter::Filter>> AddExtraFilters(std::unique_ptr<filter::Filter> filter,
                                                        const std::vector<std::string>& extra);
// Parses pipes, as they stand behind the first '|', and puts them behind those of the query.
Status AppendPipes(Query* query, std::string_view text, const ParseOptions& options);
// A text that parses to an equal query.
std::string ToText(const Query& query);

}  // namespace neurallog::query
