#include "query/replace_args.h"

#include <fmt/format.h>

#include "filter/parser.h"

namespace neurallog::query {
namespace {

Status Expect(filter::Lexer* lexer, char symbol) {
  if (lexer->TakeSymbol(symbol)) return {};
  return lexer->ErrorHere(fmt::format("expected '{}', found {}", symbol, lexer->Found()));
}

}  // namespace

Result<ReplaceArgs> ParseReplaceArgs(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  ReplaceArgs args;
  NL_TRY(Condition condition, Condition::Parse(lexer, parse.options));
  args.condition = std::make_shared<Condition>(std::move(condition));
  NL_RETURN_IF_ERROR(Expect(lexer, '('));
  args.from_begin = lexer->token().begin;
  NL_TRY(args.from, filter::ParseValue(lexer, "the text to be replaced"));
  NL_RETURN_IF_ERROR(Expect(lexer, ','));
  NL_TRY(args.to, filter::ParseValue(lexer, "the text to be put in its place"));
  NL_RETURN_IF_ERROR(Expect(lexer, ')'));
  NL_TRY(args.field, ParseFieldAfter(lexer, "at"));
  if (lexer->TakeKeyword("limit")) {
    NL_TRY(args.limit, ParseCount(lexer, "a number of replacements after 'limit'"));
    if (args.limit == 0) args.limit = std::numeric_limits<uint64_t>::max();
  }
  return args;
}

PipeResult MakeReplacePipe(std::string_view name, ReplaceArgs args, ValueFunction function) {
  std::string text(name);
  args.condition->Print(&text);
  text += " (";
  filter::AppendQuoted(&text, args.from);
  text += ", ";
  filter::AppendQuoted(&text, args.to);
  text += ")";
  PrintFieldAfter(&text, "at", args.field);
  if (args.limit != std::numeric_limits<uint64_t>::max())
    text += " limit " + std::to_string(args.limit);
  ValueRewrite rewrite{std::move(*args.condition), args.field, args.field, std::move(function)};
  return MakeValuePipe(name, std::move(rewrite), std::move(text));
}

}  // namespace neurallog::query
