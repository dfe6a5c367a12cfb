#include "query/query.h"

#include <algorithm>

#include "filter/parser.h"
#include "query/pipe.h"

namespace neurallog::query {
namespace {

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

Status AddPipe(filter::Lexer* lexer, const ParseOptions& options, Query* query) {
  if (query->pipes.size() == kPipesMax)
    return lexer->ErrorHere("expected at most " + std::to_string(kPipesMax) + " pipes");
  NL_TRY(auto pipe, ParsePipe(lexer, options));
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

Result<Query> ParseQuery(std::string_view text, const ParseOptions& options) {
  NL_RETURN_IF_ERROR(filter::CheckQueryLength(text));
  filter::Lexer lexer(text);
  Query query;
  NL_TRY(auto filter, filter::ParseFilter(&lexer));
  NL_TRY(query.filter, AddExtraFilters(std::move(filter), options.extra_filters));
  NL_TRY(query.program, filter::Program::Compile(*query.filter, {.now_ns = options.now_ns}));
  while (lexer.TakeSymbol('|')) NL_RETURN_IF_ERROR(AddPipe(&lexer, options, &query));
  if (!lexer.AtEnd())
    return lexer.ErrorHere("expected '|' or the end of the query, found " + lexer.Found());
  return query;
}

Status AppendPipes(Query* query, std::string_view text, const ParseOptions& options) {
  filter::Lexer lexer(text);
  do NL_RETURN_IF_ERROR(AddPipe(&lexer, options, query));
  while (lexer.TakeSymbol('|'));
  if (lexer.AtEnd()) return {};
  return lexer.ErrorHere("expected '|' or the end of the pipes, found " + lexer.Found());
}

std::string ToText(const Query& query) {
  std::string text = filter::ToText(*query.filter);
  for (const auto& pipe : query.pipes) {
    text += " | ";
    pipe->Print(&text);
  }
  return text;
}

}  // namespace neurallog::query
