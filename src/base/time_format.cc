#include "base/time_format.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/time_printer.h"

namespace neurallog::base {
namespace {

// The way back of DaysFromCivil (H. Hinnant, "chrono-compatible low-level date algorithms").
struct Civil {
  int64_t year;
  int month;
  int day;
};

constexpr Civil CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
  return {year_of_era + era * 400 + (month <= 2), month,
          static_cast<int>(day_of_year - (153 * month_index + 2) / 5 + 1)};
}

constexpr bool IsLeapYear(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

constexpr int DaysInMonth(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
}

// Walks a timestamp; every step returns false when the text does not continue as wanted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool Skip(char c) {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  bool SkipAny(std::string_view chars) {
    if (done() || chars.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  // Exactly `digits` digits.
  bool Number(int digits, int* value) {
    if (text_.size() - at_ < static_cast<size_t>(digits)) return false;
    int result = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = text_[at_ + static_cast<size_t>(i)];
      if (!IsDigit(c)) return false;
      result = result * 10 + (c - '0');
    }
    at_ += static_cast<size_t>(digits);
    *value = result;
    return true;
  }
  // One or more digits as a fraction of a second, in nanoseconds.
  bool Fraction(int64_t* ns) {
    int64_t value = 0, scale = kNsPerSecond;
    const size_t start = at_;
    for (; !done() && IsDigit(text_[at_]); ++at_) {
      if (scale == 1) continue;
      value = value * 10 + (text_[at_] - '0');
      scale /= 10;
    }
    *ns = value * scale;
    return at_ > start;
  }
  // Whether all that is left is an offset such as -07:00, no month or day.
  bool is_at_west() const {
    return text_.size() - at_ == 6 && text_[at_] == '-' && text_[at_ + 3] == ':';
  }
  // "", "Z" or an offset; in seconds east of UTC.
  bool Zone(int64_t* offset_s) {
    *offset_s = 0;
    if (done() || SkipAny("Zz")) return true;
    const bool west = peek() == '-';
    if (!SkipAny("+-")) return false;
    int hours, minutes;
    if (!Number(2, &hours)) return false;
    Skip(':');
    if (!Number(2, &minutes) || hours > 23 || minutes > 59) return false;
    *offset_s = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// Seconds and nanoseconds joined, or nothing when the sum leaves int64.
std::optional<int64_t> Join(int64_t seconds, int64_t ns) {
  int64_t result;
  if (__builtin_mul_overflow(seconds, kNsPerSecond, &result) ||
      __builtin_add_overflow(result, ns, &result))
    return std::nullopt;
  return result;
}

bool ScanDate(Scanner* scan, int* year, int* month, int* day) {
  return scan->Number(4, year) && scan->Skip('-') && scan->Number(2, month) && *month >= 1 &&
         *month <= 12 && scan->Skip('-') && scan->Number(2, day) && *day >= 1 &&
         *day <= DaysInMonth(*year, *month);
}

// "1.748736e+18", as some languages print large numbers.
std::optional<int64_t> ParseEpochWithExponent(std::string_view text) {
  constexpr size_t kTextBytesMax = 32;
  if (text.size() > kTextBytesMax ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return std::nullopt;
  const std::string terminated(text);
  char* end;
  const double value = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || !(std::fabs(value) < 9.2e18)) return std::nullopt;
  const double magnitude = std::fabs(value);
  const double unit_ns = magnitude < 1e11   ? 1e9
                         : magnitude < 1e14 ? 1e6
                         : magnitude < 1e17 ? 1e3
                                            : 1;
  return std::llround(value * unit_ns);
}

}  // namespace

int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  Scanner scan(text);
  int year, month, day, hour, minute, second;
  int64_t fraction_ns = 0, offset_s;
  if (!ScanDate(&scan, &year, &month, &day) || !scan.SkipAny("Tt ")) return std::nullopt;
  if (!scan.Number(2, &hour) || !scan.Skip(':') || !scan.Number(2, &minute) || !scan.Skip(':') ||
      !scan.Number(2, &second))
    return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (scan.SkipAny(".,") && !scan.Fraction(&fraction_ns)) return std::nullopt;
  if (!scan.Zone(&offset_s) || !scan.done()) return std::nullopt;
  return Join(
      DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s,
      fraction_ns);
}

std::optional<int64_t> ParseEpoch(std::string_view text) {
  if (text.find_first_of("eE") != std::string_view::npos) return ParseEpochWithExponent(text);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  uint64_t whole = 0;
  size_t i = 0;
  for (; i < text.size() && IsDigit(text[i]); ++i) {
    if (i >= 19) return std::nullopt;
    whole = whole * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  if (i == 0 || whole > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  int64_t unit_ns = 1;
  if (whole < 100'000'000'000) unit_ns = kNsPerSecond;
  else if (whole < 100'000'000'000'000) unit_ns = kNsPerMs;
  else if (whole < 100'000'000'000'000'000) unit_ns = 1000;
  int64_t fraction_ns = 0;
  if (i < text.size()) {
    Scanner rest(text.substr(i));
    int64_t fraction_of_second;
    if (!rest.Skip('.') || !rest.Fraction(&fraction_of_second) || !rest.done()) return std::nullopt;
    fraction_ns = fraction_of_second / (kNsPerSecond / unit_ns);
  }
  int64_t result;
  if (__builtin_mul_overflow(static_cast<int64_t>(whole), unit_ns, &result) ||
      __builtin_add_overflow(result, fraction_ns, &result))
    return std::nullopt;
  return negative ? -result : result;
}

std::optional<int64_t> ParseTimestamp(std::string_view text) {
  if (auto time = ParseRfc3339(text)) return time;
  return ParseEpoch(text);
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double ns;
  };
  // Longer names first, so that "ms" is not read as "m" and "s".
  static constexpr std::array<Unit, 11> kUnits = {{{"ns", 1},
                                                   {"us", 1e3},
                                                   {"\xc2\xb5s", 1e3},  // the micro sign
                                                   {"\xce\xbcs", 1e3},  // the Greek letter
                                                   {"ms", 1e6},
                                                   {"s", 1e9},
                                                   {"m", 60e9},
                                                   {"h", 3600e9},
                                                   {"d", 86400e9},
                                                   {"w", 604800e9},
                                                   {"y", 31536000e9}}};
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    size_t digits = 0;
    double value = 0, scale = 1;
    bool fraction = false, any = false;
    for (; digits < text.size() && (IsDigit(text[digits]) || (text[digits] == '.' && !fraction));
         ++digits) {
      if (text[digits] == '.') {
        fraction = true;
        continue;
      }
      any = true;
      value = value * 10 + (text[digits] - '0');
      if (fraction) scale *= 10;
    }
    if (!any) return std::nullopt;
    text.remove_prefix(digits);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits)
      if (text.substr(0, candidate.name.size()) == candidate.name) {
        unit = &candidate;
        break;
      }
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += value / scale * unit->ns;
  }
  if (total >= 9.2e18) return std::nullopt;
  const auto result = static_cast<int64_t>(std::llround(total));
  return negative ? -result : result;
}

std::optional<TimeSpan> ParsePartialTime(std::string_view text) {
  if (auto exact = ParseRfc3339(text)) {
    // Without a fraction the text names a whole second; with one, the unit of its last digit.
    const size_t dot = text.find_first_of(".,");
    int64_t width_ns = kNsPerSecond;
    if (dot != std::string_view::npos)
      for (size_t i = dot + 1; i < text.size() && IsDigit(text[i]) && width_ns > 1; ++i)
        width_ns /= 10;
    int64_t end_ns;
    if (__builtin_add_overflow(*exact, width_ns, &end_ns))
      end_ns = std::numeric_limits<int64_t>::max();
    return TimeSpan{*exact, end_ns};
  }
  Scanner scan(text);
  int year, month = 1, day = 1, hour = 0, minute = 0;
  int64_t offset_s = 0;
  enum { kYear, kMonth, kDay, kHour, kMinute } last = kYear;
  if (!scan.Number(4, &year)) return std::nullopt;
  if (!scan.is_at_west() && scan.Skip('-')) {
    last = kMonth;
    if (!scan.Number(2, &month) || month < 1 || month > 12) return std::nullopt;
    if (!scan.is_at_west() && scan.Skip('-')) {
      last = kDay;
      if (!scan.Number(2, &day) || day < 1 || day > DaysInMonth(year, month)) return std::nullopt;
      if (scan.SkipAny("Tt ")) {
        last = kHour;
        if (!scan.Number(2, &hour) || hour > 23) return std::nullopt;
        if (scan.Skip(':')) {
          last = kMinute;
          if (!scan.Number(2, &minute) || minute > 59) return std::nullopt;
        }
      }
    }
  }
  if (!scan.Zone(&offset_s) || !scan.done()) return std::nullopt;
  const int64_t start_s =
      DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 - offset_s;
  int64_t end_s = start_s;
  switch (last) {
    case kYear: end_s = DaysFromCivil(year + 1, 1, 1) * 86400 - offset_s; break;
    case kMonth:
      end_s = DaysFromCivil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) * 86400 -
              offset_s;
      break;
    case kDay: end_s += 86400; break;
    case kHour: end_s += 3600; break;
    case kMinute: end_s += 60; break;
  }
  const auto start = Join(start_s, 0), end = Join(end_s, 0);
  if (!start || !end) return std::nullopt;
  return TimeSpan{*start, *end};
}

namespace {

void PutTwoDigits(char* to, int64_t value) {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
}

// "2025-06-01T12:00:00": 19 bytes.
void PutSecond(char* to, int64_t second) {
  int64_t days = second / 86400, second_of_day = second % 86400;
  if (second_of_day < 0) {
    second_of_day += 86400;
    --days;
  }
  const Civil date = CivilFromDays(days);
  PutTwoDigits(to, date.year / 100);
  PutTwoDigits(to + 2, date.year % 100);
  to[4] = '-';
  PutTwoDigits(to + 5, date.month);
  to[7] = '-';
  PutTwoDigits(to + 8, date.day);
  to[10] = 'T';
  PutTwoDigits(to + 11, second_of_day / 3600);
  to[13] = ':';
  PutTwoDigits(to + 14, second_of_day / 60 % 60);
  to[16] = ':';
  PutTwoDigits(to + 17, second_of_day % 60);
}

// ".111": the shortest that loses nothing; returns its end.
char* PutFraction(char* to, int64_t fraction) {
  if (fraction == 0) return to;
  *to++ = '.';
  const bool is_milliseconds = fraction % 1'000'000 == 0;
  const int digits = is_milliseconds ? 3 : 9;
  int64_t left = is_milliseconds ? fraction / 1'000'000 : fraction;
  for (int i = digits; i-- > 0; left /= 10) to[i] = static_cast<char>('0' + left % 10);
  to += digits;
  while (to[-1] == '0') --to;
  return to;
}

}  // namespace

char* Rfc3339Printer::Put(char* to, int64_t ns) {
  int64_t second = ns / kNsPerSecond, fraction = ns % kNsPerSecond;
  if (fraction < 0) {
    fraction += kNsPerSecond;
    --second;
  }
  if (second != second_) {
    PutSecond(front_, second);
    second_ = second;
  }
  std::memcpy(to, front_, sizeof(front_));
  to = PutFraction(to + sizeof(front_), fraction);
  *to++ = 'Z';
  return to;
}

void AppendRfc3339(std::string* to, int64_t ns) {
  char text[Rfc3339Printer::kBytesMax];
  to->append(text, static_cast<size_t>(Rfc3339Printer().Put(text, ns) - text));
}

std::string FormatRfc3339(int64_t ns) {
  std::string text;
  AppendRfc3339(&text, ns);
  return text;
}

std::string FormatDay(int64_t ns) {
  std::string text = FormatRfc3339(ns);
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2);
}

}  // namespace neurallog::base
