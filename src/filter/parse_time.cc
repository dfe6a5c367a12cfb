// What stands behind `_time:`.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/time_format.h"
#include "filter/number.h"
#include "filter/parser_impl.h"

namespace neurallog::filter {
namespace {

// Past it, the second that a time names has no end that int64 could hold.
constexpr int64_t kLastWholeSecondNs = std::numeric_limits<int64_t>::max() - 1'000'000'000;

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  // Not the least int64: its magnitude could not be read back.
  return b < 0 ? std::numeric_limits<int64_t>::min() + 1 : std::numeric_limits<int64_t>::max();
}

// "7:05", "07:05", "24:00" as minutes.
std::optional<int> ParseMinuteOfDay(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 2 || text.size() != colon + 3)
    return std::nullopt;
  int hour = -1, minute = -1;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), text.data() + colon, hour).ptr != text.data() + colon ||
      std::from_chars(text.data() + colon + 1, end, minute).ptr != end)
    return std::nullopt;
  const bool is_in_day =
      hour >= 0 && minute >= 0 && minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
  return is_in_day ? std::optional<int>(hour * 60 + minute) : std::nullopt;
}

std::string PrintMinuteOfDay(int minute) {
  std::string text = "00:00";
  text[0] = static_cast<char>('0' + minute / 600);
  text[1] = static_cast<char>('0' + minute / 60 % 10);
  text[3] = static_cast<char>('0' + minute % 60 / 10);
  text[4] = static_cast<char>('0' + minute % 10);
  return text;
}

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr size_t kShortDay = 3;

// The short name of a day, "Mon"; empty when it is none.
std::string_view ParseDay(std::string_view text) {
  for (const std::string_view day : kDays)
    if (EqualsIgnoreCase(text, day) || EqualsIgnoreCase(text, day.substr(0, kShortDay)))
      return day.substr(0, kShortDay);
  return {};
}

void Shift(int64_t by_ns, TimeBound* bound) {
  if (bound->kind != TimeBound::Kind::kUnbounded) bound->ns = SaturatingAdd(bound->ns, by_ns);
}

}  // namespace

FilterResult Parser::ParseTime() {
  if (lexer_.TakeSymbol('*')) return MakeFilter(Filter::Kind::kAll);
  if (lexer_.IsKeyword("day_range")) return ParsePeriod(Filter::Kind::kDayRange);
  if (lexer_.IsKeyword("week_range")) return ParsePeriod(Filter::Kind::kWeekRange);
  NL_TRY(std::unique_ptr<Filter> filter, ParseTimeBounds());
  if (!IsOffset()) return filter;
  NL_TRY(const int64_t offset, ParseOffset());
  Shift(-offset, &filter->time_start);
  Shift(-offset, &filter->time_end);
  return filter;
}

FilterResult Parser::ParseTimeBounds() {
  if (lexer_.TakeSymbol('>')) return ParseTimeComparison('>');
  if (lexer_.TakeSymbol('<')) return ParseTimeComparison('<');
  if (lexer_.IsSymbol('[') || lexer_.IsSymbol('(')) return ParseTimeRange();
  if (!IsOffset()) {
    lexer_.TakeSymbol('=');
    return ParseTimeWord();
  }
  std::unique_ptr<Filter> filter = MakeFilter(Filter::Kind::kTime);  // everything up to so long ago
  filter->time_end = {TimeBound::Kind::kNow, 1};
  return filter;
}

Result<Parser::TimePoint> Parser::ParseTimePoint() {
  const size_t begin = lexer_.token().begin;
  const std::string found = lexer_.Found();
  const auto expected = "expected a time such as 2025-06-01T12:30:00Z, now-5m or 5m, found ";
  if (!lexer_.IsValue(kStopsOfBound)) return lexer_.ErrorHere(expected + found);
  const std::string text = lexer_.TakeValue(kStopsOfBound);
  std::string_view relative = text;
  const bool has_now = text.substr(0, 3) == "now";
  if (has_now) relative.remove_prefix(3);
  const bool has_minus = relative.substr(0, 1) == "-";
  const bool has_plus = has_now && relative.substr(0, 1) == "+";
  if (has_minus || has_plus) relative.remove_prefix(1);
  TimePoint point;
  if (const auto duration = ParseDurationNs(relative); duration || (has_now && relative.empty())) {
    point.start = {TimeBound::Kind::kNow, !duration ? 0 : has_plus ? *duration : -*duration};
    point.end = {TimeBound::Kind::kNow, SaturatingAdd(point.start.ns, 1)};
    point.is_duration = !has_now;
  } else if (const auto last = base::ParseRfc3339(text); last && *last > kLastWholeSecondNs) {
    point.start = {TimeBound::Kind::kAbsolute, *last};
    point.end = {TimeBound::Kind::kAbsolute, std::numeric_limits<int64_t>::max()};
  } else if (const auto span = base::ParsePartialTime(text)) {
    point.start = {TimeBound::Kind::kAbsolute, span->start_ns};
    point.end = {TimeBound::Kind::kAbsolute, std::max(span->start_ns, span->end_ns)};
  } else if (const auto epoch = base::ParseEpoch(text)) {
    point.start = {TimeBound::Kind::kAbsolute, *epoch};
    point.end = {TimeBound::Kind::kAbsolute, SaturatingAdd(*epoch, 1)};
  } else {
    return lexer_.ErrorAt(begin, expected + ("'" + text + "'"));
  }
  return point;
}

// `>5m` is longer ago than five minutes, `<5m` less long ago, up to now. `<=2025-06-01` includes
// that whole day.
FilterResult Parser::ParseTimeComparison(char symbol) {
  const bool inclusive = lexer_.IsSymbolHere('=');
  if (inclusive) lexer_.Next();
  NL_TRY(const TimePoint point, ParseTimePoint());
  auto filter = MakeFilter(Filter::Kind::kTime);
  TimeBound after_start = point.start;
  Shift(1, &after_start);
  if (point.is_duration && symbol == '>') {
    filter->time_end = inclusive ? after_start : point.start;
  } else if (point.is_duration) {
    filter->time_start = inclusive ? point.start : after_start;
    filter->time_end = {TimeBound::Kind::kNow, 1};
  } else if (symbol == '>') {
    filter->time_start = inclusive ? point.start : after_start;
  } else {
    filter->time_end = inclusive ? point.end : point.start;
  }
  return filter;
}

FilterResult Parser::ParseTimeRange() {
  auto filter = MakeFilter(Filter::Kind::kTime);
  const bool includes_start = lexer_.IsSymbol('[');
  lexer_.Next();
  NL_TRY(const TimePoint first, ParseTimePoint());
  filter->time_start = first.start;
  if (!includes_start) Shift(1, &filter->time_start);
  NL_RETURN_IF_ERROR(Expect(',', "expected ',' between the times, found " + lexer_.Found()));
  NL_TRY(const TimePoint last, ParseTimePoint());
  filter->time_end = lexer_.IsSymbol(']') ? last.end : last.start;
  if (!lexer_.IsSymbol(']') && !lexer_.IsSymbol(')'))
    return lexer_.ErrorHere("expected ')' or ']' behind the times, found " + lexer_.Found());
  lexer_.Next();
  return filter;
}

// 5m: the last five minutes up to and including now. 2025-06-01: that day.
FilterResult Parser::ParseTimeWord() {
  auto filter = MakeFilter(Filter::Kind::kTime);
  NL_TRY(const TimePoint point, ParseTimePoint());
  filter->time_start = point.start;
  filter->time_end = point.end;
  if (point.start.kind == TimeBound::Kind::kNow) {
    Shift(1, &filter->time_start);
    filter->time_end.ns = 1;
  }
  return filter;
}

bool Parser::IsOffset() const {
  if (!lexer_.IsKeyword("offset")) return false;
  const Token next = lexer_.Peek();
  return next.kind != Token::Kind::kSymbol || next.text == "-";
}

Result<int64_t> Parser::ParseOffset() {
  lexer_.Next();
  const bool is_negative = lexer_.TakeSymbol('-');
  const auto offset = lexer_.IsText() ? ParseDurationNs(lexer_.token().text) : std::nullopt;
  if (!offset)
    return lexer_.ErrorHere("expected a duration such as 1h behind 'offset', found " +
                            lexer_.Found());
  lexer_.Next();
  return is_negative ? -*offset : *offset;
}

// day_range[08:00, 18:00) offset 2h, week_range[Mon, Fri].
FilterResult Parser::ParsePeriod(Filter::Kind kind) {
  lexer_.Next();
  auto filter = MakeFilter(kind);
  filter->min.inclusive = lexer_.IsSymbol('[');
  if (!filter->min.inclusive && !lexer_.IsSymbol('('))
    return lexer_.ErrorHere("expected '[' or '(', found " + lexer_.Found());
  lexer_.Next();
  NL_TRY(filter->min.text, ParsePeriodBound(kind));
  NL_RETURN_IF_ERROR(Expect(',', "expected ',', found " + lexer_.Found()));
  NL_TRY(filter->max.text, ParsePeriodBound(kind));
  filter->max.inclusive = lexer_.IsSymbol(']');
  if (!filter->max.inclusive && !lexer_.IsSymbol(')'))
    return lexer_.ErrorHere("expected ']' or ')', found " + lexer_.Found());
  lexer_.Next();
  if (!IsOffset()) return filter;
  NL_TRY(filter->offset_ns, ParseOffset());
  return filter;
}

Result<std::string> Parser::ParsePeriodBound(Filter::Kind kind) {
  const bool is_day = kind == Filter::Kind::kWeekRange;
  const std::string expected =
      is_day ? "a day such as Mon or Monday" : "a time of day such as 08:30";
  const size_t begin = lexer_.token().begin;
  NL_TRY(const std::string text, ExpectValue(kStopsOfBound, expected));
  const auto minute = is_day ? std::nullopt : ParseMinuteOfDay(text);
  if (minute) return PrintMinuteOfDay(*minute);
  if (is_day && !ParseDay(text).empty()) return std::string(ParseDay(text));
  return lexer_.ErrorAt(begin, "expected " + expected + ", found '" + text + "'");
}

}  // namespace neurallog::filter
