// Filters that are written as calls: in(...), seq(...), range[...). One row of the table each.
#include <algorithm>

#include "filter/ip_address.h"
#include "filter/lexer.h"
#include "filter/nearest_name.h"
#include "filter/number.h"
#include "filter/parser_impl.h"
#include "filter/predicate.h"

namespace neurallog::filter {

struct FunctionTable {
  struct Row {
    std::string_view name;
    FilterResult (Parser::*parse)(const Field&);
  };
  static constexpr Row kRows[] = {
      {"contains_all", &Parser::ParseContainsAll},
      {"contains_any", &Parser::ParseContainsAny},
      {"contains_common_case", &Parser::ParseContainsCommonCase},
      {"eq_field", &Parser::ParseEqualField},
      {"equals_common_case", &Parser::ParseEqualsCommonCase},
      {"exact", &Parser::ParseExactCall},
      {"i", &Parser::ParseIgnoreCase},
      {"in", &Parser::ParseIn},
      {"ipv4_range", &Parser::ParseIpv4Range},
      {"ipv6_range", &Parser::ParseIpv6Range},
      {"json_array_contains_any", &Parser::ParseArrayContainsAny},
      {"le_field", &Parser::ParseLessOrEqualField},
      {"len_range", &Parser::ParseLength},
      {"lt_field", &Parser::ParseLessField},
      {"pattern_match", &Parser::ParsePattern},
      {"pattern_match_full", &Parser::ParsePatternFull},
      {"pattern_match_prefix", &Parser::ParsePatternPrefix},
      {"pattern_match_suffix", &Parser::ParsePatternSuffix},
      {"range", &Parser::ParseRange},
      {"re", &Parser::ParseRegexpCall},
      {"seq", &Parser::ParseSequence},
      {"string_range", &Parser::ParseTextRange},
      {"value_type", &Parser::ParseValueType},
  };

  static const Row* Find(std::string_view name) {
    const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& candidate) {
      return EqualsIgnoreCase(candidate.name, name);
    });
    return row == std::end(kRows) ? nullptr : row;
  }

  static std::string NearestTo(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Row& row : kRows) names.push_back(row.name);
    return DidYouMean(name, names);
  }
};

// A bare word right before '('; that of a known filter also with white space between, and `range`
// also before '['.
bool Parser::IsFunction() const {
  if (lexer_.token().kind != Token::Kind::kWord) return false;
  const Token next = lexer_.Peek();
  if (next.kind != Token::Kind::kSymbol) return false;
  if (next.text == "[") return lexer_.IsKeyword("range");
  if (next.text != "(") return false;
  return !next.space_before || FunctionTable::Find(lexer_.token().text) != nullptr;
}

FilterResult Parser::ParseFunction(const Field& field) {
  const std::string name = AsciiLower(lexer_.token().text);
  const FunctionTable::Row* row = FunctionTable::Find(name);
  if (row == nullptr)
    return lexer_.ErrorHere("unknown filter \"" + name + "\"" + FunctionTable::NearestTo(name) +
                            "; put white space or quotes around it to search for the word");
  lexer_.Next();
  return (this->*row->parse)(field);
}

Result<Parser::Argument> Parser::ParseOneArgument() {
  Argument argument;
  argument.begin = lexer_.token().begin;
  NL_TRY(argument.text, ExpectValue(kStopsOfArgument, "a value or ')'"));
  return argument;
}

Result<std::vector<Parser::Argument>> Parser::ParseArguments() {
  NL_RETURN_IF_ERROR(Expect('(', "expected '(', found " + lexer_.Found()));
  std::vector<Argument> arguments;
  while (!lexer_.TakeSymbol(')')) {
    NL_TRY(Argument argument, ParseOneArgument());
    arguments.push_back(std::move(argument));
    if (!lexer_.IsSymbol(')'))
      NL_RETURN_IF_ERROR(Expect(',', "expected ',' or ')', found " + lexer_.Found()));
  }
  return arguments;
}

Result<std::vector<Parser::Argument>> Parser::ParseArguments(size_t count,
                                                             std::string_view expected) {
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::vector<Argument> arguments, ParseArguments());
  if (arguments.size() == count) return arguments;
  return lexer_.ErrorAt(begin, "expected " + std::string(expected) + ", found " +
                                   std::to_string(arguments.size()) + " arguments");
}

FilterResult Parser::ParseValues(const Field& field, Filter::Kind kind) {
  auto filter = MakeFieldFilter(kind, field);
  NL_TRY(std::vector<Argument> arguments, ParseArguments());
  for (Argument& argument : arguments) filter->values.push_back(std::move(argument.text));
  return filter;
}

// Ranges may open with one kind of bracket and close with the other.
bool Parser::HoldsQuery() const {
  int depth = 0;
  for (Lexer ahead = lexer_; !ahead.AtEnd() && ahead.token().kind != Token::Kind::kBad;
       ahead.Next()) {
    if (ahead.IsSymbol('(') || ahead.IsSymbol('[')) ++depth;
    if ((ahead.IsSymbol(')') || ahead.IsSymbol(']')) && --depth == 0) return false;
    if (ahead.IsSymbol('|') && depth == 1) return true;
  }
  return false;
}

FilterResult Parser::ParseSubquery(const Field& field, Filter::Kind kind) {
  if (lexer_.subquery_parser() == nullptr)
    return lexer_.ErrorHere(
        "expected a list of values; there can be no query inside of this filter");
  NL_RETURN_IF_ERROR(Enter());
  lexer_.Next();
  auto filter = MakeFieldFilter(kind, field);
  NL_TRY(filter->subquery, lexer_.subquery_parser()->ParseSubquery(&lexer_));
  NL_RETURN_IF_ERROR(Expect(')', "expected '|' or ')', found " + lexer_.Found()));
  --depth_;
  return filter;
}

FilterResult Parser::ParseValuesOrQuery(const Field& field, Filter::Kind kind) {
  if (Lexer ahead = lexer_;
      ahead.TakeSymbol('(') && ahead.TakeSymbol('*') && ahead.TakeSymbol(')')) {
    lexer_ = ahead;
    return MakeFilter(Filter::Kind::kAll);
  }
  return HoldsQuery() ? ParseSubquery(field, kind) : ParseValues(field, kind);
}

FilterResult Parser::ParseIn(const Field& field) {
  return ParseValuesOrQuery(field, Filter::Kind::kIn);
}
FilterResult Parser::ParseContainsAll(const Field& field) {
  return ParseValuesOrQuery(field, Filter::Kind::kContainsAll);
}
FilterResult Parser::ParseContainsAny(const Field& field) {
  return ParseValuesOrQuery(field, Filter::Kind::kContainsAny);
}
FilterResult Parser::ParseContainsCommonCase(const Field& field) {
  return ParseValues(field, Filter::Kind::kContainsCommonCase);
}
FilterResult Parser::ParseEqualsCommonCase(const Field& field) {
  return ParseValues(field, Filter::Kind::kEqualsCommonCase);
}
FilterResult Parser::ParseArrayContainsAny(const Field& field) {
  return ParseValues(field, Filter::Kind::kArrayContainsAny);
}

FilterResult Parser::ParseSequence(const Field& field) {
  NL_TRY(auto filter, ParseValues(field, Filter::Kind::kSequence));
  std::erase(filter->values, std::string());
  if (filter->values.empty()) return MakeFilter(Filter::Kind::kAll);
  return filter;
}

FilterResult Parser::ParseIgnoreCase(const Field& field) {
  NL_RETURN_IF_ERROR(Expect('(', "expected '(' behind i, found " + lexer_.Found()));
  std::unique_ptr<Filter> filter;
  if (lexer_.TakeSymbol('*')) {
    filter = MakeFieldFilter(Filter::Kind::kAny, field);
  } else {
    NL_TRY(filter, ParseText(field, kStopsOfArgument));
    filter->ignore_case = !filter->text.empty();
  }
  NL_RETURN_IF_ERROR(Expect(')', "expected ')' behind the argument of i, found " + lexer_.Found()));
  return filter;
}

FilterResult Parser::ParseExactCall(const Field& field) {
  NL_RETURN_IF_ERROR(Expect('(', "expected '(' behind exact, found " + lexer_.Found()));
  NL_TRY(auto filter, ParseExact(field));
  NL_RETURN_IF_ERROR(
      Expect(')', "expected ')' behind the argument of exact, found " + lexer_.Found()));
  return filter;
}

FilterResult Parser::ParseRegexpCall(const Field& field) {
  NL_RETURN_IF_ERROR(Expect('(', "expected '(' behind re, found " + lexer_.Found()));
  NL_TRY(auto filter, ParseRegexp(field, kStopsOfBound));
  NL_RETURN_IF_ERROR(
      Expect(')', "expected ')' behind the argument of re, found " + lexer_.Found()));
  return filter;
}

Result<RangeBound> Parser::ParseRangeBound(bool inclusive) {
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::string text, ExpectValue(kStopsOfBound, "a bound of the range"));
  if (text.empty()) return lexer_.ErrorAt(begin, "expected a bound that is not empty");
  return RangeBound{NumberAsStored(std::move(text)), inclusive};
}

FilterResult Parser::ParseRange(const Field& field) {
  auto filter = MakeFieldFilter(Filter::Kind::kRange, field);
  const bool includes_min = lexer_.IsSymbol('[');
  lexer_.Next();
  NL_TRY(filter->min, ParseRangeBound(includes_min));
  NL_RETURN_IF_ERROR(
      Expect(',', "expected ',' between the bounds of the range, found " + lexer_.Found()));
  NL_TRY(filter->max, ParseRangeBound(/*inclusive=*/false));
  filter->max.inclusive = lexer_.IsSymbol(']');
  if (!filter->max.inclusive && !lexer_.IsSymbol(')'))
    return lexer_.ErrorHere("expected ')' or ']' behind the range, found " + lexer_.Found());
  lexer_.Next();
  return filter;
}

// a <= value < b
FilterResult Parser::ParseTextRange(const Field& field) {
  auto filter = MakeFieldFilter(Filter::Kind::kTextRange, field);
  NL_TRY(std::vector<Argument> bounds, ParseArguments(2, "two bounds"));
  filter->min = {std::move(bounds[0].text), true};
  filter->max = {std::move(bounds[1].text), false};
  return filter;
}

// a <= length <= b
FilterResult Parser::ParseLength(const Field& field) {
  auto filter = MakeFieldFilter(Filter::Kind::kLength, field);
  NL_TRY(std::vector<Argument> bounds, ParseArguments(2, "two bounds"));
  for (Argument& bound : bounds) {
    constexpr long double kLengthMax = 1e18L;
    if (EqualsIgnoreCase(bound.text, "inf") || EqualsIgnoreCase(bound.text, "+inf")) {
      bound.text = "inf";
      continue;
    }
    Number length;
    if (bound.text.empty() || !ParseNumber(NumberAsStored(bound.text), &length) ||
        length.value < 0 || length.value >= kLengthMax ||
        length.value != static_cast<long double>(static_cast<uint64_t>(length.value)))
      return lexer_.ErrorAt(bound.begin, "expected a length or inf, found '" + bound.text + "'");
    bound.text = std::to_string(static_cast<uint64_t>(length.value));
  }
  filter->min = {std::move(bounds[0].text), true};
  filter->max = {std::move(bounds[1].text), true};
  return filter;
}

// Two addresses, or one address or network. `parse` reads one of them as a network.
template <typename Parse, typename Print>
FilterResult Parser::ParseAddresses(const Field& field, Filter::Kind kind, Parse parse,
                                    Print print) {
  const std::string version = kind == Filter::Kind::kIpv4Range ? "IPv4" : "IPv6";
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::vector<Argument> bounds, ParseArguments());
  if (bounds.empty() || bounds.size() > 2)
    return lexer_.ErrorAt(begin, "expected one " + version +
                                     " address or network, or two addresses, found " +
                                     std::to_string(bounds.size()) + " arguments");
  auto filter = MakeFieldFilter(kind, field);
  for (const Argument& bound : bounds) {
    const auto network = parse(bound.text);
    const bool is_network = bound.text.find('/') != std::string::npos;
    if (!network || (is_network && bounds.size() == 2))
      return lexer_.ErrorAt(bound.begin,
                            "expected an " + version + " address, found '" + bound.text + "'");
    if (filter->min.text.empty()) filter->min = {print(network->first), true};
    filter->max = {print(network->last), true};
  }
  return filter;
}

FilterResult Parser::ParseIpv4Range(const Field& field) {
  return ParseAddresses(field, Filter::Kind::kIpv4Range, ParseIpv4Network, PrintIpv4);
}
FilterResult Parser::ParseIpv6Range(const Field& field) {
  return ParseAddresses(field, Filter::Kind::kIpv6Range, ParseIpv6Network, PrintIpv6);
}

FilterResult Parser::ParsePatternAt(const Field& field, PatternPlace place) {
  auto filter = MakeFieldFilter(Filter::Kind::kPattern, field);
  NL_TRY(std::vector<Argument> arguments, ParseArguments(1, "one pattern"));
  filter->text = std::move(arguments[0].text);
  filter->place = place;
  NL_RETURN_IF_ERROR(CheckRegexp(arguments[0].begin, RegexpOfPattern(filter->text, place)));
  return filter;
}
FilterResult Parser::ParsePattern(const Field& field) {
  return ParsePatternAt(field, PatternPlace::kAnywhere);
}
FilterResult Parser::ParsePatternFull(const Field& field) {
  return ParsePatternAt(field, PatternPlace::kFull);
}
FilterResult Parser::ParsePatternPrefix(const Field& field) {
  return ParsePatternAt(field, PatternPlace::kPrefix);
}
FilterResult Parser::ParsePatternSuffix(const Field& field) {
  return ParsePatternAt(field, PatternPlace::kSuffix);
}

FilterResult Parser::ParseValueType(const Field& field) {
  auto filter = MakeFieldFilter(Filter::Kind::kValueType, field);
  NL_TRY(std::vector<Argument> arguments, ParseArguments(1, "the name of a type"));
  filter->text = AsciiLower(arguments[0].text);
  const std::vector<std::string_view> known = ValueTypeNames();
  if (std::find(known.begin(), known.end(), filter->text) != known.end()) return filter;
  std::string list;
  for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
  return lexer_.ErrorAt(arguments[0].begin, "unknown type \"" + arguments[0].text +
                                                "\"; the types of values are " + list);
}

FilterResult Parser::ParseOtherField(const Field& field, Filter::Kind kind) {
  auto filter = MakeFieldFilter(kind, field);
  NL_TRY(std::vector<Argument> arguments, ParseArguments(1, "the name of a field"));
  filter->text = StoredName(arguments[0].text);
  if (filter->text == kFieldTime)
    return lexer_.ErrorAt(arguments[0].begin, "_time cannot be compared with another field");
  return filter;
}
FilterResult Parser::ParseEqualField(const Field& field) {
  return ParseOtherField(field, Filter::Kind::kEqualField);
}
FilterResult Parser::ParseLessOrEqualField(const Field& field) {
  return ParseOtherField(field, Filter::Kind::kLessOrEqualField);
}
FilterResult Parser::ParseLessField(const Field& field) {
  return ParseOtherField(field, Filter::Kind::kLessField);
}

}  // namespace neurallog::filter
