#include "filter/parser.h"

#include <re2/re2.h>

#include "filter/number.h"
#include "filter/parser_impl.h"

namespace neurallog::filter {
namespace {

void Merge(std::vector<std::unique_ptr<Filter>>* to, std::unique_ptr<Filter> child,
           Filter::Kind kind) {
  if (child->kind != kind) return to->push_back(std::move(child));
  for (auto& grandchild : child->children) to->push_back(std::move(grandchild));
}

std::unique_ptr<Filter> Join(Filter::Kind kind, std::vector<std::unique_ptr<Filter>> children) {
  if (children.size() == 1) return std::move(children[0]);
  auto filter = MakeFilter(kind);
  filter->children = std::move(children);
  return filter;
}

}  // namespace

std::unique_ptr<Filter> MakeFieldFilter(Filter::Kind kind, const Field& field) {
  auto filter = MakeFilter(kind);
  filter->field = field.name;
  return filter;
}

std::unique_ptr<Filter> Negate(std::unique_ptr<Filter> filter) {
  if (filter->kind == Filter::Kind::kNot) return std::move(filter->children[0]);
  auto negation = MakeFilter(Filter::Kind::kNot);
  negation->children.push_back(std::move(filter));
  return negation;
}

Status Parser::Enter() {
  if (++depth_ > kDepthMax)
    return lexer_.ErrorHere("parentheses and negations are nested more than 100 deep");
  return {};
}

Status Parser::CheckRegexp(size_t begin, const std::string& pattern) {
  if (++regexps_ > kRegexpsMax)
    return lexer_.ErrorAt(
        begin, "expected at most " + std::to_string(kRegexpsMax) + " regular expressions");
  const RE2 regexp(pattern, RE2::Quiet);
  if (regexp.ok()) return {};
  return lexer_.ErrorAt(begin, "regular expression \"" + pattern + "\": " + regexp.error());
}

Status Parser::Expect(char symbol, std::string_view message) {
  if (lexer_.TakeSymbol(symbol)) return {};
  return lexer_.ErrorHere(message);
}

Result<std::string> Parser::ExpectValue(std::string_view stops, std::string_view expected) {
  if (lexer_.IsValue(stops)) return lexer_.TakeValue(stops);
  return lexer_.ErrorHere("expected " + std::string(expected) + ", found " + lexer_.Found());
}

FilterResult Parser::ParseOr(const Field& field) {
  std::vector<std::unique_ptr<Filter>> children;
  do {
    NL_TRY(auto child, ParseAnd(field));
    Merge(&children, std::move(child), Filter::Kind::kOr);
  } while (lexer_.TakeKeyword("or"));
  return Join(Filter::Kind::kOr, std::move(children));
}

FilterResult Parser::ParseAnd(const Field& field) {
  std::vector<std::unique_ptr<Filter>> children;
  for (;;) {
    NL_TRY(auto child, ParseNot(field));
    Merge(&children, std::move(child), Filter::Kind::kAnd);
    if (lexer_.TakeKeyword("and")) continue;
    if (lexer_.AtEnd() || lexer_.IsSymbol(')') || lexer_.IsSymbol('|') || lexer_.IsKeyword("or"))
      break;
    if (lexer_.IsSymbol(':'))
      return lexer_.ErrorHere(
          "expected a filter, found ':' behind a value; put values that hold ':' into quotes");
  }
  return Join(Filter::Kind::kAnd, std::move(children));
}

FilterResult Parser::ParseNot(const Field& field) {
  if (lexer_.TakeSymbol('!') || lexer_.TakeSymbol('-')) return ParseNotOperand(field);
  const bool is_field_named_not = lexer_.IsKeyword("not") && lexer_.Peek().text == ":";
  if (!is_field_named_not && lexer_.TakeKeyword("not")) return ParseNotOperand(field);
  return ParseOne(field);
}

FilterResult Parser::ParseNotOperand(const Field& field) {
  NL_RETURN_IF_ERROR(Enter());
  NL_TRY(auto operand, ParseNot(field));
  --depth_;
  return Negate(std::move(operand));
}

FilterResult Parser::ParseOne(const Field& field) {
  if (lexer_.IsKeyword("or") || lexer_.IsKeyword("and"))
    if (lexer_.Peek().text != ":")
      return lexer_.ErrorHere("expected a filter, found " + lexer_.Found() +
                              "; put it into quotes to search for the word");
  if (!field.is_given && lexer_.TakeSymbol(':')) return ParseNamed({});
  if (lexer_.IsText() && !field.is_given) {
    Lexer ahead = lexer_;
    std::string name = ahead.TakeValue(kStopsOfName);
    if (ahead.TakeSymbol(':')) {
      lexer_ = ahead;
      return ParseNamed(std::move(name));
    }
  }
  return ParseFieldFilter(field);
}

// Behind `name:`.
FilterResult Parser::ParseNamed(std::string name) {
  const Field field{name.empty() ? std::string(kFieldMessage) : std::string(StoredName(name)),
                    true};
  return field.name == kFieldTime ? ParseTime() : ParseFieldFilter(field);
}

FilterResult Parser::ParseParentheses(const Field& field) {
  NL_RETURN_IF_ERROR(Enter());
  lexer_.Next();
  NL_TRY(auto filter, ParseOr(field));
  NL_RETURN_IF_ERROR(Expect(')', "expected ')', found " + lexer_.Found()));
  --depth_;
  return filter;
}

FilterResult Parser::ParseFieldFilter(const Field& field) {
  if (lexer_.IsSymbol('(')) return ParseParentheses(field);
  if (lexer_.IsSymbol('{')) {
    if (!field.is_given || field.name == kFieldStream) return ParseStream();
    return lexer_.ErrorHere("expected a value for field " + field.name +
                            "; a selector {...} stands alone or behind _stream:");
  }
  if (lexer_.TakeSymbol('=')) return ParseExact(field);
  if (lexer_.TakeSymbol('~')) return ParseRegexp(field, kStopsOfBound);
  if (lexer_.TakeSymbol('>')) return ParseComparison(field, '>');
  if (lexer_.TakeSymbol('<')) return ParseComparison(field, '<');
  if (lexer_.TakeSymbol('*')) return ParseStar(field);
  if (lexer_.TakeSymbol('!') || lexer_.TakeSymbol('-')) {
    NL_RETURN_IF_ERROR(Enter());
    NL_TRY(auto operand, ParseFieldFilter(field));
    --depth_;
    return Negate(std::move(operand));
  }
  if (IsFunction()) return ParseFunction(field);
  return ParseText(field, field.is_given ? kStopsOfText : kStopsOfName);
}

// A word, "phrase", prefix* or "phrase prefix"*.
FilterResult Parser::ParseText(const Field& field, std::string_view stops) {
  if (!lexer_.IsText())
    return lexer_.ErrorHere(
        "expected " + std::string(field.is_given ? "a value for field " + field.name : "a filter") +
        ", found " + lexer_.Found());
  std::string text = lexer_.TakeValue(stops);
  auto filter = MakeFieldFilter(text.empty() ? Filter::Kind::kEmpty : Filter::Kind::kPhrase, field);
  filter->text = std::move(text);
  if (!lexer_.IsSymbolHere('*')) return filter;
  lexer_.Next();
  NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
  filter->kind = filter->text.empty() ? Filter::Kind::kAny : Filter::Kind::kPrefix;
  return filter;
}

// Behind '*': nothing, or the text of `*text*`.
FilterResult Parser::ParseStar(const Field& field) {
  const bool has_text = lexer_.IsText() && !lexer_.token().space_before;
  if (!has_text)
    return field.is_given ? MakeFieldFilter(Filter::Kind::kAny, field)
                          : MakeFilter(Filter::Kind::kAll);
  auto filter = MakeFieldFilter(Filter::Kind::kSubstring, field);
  filter->text = lexer_.TakeValue(kStopsOfText);
  if (!lexer_.IsSymbolHere('*'))
    return lexer_.ErrorHere("expected '*' behind '*" + filter->text +
                            "'; *text* finds a text inside of words");
  lexer_.Next();
  NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
  if (filter->text.empty()) filter->kind = Filter::Kind::kAny;
  return filter;
}

// '*' ends a text; what people mean by foo*bar is another filter.
Status Parser::CheckEndOfText(size_t begin) {
  if (lexer_.IsText() && !lexer_.token().space_before)
    return lexer_.ErrorAt(
        begin, "expected white space behind '*'; use ~\"regexp\" to match in the middle of a word");
  return {};
}

FilterResult Parser::ParseExact(const Field& field) {
  NL_TRY(std::string text, ExpectValue(kStopsOfArgument, "a value after '='"));
  auto filter = MakeFieldFilter(text.empty() ? Filter::Kind::kEmpty : Filter::Kind::kExact, field);
  filter->text = std::move(text);
  if (!lexer_.IsSymbolHere('*')) return filter;
  lexer_.Next();
  NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
  filter->kind = filter->text.empty() ? Filter::Kind::kAny : Filter::Kind::kExactPrefix;
  return filter;
}

FilterResult Parser::ParseRegexp(const Field& field, std::string_view stops) {
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::string text, ExpectValue(stops, "a regular expression after '~'"));
  NL_RETURN_IF_ERROR(CheckRegexp(begin, text));
  if (text.empty()) return MakeFilter(Filter::Kind::kAll);
  auto filter = MakeFieldFilter(Filter::Kind::kRegexp, field);
  filter->text = std::move(text);
  return filter;
}

FilterResult Parser::ParseComparison(const Field& field, char symbol) {
  const bool inclusive = lexer_.IsSymbolHere('=');
  if (inclusive) lexer_.Next();
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::string text, ExpectValue(kStopsOfBound, std::string("a value after '") + symbol +
                                                          (inclusive ? "='" : "'")));
  if (text.empty())
    return lexer_.ErrorAt(begin, "expected a value that is not empty in a comparison");
  auto filter = MakeFieldFilter(Filter::Kind::kRange, field);
  RangeBound& bound = symbol == '>' ? filter->min : filter->max;
  bound = RangeBound{NumberAsStored(std::move(text)), inclusive};
  return filter;
}

Status CheckQueryLength(std::string_view text) {
  if (text.size() <= kQueryBytesMax) return {};
  return InvalidArgument("query is " + std::to_string(text.size()) + " bytes long, at most " +
                         std::to_string(kQueryBytesMax));
}

Result<std::unique_ptr<Filter>> ParseFilter(std::string_view text) {
  NL_RETURN_IF_ERROR(CheckQueryLength(text));
  Lexer lexer(text);
  NL_TRY(auto filter, ParseFilter(&lexer));
  if (!lexer.AtEnd())
    return lexer.ErrorHere("expected the end of the filter, found " + lexer.Found());
  return filter;
}

Result<std::unique_ptr<Filter>> ParseFilter(Lexer* lexer) {
  Parser parser(lexer);
  return parser.ParseOr({std::string(kFieldMessage), false});
}

Result<std::string> ParseName(Lexer* lexer, std::string_view expected) {
  if (!lexer->IsText())
    return lexer->ErrorHere("expected " + std::string(expected) + ", found " + lexer->Found());
  std::string name = lexer->token().text;
  lexer->Next();
  return name;
}

Result<std::string> ParseValue(Lexer* lexer, std::string_view expected) {
  std::string sign;
  if (lexer->IsSymbol('-')) {
    const Token next = lexer->Peek();
    if (next.kind == Token::Kind::kWord && !next.space_before) {
      sign = "-";
      lexer->Next();
    }
  }
  NL_TRY(std::string value, ParseName(lexer, expected));
  return sign + value;
}

}  // namespace neurallog::filter
