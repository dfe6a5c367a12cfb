// Recursive descent: or > and > not > one filter. A field name before ':' is handed down as the
// default field, so field:(a or b) becomes (field:a or field:b). Ands in ands and ors in ors are
// merged, which makes printing and parsing again yield the same tree.
#include "filter/parser.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/time_format.h"

namespace neurallog::filter {
namespace {

using FilterResult = Result<std::unique_ptr<Filter>>;

struct Field {
  std::string name;       // stored name
  bool is_given = false;  // written in the query, not the default
};

// LogsQL has these functions too.
constexpr std::array<std::string_view, 12> kFunctionsNotBuilt = {"seq",
                                                                 "ipv4_range",
                                                                 "ipv6_range",
                                                                 "value_type",
                                                                 "eq_field",
                                                                 "le_field",
                                                                 "lt_field",
                                                                 "day_range",
                                                                 "week_range",
                                                                 "contains_common_case",
                                                                 "equals_common_case",
                                                                 "json_array_contains_any"};

// Past it, the second that a time names has no end that int64 could hold.
constexpr int64_t kLastWholeSecondNs = std::numeric_limits<int64_t>::max() - 1'000'000'000;

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  // Not the least int64: its magnitude could not be read back.
  return b < 0 ? std::numeric_limits<int64_t>::min() + 1 : std::numeric_limits<int64_t>::max();
}

// Whole nanoseconds exactly, as printed filters have them; other durations as base reads them.
std::optional<int64_t> ParseExactDuration(std::string_view text) {
  constexpr std::string_view kUnit = "ns";
  int64_t ns;
  const char* const digits_end = text.data() + text.size() - std::min(text.size(), kUnit.size());
  const auto [at, error] = std::from_chars(text.data(), digits_end, ns);
  const bool is_exact = error == std::errc() && at == digits_end &&
                        text.substr(text.size() - kUnit.size()) == kUnit && ns >= 0;
  return is_exact ? std::optional<int64_t>(ns) : base::ParseDuration(text);
}

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

class Parser {
 public:
  explicit Parser(Lexer* lexer) : lexer_(*lexer) {}

  FilterResult ParseOr(const Field& field);

 private:
  FilterResult ParseAnd(const Field& field);
  FilterResult ParseNot(const Field& field);
  FilterResult ParseNotOperand(const Field& field);
  FilterResult ParseOne(const Field& field);
  FilterResult ParseParentheses(const Field& field);
  FilterResult ParseFieldFilter(const Field& field);
  FilterResult ParseText(const Field& field, bool ignore_case);
  FilterResult ParseExact(const Field& field);
  FilterResult ParseRegexp(const Field& field);
  FilterResult ParseComparison(const Field& field, char symbol);
  FilterResult ParseStream();
  Result<StreamTag> ParseStreamTag();

  bool IsFunction() const;
  FilterResult ParseFunction(const Field& field);
  FilterResult ParseIn(const Field& field);
  FilterResult ParseContains(const Field& field, Filter::Kind kind);
  FilterResult ParseIgnoreCase(const Field& field);
  FilterResult ParseRange(const Field& field);
  FilterResult ParseBounds(const Field& field, Filter::Kind kind);
  Result<std::vector<std::string>> ParseList();
  Result<RangeBound> ParseRangeBound(bool inclusive);

  FilterResult ParseTime();
  FilterResult ParseTimeRange();
  FilterResult ParseTimeComparison(char symbol);
  FilterResult ParseTimeWord();
  Status ParseTimeOffset(Filter* filter);
  // The time at the current token as [*start, *end): equal kinds.
  Status ParseTimePoint(TimeBound* start, TimeBound* end);

  // Compiles it once more than needed, to say where in the query it is wrong.
  Status CheckRegexp(size_t begin, const std::string& pattern);
  Status Expect(char symbol, std::string_view message);
  Status CheckEndOfText(size_t begin);
  Status Enter();

  Lexer& lexer_;
  int depth_ = 0;
  int regexps_ = 0;
};

std::unique_ptr<Filter> MakeFieldFilter(Filter::Kind kind, const Field& field) {
  auto filter = MakeFilter(kind);
  filter->field = field.name;
  return filter;
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
  auto filter = MakeFilter(Filter::Kind::kNot);
  filter->children.push_back(std::move(operand));
  return filter;
}

FilterResult Parser::ParseOne(const Field& field) {
  if (lexer_.IsSymbol('(')) return ParseParentheses(field);
  if (lexer_.IsSymbol('{')) return ParseStream();
  if (lexer_.IsText()) {
    const Token next = lexer_.Peek();
    if (next.kind == Token::Kind::kSymbol && next.text == ":") {
      const Field named{std::string(StoredName(lexer_.token().text)), true};
      lexer_.Next();
      lexer_.Next();
      if (named.name == kFieldTime) return ParseTime();
      if (named.name.empty()) return ParseFieldFilter({std::string(kFieldMessage), true});
      return ParseFieldFilter(named);
    }
  }
  if (lexer_.IsKeyword("or") || lexer_.IsKeyword("and"))
    return lexer_.ErrorHere("expected a filter, found " + lexer_.Found() +
                            "; put it into quotes to search for the word");
  return ParseFieldFilter(field);
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
  if (lexer_.IsSymbol('{') && field.name == kFieldStream) return ParseStream();
  if (lexer_.TakeSymbol('=')) return ParseExact(field);
  if (lexer_.TakeSymbol('~')) return ParseRegexp(field);
  if (lexer_.TakeSymbol('>')) return ParseComparison(field, '>');
  if (lexer_.TakeSymbol('<')) return ParseComparison(field, '<');
  if (lexer_.TakeSymbol('*')) {
    NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
    return field.is_given ? MakeFieldFilter(Filter::Kind::kAny, field)
                          : MakeFilter(Filter::Kind::kAll);
  }
  if (lexer_.TakeSymbol('!') || lexer_.TakeSymbol('-')) {
    NL_RETURN_IF_ERROR(Enter());
    NL_TRY(auto operand, ParseFieldFilter(field));
    --depth_;
    auto filter = MakeFilter(Filter::Kind::kNot);
    filter->children.push_back(std::move(operand));
    return filter;
  }
  if (IsFunction()) return ParseFunction(field);
  return ParseText(field, /*ignore_case=*/false);
}

// A word, "phrase", prefix* or "phrase prefix"*.
FilterResult Parser::ParseText(const Field& field, bool ignore_case) {
  if (!lexer_.IsText())
    return lexer_.ErrorHere(
        "expected " + std::string(field.is_given ? "a value for field " + field.name : "a filter") +
        ", found " + lexer_.Found());
  auto filter = MakeFieldFilter(Filter::Kind::kPhrase, field);
  filter->text = lexer_.token().text;
  filter->ignore_case = ignore_case;
  lexer_.Next();
  if (lexer_.IsSymbolHere('*')) {
    lexer_.Next();
    NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
    filter->kind = Filter::Kind::kPrefix;
  }
  if (!filter->text.empty()) return filter;
  filter->ignore_case = false;
  filter->kind = filter->kind == Filter::Kind::kPrefix ? Filter::Kind::kAny : Filter::Kind::kEmpty;
  return filter;
}

// '*' ends a text; what people mean by foo*bar or *foo* is another filter.
Status Parser::CheckEndOfText(size_t begin) {
  if (lexer_.IsText() && !lexer_.token().space_before)
    return lexer_.ErrorAt(
        begin, "expected white space behind '*'; use ~\"regexp\" to match in the middle of a word");
  return {};
}

FilterResult Parser::ParseExact(const Field& field) {
  NL_TRY(std::string text, ParseValue(&lexer_, "a value after '='"));
  auto filter = MakeFieldFilter(Filter::Kind::kExact, field);
  filter->text = std::move(text);
  if (lexer_.IsSymbolHere('*')) {
    lexer_.Next();
    NL_RETURN_IF_ERROR(CheckEndOfText(lexer_.token().begin));
    filter->kind = filter->text.empty() ? Filter::Kind::kAny : Filter::Kind::kExactPrefix;
  } else if (filter->text.empty()) {
    filter->kind = Filter::Kind::kEmpty;
  }
  return filter;
}

FilterResult Parser::ParseRegexp(const Field& field) {
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::string text, ParseValue(&lexer_, "a regular expression after '~'"));
  NL_RETURN_IF_ERROR(CheckRegexp(begin, text));
  if (text.empty()) return MakeFilter(Filter::Kind::kAll);
  auto filter = MakeFieldFilter(Filter::Kind::kRegexp, field);
  filter->text = std::move(text);
  return filter;
}

FilterResult Parser::ParseComparison(const Field& field, char symbol) {
  const bool inclusive = lexer_.IsSymbolHere('=');
  if (inclusive) lexer_.Next();
  NL_TRY(std::string text,
         ParseValue(&lexer_, std::string("a value after '") + symbol + (inclusive ? "='" : "'")));
  if (text.empty()) return lexer_.ErrorHere("expected a value that is not empty in a comparison");
  auto filter = MakeFieldFilter(Filter::Kind::kRange, field);
  (symbol == '>' ? filter->min : filter->max) = {std::move(text), inclusive};
  return filter;
}

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
    NL_TRY(tag.values, ParseList());
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

// A bare word right before '(' (or '[' of range).
bool Parser::IsFunction() const {
  if (lexer_.token().kind != Token::Kind::kWord) return false;
  const Token next = lexer_.Peek();
  if (next.kind != Token::Kind::kSymbol || next.space_before) return false;
  return next.text == "(" || (next.text == "[" && lexer_.IsKeyword("range"));
}

FilterResult Parser::ParseFunction(const Field& field) {
  const size_t begin = lexer_.token().begin;
  const std::string name = AsciiLower(lexer_.token().text);
  lexer_.Next();
  if (name == "in") return ParseIn(field);
  if (name == "contains_any") return ParseContains(field, Filter::Kind::kOr);
  if (name == "contains_all") return ParseContains(field, Filter::Kind::kAnd);
  if (name == "i") return ParseIgnoreCase(field);
  if (name == "range") return ParseRange(field);
  if (name == "string_range") return ParseBounds(field, Filter::Kind::kTextRange);
  if (name == "len_range") return ParseBounds(field, Filter::Kind::kLength);
  if (name == "exact" || name == "re") {
    lexer_.Next();
    NL_TRY(auto filter, name == "exact" ? ParseExact(field) : ParseRegexp(field));
    NL_RETURN_IF_ERROR(
        Expect(')', "expected ')' behind the argument of " + name + ", found " + lexer_.Found()));
    return filter;
  }
  if (std::find(kFunctionsNotBuilt.begin(), kFunctionsNotBuilt.end(), name) !=
      kFunctionsNotBuilt.end())
    return lexer_.ErrorAt(begin, "filter \"" + name + "\" is not supported yet");
  return lexer_.ErrorAt(begin,
                        "unknown filter \"" + name +
                            "\"; put white space or quotes around it to search for the word");
}

Result<std::vector<std::string>> Parser::ParseList() {
  NL_RETURN_IF_ERROR(Expect('(', "expected '(', found " + lexer_.Found()));
  std::vector<std::string> values;
  while (!lexer_.TakeSymbol(')')) {
    NL_TRY(std::string value, ParseValue(&lexer_, "a value or ')'"));
    values.push_back(std::move(value));
    if (lexer_.IsSymbol('|')) return lexer_.ErrorHere("subqueries are not supported yet");
    if (!lexer_.IsSymbol(')'))
      NL_RETURN_IF_ERROR(Expect(',', "expected ',' or ')', found " + lexer_.Found()));
  }
  return values;
}

FilterResult Parser::ParseIn(const Field& field) {
  if (Lexer ahead = lexer_;
      ahead.TakeSymbol('(') && ahead.TakeSymbol('*') && ahead.TakeSymbol(')')) {
    lexer_ = ahead;
    return MakeFilter(Filter::Kind::kAll);
  }
  auto filter = MakeFieldFilter(Filter::Kind::kIn, field);
  NL_TRY(filter->values, ParseList());
  return filter;
}

FilterResult Parser::ParseContains(const Field& field, Filter::Kind kind) {
  NL_TRY(std::vector<std::string> values, ParseList());
  if (values.empty()) {
    if (kind == Filter::Kind::kAnd) return MakeFilter(Filter::Kind::kAll);
    return MakeFieldFilter(Filter::Kind::kIn, field);
  }
  std::vector<std::unique_ptr<Filter>> children;
  for (std::string& value : values) {
    children.push_back(
        MakeFieldFilter(value.empty() ? Filter::Kind::kEmpty : Filter::Kind::kPhrase, field));
    children.back()->text = std::move(value);
  }
  return Join(kind, std::move(children));
}

FilterResult Parser::ParseIgnoreCase(const Field& field) {
  lexer_.Next();
  std::unique_ptr<Filter> filter;
  if (lexer_.TakeSymbol('*')) {
    filter = MakeFieldFilter(Filter::Kind::kAny, field);
  } else {
    NL_TRY(filter, ParseText(field, /*ignore_case=*/true));
  }
  NL_RETURN_IF_ERROR(Expect(')', "expected ')' behind the argument of i, found " + lexer_.Found()));
  return filter;
}

Result<RangeBound> Parser::ParseRangeBound(bool inclusive) {
  NL_TRY(std::string text, ParseValue(&lexer_, "a bound of the range"));
  if (text.empty()) return lexer_.ErrorHere("expected a bound that is not empty");
  return RangeBound{std::move(text), inclusive};
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

// string_range(a, b) is a <= value < b, len_range(a, b) is a <= length <= b.
FilterResult Parser::ParseBounds(const Field& field, Filter::Kind kind) {
  auto filter = MakeFieldFilter(kind, field);
  const size_t begin = lexer_.token().begin;
  NL_TRY(std::vector<std::string> values, ParseList());
  if (values.size() != 2)
    return lexer_.ErrorAt(begin, "expected two bounds, found " + std::to_string(values.size()));
  if (kind == Filter::Kind::kLength) {
    for (const std::string& value : values) {
      const bool is_number = !value.empty() && value.size() <= 9 &&
                             value.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number && !EqualsIgnoreCase(value, "inf"))
        return lexer_.ErrorAt(begin, "expected a length or inf, found '" + value + "'");
    }
  }
  filter->min = {std::move(values[0]), true};
  filter->max = {std::move(values[1]), kind == Filter::Kind::kLength};
  return filter;
}

FilterResult Parser::ParseTime() {
  FilterResult filter = MakeFilter(Filter::Kind::kTime);
  if (lexer_.TakeSymbol('*')) return MakeFilter(Filter::Kind::kAll);
  if (lexer_.TakeSymbol('>')) {
    filter = ParseTimeComparison('>');
  } else if (lexer_.TakeSymbol('<')) {
    filter = ParseTimeComparison('<');
  } else if (lexer_.IsSymbol('[') || lexer_.IsSymbol('(')) {
    filter = ParseTimeRange();
  } else {
    lexer_.TakeSymbol('=');
    filter = ParseTimeWord();
  }
  if (!filter.ok()) return filter;
  NL_RETURN_IF_ERROR(ParseTimeOffset(filter->get()));
  return filter;
}

Status Parser::ParseTimePoint(TimeBound* start, TimeBound* end) {
  lexer_.RereadAsTime();
  if (!lexer_.IsText()) return lexer_.ErrorHere("expected a time, found " + lexer_.Found());
  const std::string& text = lexer_.token().text;
  std::string_view relative = text;
  const bool has_now = text.substr(0, 3) == "now";
  if (has_now) relative.remove_prefix(3);
  const bool has_minus = relative.substr(0, 1) == "-";
  const bool has_plus = has_now && relative.substr(0, 1) == "+";
  if (has_minus || has_plus) relative.remove_prefix(1);
  if (const auto duration = ParseExactDuration(relative);
      duration || (has_now && relative.empty())) {
    *start = {TimeBound::Kind::kNow, !duration ? 0 : has_plus ? *duration : -*duration};
    *end = {TimeBound::Kind::kNow, SaturatingAdd(start->ns, 1)};
  } else if (const auto last = base::ParseRfc3339(text); last && *last > kLastWholeSecondNs) {
    *start = {TimeBound::Kind::kAbsolute, *last};
    *end = {TimeBound::Kind::kAbsolute, std::numeric_limits<int64_t>::max()};
  } else if (const auto span = base::ParsePartialTime(text)) {
    *start = {TimeBound::Kind::kAbsolute, span->start_ns};
    *end = {TimeBound::Kind::kAbsolute, std::max(span->start_ns, span->end_ns)};
  } else if (const auto epoch = base::ParseEpoch(text)) {
    *start = {TimeBound::Kind::kAbsolute, *epoch};
    *end = {TimeBound::Kind::kAbsolute, SaturatingAdd(*epoch, 1)};
  } else {
    return lexer_.ErrorHere("expected a time such as 2025-06-01T12:30:00Z, now-5m or 5m, found " +
                            lexer_.Found());
  }
  lexer_.Next();
  return {};
}

// `>` and `<=` go past the whole span that a partial time such as 2025-06-01 names.
FilterResult Parser::ParseTimeComparison(char symbol) {
  const bool inclusive = lexer_.IsSymbolHere('=');
  if (inclusive) lexer_.Next();
  TimeBound start, end;
  NL_RETURN_IF_ERROR(ParseTimePoint(&start, &end));
  auto filter = MakeFilter(Filter::Kind::kTime);
  if (symbol == '>') {
    filter->time_start = inclusive ? start : end;
  } else {
    filter->time_end = inclusive ? end : start;
  }
  return filter;
}

FilterResult Parser::ParseTimeRange() {
  auto filter = MakeFilter(Filter::Kind::kTime);
  const bool includes_start = lexer_.IsSymbol('[');
  lexer_.Next();
  TimeBound start, end;
  NL_RETURN_IF_ERROR(ParseTimePoint(&start, &end));
  filter->time_start = start;
  if (!includes_start) filter->time_start.ns = SaturatingAdd(start.ns, 1);
  NL_RETURN_IF_ERROR(Expect(',', "expected ',' between the times, found " + lexer_.Found()));
  NL_RETURN_IF_ERROR(ParseTimePoint(&start, &end));
  filter->time_end = lexer_.IsSymbol(']') ? end : start;
  if (!lexer_.IsSymbol(']') && !lexer_.IsSymbol(')'))
    return lexer_.ErrorHere("expected ')' or ']' behind the times, found " + lexer_.Found());
  lexer_.Next();
  return filter;
}

// 5m: the last five minutes up to and including now. 2025-06-01: that day.
FilterResult Parser::ParseTimeWord() {
  auto filter = MakeFilter(Filter::Kind::kTime);
  NL_RETURN_IF_ERROR(ParseTimePoint(&filter->time_start, &filter->time_end));
  if (filter->time_start.kind == TimeBound::Kind::kNow) {
    filter->time_start.ns = SaturatingAdd(filter->time_start.ns, 1);
    filter->time_end.ns = 1;
  }
  return filter;
}

Status Parser::ParseTimeOffset(Filter* filter) {
  const bool is_offset = lexer_.IsKeyword("offset") && lexer_.Peek().kind != Token::Kind::kSymbol;
  const bool is_negative_offset = lexer_.IsKeyword("offset") && lexer_.Peek().text == "-";
  if (!is_offset && !is_negative_offset) return {};
  lexer_.Next();
  const bool is_negative = lexer_.TakeSymbol('-');
  const auto offset = lexer_.IsText() ? base::ParseDuration(lexer_.token().text) : std::nullopt;
  if (!offset)
    return lexer_.ErrorHere("expected a duration such as 1h behind 'offset', found " +
                            lexer_.Found());
  lexer_.Next();
  const int64_t shift = is_negative ? *offset : -*offset;
  filter->time_start.ns = SaturatingAdd(
      filter->time_start.ns, filter->time_start.kind == TimeBound::Kind::kUnbounded ? 0 : shift);
  filter->time_end.ns = SaturatingAdd(
      filter->time_end.ns, filter->time_end.kind == TimeBound::Kind::kUnbounded ? 0 : shift);
  return {};
}

}  // namespace

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
