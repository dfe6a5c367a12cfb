// The meaning of filters, written down as directly as possible: an interpreter over the tree, for
// records in a vector. Slow on purpose; the compiled evaluators are compared with it.
#pragma once

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
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
      case Kind::kExact: return text == filter.text;
      case Kind::kExactPrefix: return text.compare(0, filter.text.size(), filter.text) == 0;
      case Kind::kIn:
        return std::find(filter.values.begin(), filter.values.end(), text) != filter.values.end();
      case Kind::kRange: return InRange(text, filter.min, filter.max);
      case Kind::kTextRange: return InTextRange(text, filter.min, filter.max);
      case Kind::kLength: return InLengths(text, filter.min.text, filter.max.text);
      case Kind::kRegexp: return RE2::PartialMatch(text, RE2(filter.text));
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
    const RE2 same("(?i)" + RE2::QuoteMeta(phrase));
    for (size_t begin = 0; begin < text.size(); ++begin) {
      for (size_t end = begin + 1; end <= text.size(); ++end) {
        const std::string part = text.substr(begin, end - begin);
        const bool is_ascii = std::all_of(phrase.begin(), phrase.end(), [](char c) {
          return static_cast<unsigned char>(c) < 0x80;
        });
        const bool is_same = !ignore_case ? part == phrase
                             : is_ascii   ? filter::EqualsIgnoreCase(part, phrase)
                                          : RE2::FullMatch(part, same);
        if (!is_same) continue;
        const bool cuts_begin = begin > 0 && IsWord(text[begin - 1]) && IsWord(text[begin]);
        const bool cuts_end = end < text.size() && IsWord(text[end - 1]) && IsWord(text[end]);
        if (!cuts_begin && (is_prefix || !cuts_end)) return true;
      }
    }
    return false;
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
