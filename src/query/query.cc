#include "query/query.h"

#include <algorithm>

#include "filter/parser.h"
#include "query/nested_query.h"
#include "query/pipe.h"
#include "query/shifted_blocks.h"
#include "query/stream_context.h"

namespace neurallog::query {
namespace {

// While a query is parsed, the queries inside of it are found by its lexer's reader.
class Scope {
 public:
  Scope(filter::Lexer* lexer, const ParseOptions& outer, Query* query)
      : options(outer), lexer_(lexer), reader_(options), outer_reader_(lexer->subquery_parser()) {
    options.nested = &query->nested;
    lexer->set_subquery_parser(&reader_);
  }
  ~Scope() { lexer_->set_subquery_parser(outer_reader_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  ParseOptions options;

 private:
  filter::Lexer* const lexer_;
  SubqueryReader reader_;
  filter::SubqueryParser* const outer_reader_;
};

Status AddPipe(filter::Lexer* lexer, const ParseOptions& options, Query* query) {
  if (query->pipes.size() == kPipesMax)
    return lexer->ErrorHere("expected at most " + std::to_string(kPipesMax) + " pipes");
  const size_t begin = lexer->token().begin;
  NL_TRY(auto pipe, ParsePipe(lexer, options));
  const bool is_behind_filters = std::all_of(query->pipes.begin(), query->pipes.end(),
                                             [](const auto& other) { return other->is_filter(); });
  if (pipe->stream_context() != nullptr && !is_behind_filters)
    return lexer->ErrorAt(begin, "expected stream_context as the first pipe");
  query->pipes.push_back(std::move(pipe));
  return {};
}

}  // namespace

Query::Query() = default;
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;
Query::~Query() = default;

bool Query::aggregates() const {
  return std::any_of(pipes.begin(), pipes.end(),
                     [](const auto& pipe) { return pipe->aggregates(); });
}

TimeRange Query::BlocksRange(const TimeRange& given, const TimeRange& visible) const {
  const TimeRange asked =
      options.ignore_global_time_filter ? time_range() : Intersect(time_range(), given);
  TimeRange range =
      Intersect(Shift(RangeWithContext(*this, asked), -options.time_offset_ns), visible);
  for (const auto& inner : nested) {
    const TimeRange other = inner->query().BlocksRange(given, visible);
    if (other.empty()) continue;
    if (range.empty()) range = other;
    range = {std::min(range.start_ns, other.start_ns), std::max(range.end_ns, other.end_ns)};
  }
  return range;
}

Result<std::unique_ptr<filter::Filter>> AddExtraFilters(std::unique_ptr<filter::Filter> filter,
                                                        const std::vector<std::string>& extra) {
  if (extra.empty()) return filter;
  auto all = filter::MakeFilter(filter::Filter::Kind::kAnd);
  const auto add = [&all](std::unique_ptr<filter::Filter> child) {
    if (child->kind != filter::Filter::Kind::kAnd) return all->children.push_back(std::move(child));
    for (auto& grandchild : child->children) all->children.push_back(std::move(grandchild));
  };
  add(std::move(filter));
  for (const std::string& text : extra) {
    auto parsed = filter::ParseFilter(text);
    if (!parsed.ok()) return parsed.status().Annotate("extra filter");
    add(std::move(*parsed));
  }
  return all;
}

Result<Query> ParseQueryPart(filter::Lexer* lexer, const ParseOptions& options) {
  Query query;
  Scope scope(lexer, options, &query);
  query.outer_options = options.outer;
  NL_TRY(query.options, ParseQueryOptions(lexer, options.outer));
  scope.options.outer = query.options;
  query.now_ns = options.now_ns;
  NL_TRY(auto filter, filter::ParseFilter(lexer));
  NL_TRY(query.filter, AddExtraFilters(std::move(filter), options.extra_filters));
  NL_TRY(query.program, filter::Program::Compile(*query.filter, {.now_ns = options.now_ns}));
  while (lexer->TakeSymbol('|')) NL_RETURN_IF_ERROR(AddPipe(lexer, scope.options, &query));
  return query;
}

Result<Query> ParseQuery(std::string_view text, const ParseOptions& options) {
  NL_RETURN_IF_ERROR(filter::CheckQueryLength(text));
  filter::Lexer lexer(text);
  NL_TRY(Query query, ParseQueryPart(&lexer, options));
  if (!lexer.AtEnd())
    return lexer.ErrorHere("expected '|' or the end of the query, found " + lexer.Found());
  return query;
}

Status AppendPipes(Query* query, std::string_view text, const ParseOptions& options) {
  filter::Lexer lexer(text);
  Scope scope(&lexer, options, query);
  scope.options.outer = query->options;
  do NL_RETURN_IF_ERROR(AddPipe(&lexer, scope.options, query));
  while (lexer.TakeSymbol('|'));
  if (lexer.AtEnd()) return {};
  return lexer.ErrorHere("expected '|' or the end of the pipes, found " + lexer.Found());
}

std::string ToText(const Query& query) {
  std::string text;
  PrintQueryOptions(&text, query.options, query.outer_options);
  text += filter::ToText(*query.filter);
  for (const auto& pipe : query.pipes) {
    text += " | ";
    pipe->Print(&text);
  }
  return text;
}

}  // namespace neurallog::query
