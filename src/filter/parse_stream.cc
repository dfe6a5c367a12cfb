// `{source="x", a=~"re" or b in ("c", "d")}`.
#include "filter/parser.h"
#include "filter/parser_impl.h"

namespace neurallog::filter {

FilterResult Parser::ParseStream() {
  lexer_.Next();
  auto filter = MakeFilter(Filter::Kind::kStream);
  filter->stream.emplace_back();
  if (lexer_.TakeSymbol('}')) return MakeFilter(Filter::Kind::kAll);
  for (;;) {
    NL_TRY(StreamTag tag, ParseStreamTag());
    filter->stream.back().push_back(std::move(tag));
    if (lexer_.TakeSymbol('}')) return filter;
    if (lexer_.TakeKeyword("or")) {
      filter->stream.emplace_back();
    } else {
      NL_RETURN_IF_ERROR(
          Expect(',', "expected ',', 'or' or '}' in a stream selector, found " + lexer_.Found()));
      if (lexer_.TakeSymbol('}')) return filter;
    }
  }
}

Result<StreamTag> Parser::ParseStreamTag() {
  StreamTag tag;
  NL_TRY(tag.name, ParseName(&lexer_, "a label name in a stream selector"));
  const bool is_not = lexer_.TakeSymbol('!');
  if (lexer_.TakeSymbol('=')) {
    const bool is_match = !is_not && lexer_.IsSymbolHere('~');
    if (is_match) lexer_.Next();
    tag.op = is_not     ? StreamTag::Op::kNotEqual
             : is_match ? StreamTag::Op::kMatch
                        : StreamTag::Op::kEqual;
  } else if (is_not && lexer_.TakeSymbol('~')) {
    tag.op = StreamTag::Op::kNotMatch;
  } else if (!is_not && (lexer_.IsKeyword("in") || lexer_.IsKeyword("not_in"))) {
    tag.op = lexer_.IsKeyword("in") ? StreamTag::Op::kIn : StreamTag::Op::kNotIn;
    lexer_.Next();
    NL_TRY(std::vector<Argument> arguments, ParseArguments());
    for (Argument& argument : arguments) tag.values.push_back(std::move(argument.text));
    return tag;
  } else {
    return lexer_.ErrorHere("expected '=', '!=', '=~', '!~', 'in' or 'not_in' behind label " +
                            tag.name + ", found " + lexer_.Found());
  }
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::string value, ParseValue(&lexer_, "a value for label " + tag.name));
  const bool is_regexp = tag.op == StreamTag::Op::kMatch || tag.op == StreamTag::Op::kNotMatch;
  if (is_regexp) NL_RETURN_IF_ERROR(CheckRegexp(begin, value));
  tag.values.push_back(std::move(value));
  return tag;
}

}  // namespace neurallog::filter
