// The meaning of filters, written down as directly as possible: an interpreter over the tree, for
// records in a vector. Slow on purpose; the compiled evaluators are compared with it.
#pragma once

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time_format.h"
#include "filter/filter.h"
#include "filter/program.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

class NaiveEngine {
 public:
  explicit NaiveEngine(int64_t now_ns) : now_ns_(now_ns) {}

  bool Matches(const filter::Filter& filter, const TestRecord& record) const {
    using Kind = filter::Filter::Kind;
    const std::string text = ValueOf(record, filter.field);
    const auto child_matches = [&](const auto& child) { return Matches(*child, record); };
    switch (filter.kind) {
      case Kind::kAll: return true;
      case Kind::kAnd:
        return std::all_of(filter.children.begin(), filter.children.end(), child_matches);
      case Kind::kOr:
        return std::any_of(filter.children.begin(), filter.children.end(), child_matches);
      case Kind::kNot: return !Matches(*filter.children[0], record);
      case Kind::kPhrase:
        return HasPhrase(text, filter.text, filter.ignore_case, /*is_prefix=*/false);
      case Kind::kPrefix:
        return HasPhrase(text, filter.text, filter.ignore_case, /*is_prefix=*/true);
      case Kind::kSubstring: return text.find(filter.text) != std::string::npos;
      case Kind::kExact: return text == filter.text;
      case Kind::kExactPrefix: return text.compare(0, filter.text.size(), filter.text) == 0;
      case Kind::kIn:
        return std::find(filter.values.begin(), filter.values.end(), text) != filter.values.end();
      case Kind::kContainsAll:
        return std::all_of(filter.values.begin(), filter.values.end(),
                           [&](const auto& value) { return Contains(text, value); });
      case Kind::kContainsAny:
        return std::any_of(filter.values.begin(), filter.values.end(),
                           [&](const auto& value) { return Contains(text, value); });
      case Kind::kContainsCommonCase:
        return AnyCommonCase(filter.values,
                             [&](const auto& spelling) { return Contains(text, spelling); });
      case Kind::kEqualsCommonCase:
        return AnyCommonCase(filter.values, [&](const auto& spelling) { return text == spelling; });
      case Kind::kArrayContainsAny: return ArrayContainsAny(text, filter.values);
      case Kind::kSequence: return HasSequence(text, filter.values);
      case Kind::kRange: return InRange(text, filter.min, filter.max);
      case Kind::kTextRange: return InTextRange(text, filter.min, filter.max);
      case Kind::kLength: return InLengths(text, filter.min.text, filter.max.text);
      case Kind::kIpv4Range: return InIpv4Range(text, filter.min, filter.max);
      case Kind::kIpv6Range: return InIpv6Range(text, filter.min.text, filter.max.text);
      case Kind::kRegexp: return RE2::PartialMatch(text, RE2(filter.text));
      case Kind::kPattern: return HasPattern(text, filter);
      case Kind::kValueType: return HasType(text, filter.text);
      case Kind::kEqualField: return text == ValueOf(record, filter.text);
      case Kind::kLessOrEqualField: return Order(text, ValueOf(record, filter.text)) <= 0;
      case Kind::kLessField: return Order(text, ValueOf(record, filter.text)) < 0;
      case Kind::kDayRange: return InDayRange(record.timestamp_ns, filter);
      case Kind::kWeekRange: return InWeekRange(record.timestamp_ns, filter);
      case Kind::kTime: return InTime(record.timestamp_ns, filter);
      case Kind::kStream: return InStream(filter, record);
      case Kind::kAny: return !text.empty();
      case Kind::kEmpty: return text.empty();
    }
    return false;
  }

  static std::string ValueOf(const TestRecord& record, const std::string& field) {
    if (field == "_stream_id") {
      std::string id;
      filter::AppendStreamId(&id, ValueOf(record, "_stream"));
      return id;
    }
    for (auto at = record.fields.rbegin(); at != record.fields.rend(); ++at)
      if (at->name == field && !(field == "_stream" && at->value.empty())) return at->value;
    if (field != "_stream") return "";
    std::string stream;
    filter::AppendStreamText(&stream, ValueOf(record, "source"));
    return stream;
  }

 private:
  static bool IsWord(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  }

  static bool HasPhrase(const std::string& text, const std::string& phrase, bool ignore_case,
                        bool is_prefix) {
    const bool is_ascii = std::all_of(phrase.begin(), phrase.end(),
                                      [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ignore_case || is_ascii) {
      for (size_t at = 0; at + phrase.size() <= text.size(); ++at) {
        const std::string part = text.substr(at, phrase.size());
        const bool is_same = ignore_case ? filter::EqualsIgnoreCase(part, phrase) : part == phrase;
        if (is_same && StandsAlone(text, at, phrase.size(), is_prefix)) return true;
      }
      return false;
    }
    // In another case letters may be longer or shorter.
    const RE2 same("(?i)" + RE2::QuoteMeta(phrase));
    for (size_t begin = 0; begin < text.size(); ++begin)
      for (size_t size = 1; begin + size <= text.size(); ++size)
        if (RE2::FullMatch(text.substr(begin, size), same) &&
            StandsAlone(text, begin, size, is_prefix))
          return true;
    return false;
  }

  static bool Contains(const std::string& text, const std::string& phrase) {
    return phrase.empty() ? text.empty()
                          : HasPhrase(text, phrase, /*ignore_case=*/false, /*is_prefix=*/false);
  }

  // Letters as the random texts have them.
  static std::vector<std::string> Letters(const std::string& text) {
    std::vector<std::string> letters;
    for (const char c : text) {
      if ((c & 0xc0) != 0x80 || letters.empty()) letters.emplace_back();
      letters.back().push_back(c);
    }
    return letters;
  }
  static std::string LowerOf(const std::string& letter) {
    if (letter == "\xc3\x84") return "\xc3\xa4";
    return letter.size() == 1 ? std::string(1, static_cast<char>(std::tolower(letter[0]))) : letter;
  }
  static std::string UpperOf(const std::string& letter) {
    if (letter == "\xc3\xa4") return "\xc3\x84";
    return letter.size() == 1 ? std::string(1, static_cast<char>(std::toupper(letter[0]))) : letter;
  }

  template <typename F>
  static bool AnyCommonCase(const std::vector<std::string>& phrases, F matches) {
    for (const std::string& phrase : phrases) {
      std::vector<std::string> spellings = {""};
      std::string upper;
      for (const std::string& letter : Letters(phrase)) {
        upper += UpperOf(letter);
        std::vector<std::string> longer;
        for (const std::string& spelling : spellings) {
          longer.push_back(spelling + letter);
          if (LowerOf(letter) != letter) longer.push_back(spelling + LowerOf(letter));
        }
        spellings = std::move(longer);
      }
      spellings.push_back(upper);
      if (std::any_of(spellings.begin(), spellings.end(), matches)) return true;
    }
    return false;
  }

  // The random arrays hold plain strings and numbers.
  static bool ArrayContainsAny(const std::string& text, const std::vector<std::string>& values) {
    static const RE2 array("\\[.*\\]");
    static const RE2 element("(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([0-9a-z.]+))");
    if (!RE2::FullMatch(text, array)) return false;
    re2::StringPiece rest(text);
    for (std::string quoted, bare; RE2::FindAndConsume(&rest, element, &quoted, &bare);) {
      std::string value = quoted.empty() ? bare : quoted;
      RE2::GlobalReplace(&value, "\\\\(.)", "\\1");
      if (std::find(values.begin(), values.end(), value) != values.end()) return true;
    }
    return false;
  }

  static bool HasSequence(const std::string& text, const std::vector<std::string>& phrases) {
    size_t from = 0;
    for (const std::string& phrase : phrases) {
      size_t at = text.find(phrase, from);
      while (at != std::string::npos && !StandsAlone(text, at, phrase.size(), /*is_prefix=*/false))
        at = text.find(phrase, at + 1);
      if (at == std::string::npos) return false;
      from = at + phrase.size();
    }
    return true;
  }
  static bool StandsAlone(const std::string& text, size_t at, size_t size, bool is_prefix) {
    const bool cuts_begin = at > 0 && IsWord(text[at - 1]) && IsWord(text[at]);
    const size_t end = at + size;
    const bool cuts_end = end < text.size() && IsWord(text[end - 1]) && IsWord(text[end]);
    return !cuts_begin && (is_prefix || !cuts_end);
  }

  static bool ToAddress(const std::string& text, uint32_t* address) {
    static const RE2 quad("([0-9]{1,3})\\.([0-9]{1,3})\\.([0-9]{1,3})\\.([0-9]{1,3})");
    std::string parts[4];
    if (!RE2::FullMatch(text, quad, &parts[0], &parts[1], &parts[2], &parts[3])) return false;
    *address = 0;
    for (const std::string& part : parts) {
      const auto value = static_cast<uint32_t>(std::stoul(part));
      if (value > 255 || (part.size() > 1 && part[0] == '0')) return false;
      *address = *address * 256 + value;
    }
    return true;
  }
  static bool InIpv4Range(const std::string& text, const filter::RangeBound& min,
                          const filter::RangeBound& max) {
    uint32_t address, low = 0, high = UINT32_MAX;
    if (!ToAddress(text, &address)) return false;
    const bool has_min = ToAddress(min.text, &low), has_max = ToAddress(max.text, &high);
    return (min.inclusive || !has_min ? address >= low : address > low) &&
           (max.inclusive || !has_max ? address <= high : address < high);
  }

  // Groups written out; the random addresses use at most one "::".
  static bool ToIpv6(const std::string& text, std::vector<int>* groups) {
    static const RE2 form("[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}");
    if (!RE2::FullMatch(text, form) || text.find(":::") != std::string::npos) return false;
    std::vector<int> parts[2];
    int side = 0;
    for (size_t at = 0; at < text.size();) {
      if (text.compare(at, 2, "::") == 0) {
        side = 1;
        at += 2;
      } else if (text[at] == ':') {
        ++at;
      } else {
        size_t used;
        parts[side].push_back(std::stoi(text.substr(at), &used, 16));
        at += used;
      }
    }
    const size_t count = parts[0].size() + parts[1].size();
    if (side == 0 ? count != 8 : count > 7) return false;
    *groups = parts[0];
    groups->resize(8 - parts[1].size());
    groups->insert(groups->end(), parts[1].begin(), parts[1].end());
    return true;
  }
  static bool InIpv6Range(const std::string& text, const std::string& min, const std::string& max) {
    std::vector<int> address, low, high;
    return ToIpv6(text, &address) && ToIpv6(min, &low) && ToIpv6(max, &high) && address >= low &&
           address <= high;
  }

  // Whether pattern[p..] matches text[t..end) for some end that `place` allows.
  static bool MatchesPattern(const std::string& text, size_t t, const std::string& pattern,
                             size_t p, bool to_end) {
    static const std::map<std::string, std::string> kinds = {
        {"<N>", "[0-9]+|[0-9a-fA-F]{4,}"},
        {"<UUID>", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"},
        {"<IP4>", "\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}"},
        {"<TIME>", "\\d\\d:\\d\\d:\\d\\d([.,]\\d+)?"},
        {"<DATE>", "\\d{4}[-/]\\d\\d[-/]\\d\\d"},
        {"<DATETIME>",
         "\\d{4}[-/]\\d\\d[-/]\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d([.,]\\d+)?(Z|[-+]\\d\\d:\\d\\d)?"}};
    if (p == pattern.size()) return !to_end || t == text.size();
    for (const auto& [name, regexp] : kinds) {
      if (pattern.compare(p, name.size(), name) != 0) continue;
      const RE2 kind(regexp);
      for (size_t end = t + 1; end <= text.size(); ++end)
        if (RE2::FullMatch(text.substr(t, end - t), kind) &&
            MatchesPattern(text, end, pattern, p + name.size(), to_end))
          return true;
      return false;
    }
    if (pattern.compare(p, 3, "<W>") == 0) {
      for (size_t end = t + 1; end <= text.size(); ++end) {
        const std::string part = text.substr(t, end - t);
        const bool is_word = std::all_of(part.begin(), part.end(), IsWord);
        if (!is_word && !RE2::FullMatch(part, "(?s)\"([^\"\\\\]|\\\\.)*\"")) continue;
        const bool cuts_letter = end < text.size() && (text[end] & 0xc0) == 0x80;
        if (!cuts_letter && MatchesPattern(text, end, pattern, p + 3, to_end)) return true;
      }
      return false;
    }
    return t < text.size() && text[t] == pattern[p] &&
           MatchesPattern(text, t + 1, pattern, p + 1, to_end);
  }
  static bool HasPattern(const std::string& text, const filter::Filter& filter) {
    using Place = filter::PatternPlace;
    const bool from_begin = filter.place == Place::kFull || filter.place == Place::kPrefix;
    const bool to_end = filter.place == Place::kFull || filter.place == Place::kSuffix;
    for (size_t at = 0; at <= text.size() && (at == 0 || !from_begin); ++at) {
      const bool cuts_letter = at < text.size() && (text[at] & 0xc0) == 0x80;
      if (!cuts_letter && MatchesPattern(text, at, filter.text, 0, to_end)) return true;
    }
    return false;
  }

  static bool HasType(const std::string& text, const std::string& type) {
    static const RE2 whole("0|-?[1-9][0-9]*"), decimal("[-+0-9.eE]+"),
        time("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].*");
    uint32_t address;
    long double number;
    if (text.empty()) return false;
    if (type == "string") return true;
    if (type == "ipv4") return ToAddress(text, &address);
    if (type == "iso8601")
      return RE2::FullMatch(text, time) && base::ParseRfc3339(text).has_value();
    if (type == "float64") return RE2::FullMatch(text, decimal) && ToNumber(text, &number);
    if (!RE2::FullMatch(text, whole)) return false;
    const long double value = std::strtold(text.c_str(), nullptr);
    if (type == "int64") return value >= -9223372036854775808.0L && value < 9223372036854775808.0L;
    return value >= 0 && value < std::pow(2.0L, std::stold(type.substr(4)));
  }

  static int Order(const std::string& a, const std::string& b) {
    long double x, y;
    uint32_t first, second;
    if (ToNumberIfAny(a, &x) && ToNumberIfAny(b, &y)) return x < y ? -1 : x > y;
    if (ToAddress(a, &first) && ToAddress(b, &second)) return first < second ? -1 : first > second;
    const auto from = base::ParseRfc3339(a), to = base::ParseRfc3339(b);
    if (from && to) return *from < *to ? -1 : *from > *to;
    return a.compare(b);
  }
  static bool ToNumberIfAny(const std::string& text, long double* number) {
    return !text.empty() && ToNumber(text, number);
  }

  // The local time of day or of week in nanoseconds, by the C library's calendar.
  static int64_t LocalTime(int64_t ns, int64_t offset_ns, bool of_week) {
    const int64_t local = ns + offset_ns;
    const auto seconds = static_cast<time_t>(std::floor(static_cast<long double>(local) / 1e9L));
    tm parts;
    gmtime_r(&seconds, &parts);
    const int64_t second = ((of_week ? parts.tm_wday : 0) * 24 + parts.tm_hour) * 3600 +
                           parts.tm_min * 60 + parts.tm_sec;
    return second * 1'000'000'000 + (local - int64_t{seconds} * 1'000'000'000);
  }
  static bool InPeriod(int64_t at, int64_t begin, int64_t end) {  // both included
    return begin <= end + 1 ? at >= begin && at <= end : at >= begin || at <= end;
  }
  static bool InDayRange(int64_t ns, const filter::Filter& filter) {
    const auto minute = [](const std::string& text) {
      return int64_t{std::stol(text.substr(0, 2))} * 60 + std::stol(text.substr(3));
    };
    constexpr int64_t kMinute = 60'000'000'000, kDay = 1440 * kMinute;
    const int64_t begin = minute(filter.min.text) * kMinute + (filter.min.inclusive ? 0 : 1);
    const int64_t end =
        std::min(minute(filter.max.text) * kMinute - (filter.max.inclusive ? 0 : 1), kDay - 1);
    return InPeriod(LocalTime(ns, filter.offset_ns, /*of_week=*/false), begin, end);
  }
  static bool InWeekRange(int64_t ns, const filter::Filter& filter) {
    const auto day = [](const std::string& text) {
      return static_cast<int64_t>(std::string("SunMonTueWedThuFriSat").find(text) / 3);
    };
    constexpr int64_t kDay = 86'400'000'000'000;
    const int64_t begin = day(filter.min.text) * kDay + (filter.min.inclusive ? 0 : kDay);
    const int64_t end = day(filter.max.text) * kDay + (filter.max.inclusive ? kDay : 0) - 1;
    return InPeriod(LocalTime(ns, filter.offset_ns, /*of_week=*/true), begin, end);
  }

  static bool ToNumber(const std::string& text, long double* number) {
    static const RE2 plain("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?");
    static const RE2 sized("(.*?)(K|M|G|T)?(i)?(B)?");
    static const RE2 whole("[+-]?[0-9]+");
    if (RE2::FullMatch(text, whole)) {
      errno = 0;
      const long long value = std::strtoll(text.c_str(), nullptr, 10);
      *number = errno == 0 ? static_cast<long double>(value)
                           : static_cast<long double>(std::strtod(text.c_str(), nullptr));
      return true;
    }
    if (RE2::FullMatch(text, plain)) {
      *number = std::strtod(text.c_str(), nullptr);
      return std::isfinite(*number);
    }
    const bool is_negative = text[0] == '-';
    if (const auto duration = base::ParseDuration(text.substr(is_negative ? 1 : 0))) {
      *number = is_negative ? -*duration : *duration;
      return true;
    }
    std::string digits, unit, binary, byte;
    if (!RE2::FullMatch(text, sized, &digits, &unit, &binary, &byte) ||
        !RE2::FullMatch(digits, plain))
      return false;
    if (unit.empty() && (!binary.empty() || byte.empty())) return false;
    const size_t power = unit.empty() ? 0 : std::string("KMGT").find(unit) + 1;
    *number = static_cast<long double>(std::strtod(digits.c_str(), nullptr)) *
              std::pow(binary.empty() ? 1000.0 : 1024.0, static_cast<double>(power));
    return true;
  }

  static bool ToBound(const std::string& text, long double absent, long double* number) {
    static const RE2 infinite("(?i)[+-]?inf");
    if (text.empty()) return *number = absent, true;
    if (RE2::FullMatch(text, infinite))
      return *number = text[0] == '-' ? -INFINITY : INFINITY, true;
    return ToNumber(text, number);
  }

  static bool InRange(const std::string& text, const filter::RangeBound& min,
                      const filter::RangeBound& max) {
    uint32_t address;
    const bool has_min = ToAddress(min.text, &address), has_max = ToAddress(max.text, &address);
    if ((has_min || min.text.empty()) && (has_max || max.text.empty()))
      return InIpv4Range(text, min, max);
    long double low, high, number;
    if (!ToBound(min.text, -INFINITY, &low) || !ToBound(max.text, INFINITY, &high))
      return InTextRange(text, min, max);
    if (text.empty() || !ToNumber(text, &number)) return false;
    return (min.inclusive ? number >= low : number > low) &&
           (max.inclusive ? number <= high : number < high);
  }

  static bool InTextRange(const std::string& text, const filter::RangeBound& min,
                          const filter::RangeBound& max) {
    if (text.empty()) return false;
    const bool above = min.text.empty() || text > min.text || (min.inclusive && text == min.text);
    const bool below = max.text.empty() || text < max.text || (max.inclusive && text == max.text);
    return above && below;
  }

  static bool InLengths(const std::string& text, const std::string& min, const std::string& max) {
    const auto length = static_cast<double>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    const auto bound = [](const std::string& value) {
      return value == "inf" ? INFINITY : std::strtod(value.c_str(), nullptr);
    };
    return length >= bound(min) && length <= bound(max);
  }

  bool InTime(int64_t ns, const filter::Filter& filter) const {
    const auto moment = [this](const filter::TimeBound& bound) {
      return bound.kind == filter::TimeBound::Kind::kNow ? now_ns_ + bound.ns : bound.ns;
    };
    const bool after = filter.time_start.kind == filter::TimeBound::Kind::kUnbounded ||
                       ns >= moment(filter.time_start);
    const bool before =
        filter.time_end.kind == filter::TimeBound::Kind::kUnbounded || ns < moment(filter.time_end);
    return after && before;
  }

  static bool InStream(const filter::Filter& filter, const TestRecord& record) {
    const auto tag_matches = [&](const filter::StreamTag& tag) {
      using Op = filter::StreamTag::Op;
      const std::string text = ValueOf(record, std::string(filter::StoredName(tag.name)));
      const bool is_in = std::find(tag.values.begin(), tag.values.end(), text) != tag.values.end();
      if (tag.op == Op::kEqual || tag.op == Op::kIn) return is_in;
      if (tag.op == Op::kNotEqual || tag.op == Op::kNotIn) return !is_in;
      return RE2::FullMatch(text, RE2(tag.values[0])) == (tag.op == Op::kMatch);
    };
    return std::any_of(filter.stream.begin(), filter.stream.end(), [&](const auto& tags) {
      return std::all_of(tags.begin(), tags.end(), tag_matches);
    });
  }

  const int64_t now_ns_;
};

// A record as rules and live tails see it.
class TestRecordView : public filter::RecordView {
 public:
  explicit TestRecordView(const TestRecord& record) : record_(record) {}
  int64_t timestamp_ns() const override { return record_.timestamp_ns; }
  std::string_view Get(std::string_view name) const override {
    for (auto at = record_.fields.rbegin(); at != record_.fields.rend(); ++at)
      if (at->name == name) return at->value;
    return {};
  }

 private:
  const TestRecord& record_;
};

}  // namespace neurallog::testing
