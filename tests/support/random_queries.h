// Random records and random filters over them, from a seed.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/json_text.h"
#include "filter/filter.h"
#include "filter/number.h"
#include "support/memory_blocks.h"

namespace neurallog::testing {

class RandomQueries {
 public:
  explicit RandomQueries(uint64_t seed) : random_(seed) {}

  static constexpr int64_t kStartNs = 1'748'736'000'000'000'000;  // 2025-06-01

  // Columns of every kind: dictionaries, numbers, numbers with texts among them, sparse ones,
  // arrays, nulls.
  std::vector<TestRecord> Records(size_t count) {
    std::vector<TestRecord> records(count);
    const bool has_one_source = Chance(3);
    const int64_t time_step_ns = Chance(2) ? 1'000'000 : 1'234'567'890'123;  // a second, two weeks
    for (TestRecord& record : records) {
      record.timestamp_ns = kStartNs + static_cast<int64_t>(Below(1000)) * time_step_ns;
      const auto add = [&](const char* name, ValueType type, std::string value) {
        record.fields.push_back({name, type, std::move(value)});
      };
      if (!Chance(20)) add("message", ValueType::kString, Sentence());
      if (!Chance(10))
        add("level", ValueType::kString, Pick({"info", "error", "Error", "warn", ""}));
      if (has_one_source || !Chance(10))
        add("source", ValueType::kString,
            has_one_source ? "api" : Pick({"api", "api-gateway", "db", "änder"}));
      if (!Chance(3)) add("status", ValueType::kNumber, std::to_string(Below(6) * 100));
      if (!Chance(3)) add("mixed", ValueType::kString, NumberText());
      if (Chance(2)) add("other", ValueType::kString, Chance(2) ? NumberText() : Word());
      if (Chance(2)) add("ip", ValueType::kString, Address());
      if (Chance(4)) add("ip6", ValueType::kString, Address6());
      if (Chance(4)) add("when", ValueType::kString, TimeText());
      if (Chance(8)) add("rare", ValueType::kString, Word());
      if (Chance(2)) add("tags", ValueType::kArray, "[" + Quoted(Word()) + ",\"eu-west-1\"]");
      if (Chance(4)) add("nothing", ValueType::kNull, "");
      if (Chance(4)) add("flag", ValueType::kBool, Chance(2) ? "true" : "false");
      if (Chance(4)) add("mono", ValueType::kString, "Constant VALUE 12ab");
      if (Chance(6))
        add("_stream", ValueType::kString, Chance(3) ? "" : "{app=\"" + Word() + "\"}");
      if (Chance(9)) add("status", ValueType::kNumber, "7");
    }
    return records;
  }

  std::unique_ptr<filter::Filter> Filter(int depth = 3) {
    using Kind = filter::Filter::Kind;
    const uint64_t kind = Below(depth > 0 ? 10 : 6);
    if (kind == 6 || kind == 7) return Join(kind == 6 ? Kind::kAnd : Kind::kOr, depth);
    if (kind == 8) {
      auto filter = filter::MakeFilter(Kind::kNot);
      filter->children.push_back(Filter(depth - 1));
      const bool is_double = filter->children[0]->kind == Kind::kNot;
      return is_double ? std::move(filter->children[0]) : std::move(filter);
    }
    return kind == 9 ? Stream() : Leaf();
  }

  uint64_t Below(uint64_t end) {
    return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_);
  }
  bool Chance(uint64_t one_in) { return Below(one_in) == 0; }
  std::string Pick(const std::vector<std::string>& texts) { return texts[Below(texts.size())]; }

 private:
  std::string Word() {
    return Pick({"timeout", "time", "out", "TimeOut", "disk", "full", "ORD-17", "ORD-18-XA", "eu",
                 "west", "_x", "ärger", "ÄRGER", "a\"b", "x\\y", "7", "500"});
  }
  static std::string Quoted(const std::string& text) {
    std::string json;
    base::AppendJsonString(&json, text);
    return json;
  }
  std::string Sentence() {
    std::string text;
    for (uint64_t words = Below(7); words-- > 0;)
      text += Word() + Pick({" ", "-", "", "  ", ".", "="});
    return text;
  }
  std::string NumberText() {
    return Pick({"10",
                 "9.5",
                 "007",
                 "1e3",
                 "-5",
                 "10KiB",
                 "5ms",
                 "1h30m",
                 "",
                 "abc",
                 "500",
                 "-0",
                 "9223372036854775807",
                 "9223372036854775808",
                 "12.",
                 "1.5KB",
                 "2B",
                 "0x10",
                 "999999999999999999",
                 "inf",
                 "NaN",
                 "+3"});
  }
  std::string Address() {
    if (Chance(8)) return Pick({"10.0.0.256", "1.2.3", "010.0.0.1", "x", "", "10"});
    return Pick({"10", "192", "0", "255"}) + "." + std::to_string(Below(3)) + ".0." +
           std::to_string(Below(256));
  }
  std::string Address6() {
    return Pick({"::1", "fe80::1", "fe80::ffff:1", "2001:db8::8a2e:370:7334", "::", "abc",
                 "10.0.0.1", "1:2:3:4:5:6:7:8", "fe80:::1", "2001:db8:1::"});
  }
  std::string TimeText() {
    return Pick({"2025-06-01T00:00:00Z", "2025-06-01 10:20:30", "2025/06/01T10:20:30.5+02:00",
                 "10:20:30,123", "2025-06-01", "2edfed59-3e98-4073-bbb2-28d321ca71a7", "id=12abcd",
                 "\"a b\" 7", "2025-06-02T10:00:00.25+02:00"});
  }
  std::string Field() {
    return Pick({"message", "message", "message", "level", "source", "status", "mixed", "rare",
                 "tags", "nothing", "flag", "absent", "_stream", "_stream_id", "other", "ip", "ip6",
                 "when", "mono"});
  }
  // A text that has a chance to be there.
  std::string Needle() {
    switch (Below(5)) {
      case 0:
        return Pick(
            {"api", "error", "info", "100", "500", "{source=\"api\"}", "eu-west-1", "true", "db"});
      case 1: return NonEmpty(NumberText());
      case 2: return Word() + Pick({" ", "-", "", "."}) + Word();
      case 3: return Pick({" ", "-", "t", "ti", "e", "ärg", ".", "ut", "\"", "\n"});
      default: return Word();
    }
  }
  std::string Bound() { return filter::NumberAsStored(NonEmpty(NumberText())); }
  int64_t Offset() {
    return Chance(2) ? 0 : (static_cast<int64_t>(Below(30)) - 15) * 3'600'000'000'000;
  }
  std::string NonEmpty(std::string text) { return text.empty() ? "0" : text; }

  std::unique_ptr<filter::Filter> Join(filter::Filter::Kind kind, int depth) {
    auto filter = filter::MakeFilter(kind);
    while (filter->children.size() < 2 || Chance(3)) {
      auto child = Filter(depth - 1);
      if (child->kind != kind) filter->children.push_back(std::move(child));
    }
    return filter;
  }

  std::unique_ptr<filter::Filter> Stream() {
    auto filter = filter::MakeFilter(filter::Filter::Kind::kStream);
    do {
      filter->stream.emplace_back();
      do {
        filter::StreamTag tag{
            Pick({"source", "level", "absent"}), static_cast<filter::StreamTag::Op>(Below(6)), {}};
        const bool is_regexp =
            tag.op == filter::StreamTag::Op::kMatch || tag.op == filter::StreamTag::Op::kNotMatch;
        const bool is_list =
            tag.op == filter::StreamTag::Op::kIn || tag.op == filter::StreamTag::Op::kNotIn;
        tag.values.push_back(is_regexp ? Pick({"a.*", "api|db", "", "e.+r"})
                                       : Pick({"api", "db", "", "error"}));
        if (is_list && Chance(2)) tag.values.push_back("änder");
        filter->stream.back().push_back(std::move(tag));
      } while (Chance(3));
    } while (Chance(3));
    return filter;
  }

  std::unique_ptr<filter::Filter> Leaf() {
    using Kind = filter::Filter::Kind;
    auto filter =
        filter::MakeFilter(static_cast<Kind>(Below(static_cast<uint64_t>(Kind::kEmpty) + 1)));
    filter->field = Field();
    switch (filter->kind) {
      case Kind::kAll:
      case Kind::kAnd:
      case Kind::kOr:
      case Kind::kNot:
      case Kind::kStream: return filter::MakeFilter(Kind::kAll);
      case Kind::kPhrase:
      case Kind::kPrefix:
        filter->ignore_case = Chance(3);
        filter->text = Needle();
        return filter;
      case Kind::kSubstring:
      case Kind::kExact:
      case Kind::kExactPrefix: filter->text = Needle(); return filter;
      case Kind::kIn:
      case Kind::kContainsAll:
        while (Chance(2)) filter->values.push_back(Chance(5) ? "" : Needle());
        return filter;
      case Kind::kContainsAny:
        for (uint64_t values = Below(Chance(3) ? 30 : 3); values-- > 0;)
          filter->values.push_back(Chance(20) ? "" : Needle());
        return filter;
      case Kind::kContainsCommonCase:
      case Kind::kEqualsCommonCase:
        while (Chance(2))
          filter->values.push_back(Chance(9)
                                       ? ""
                                       : Pick({"TimeOut", "Error", "ORD", "DISK", "time", "Ärger",
                                               "ärger", "Disk full", "INFO", "aB\"", "X"}));
        return filter;
      case Kind::kArrayContainsAny:
        while (Chance(2))
          filter->values.push_back(Pick({"eu-west-1", "time", "500", "a\"b", "x\\y", "x"}));
        return filter;
      case Kind::kSequence:
        do filter->values.push_back(Needle());
        while (Chance(2));
        return filter;
      case Kind::kRange:
        if (Chance(4)) {
          filter->field = "ip";
          filter::RangeBound& bound = Chance(2) ? filter->min : filter->max;
          bound = filter::RangeBound{std::to_string(Below(256)) + ".1.0.0", Chance(2)};
          return filter;
        }
        if (!Chance(3)) filter->min = {Bound(), Chance(2)};
        if (filter->min.text.empty() || !Chance(3)) filter->max = {Bound(), Chance(2)};
        return filter;
      case Kind::kIpv4Range:
        if (!Chance(4)) filter->field = "ip";
        filter->min = {Pick({"0.0.0.0", "10.0.0.0", "10.1.0.7"}), true};
        filter->max = {Pick({"10.0.0.255", "255.255.255.255", "192.2.0.9", "10.1.0.7"}), true};
        return filter;
      case Kind::kIpv6Range:
        if (!Chance(4)) filter->field = "ip6";
        filter->min = {Pick({"::", "::1", "fe80::", "2001:db8::"}), true};
        filter->max = {Pick({"::1", "fe80::ffff:ffff", "2001:db8:1::", "1:2:3:4:5:6:7:8"}), true};
        return filter;
      case Kind::kPattern:
        if (Chance(2)) filter->field = "when";
        filter->text =
            Pick({"<DATE>", "<TIME>", "<DATETIME>", "<UUID>", "<IP4>", "<W>", "<N>", "id=<N>",
                  "<W> <N>", "ORD-<N>-<W>", "<W> full", "10.<N>.", "time<W>", "<X>", "a\"b"});
        filter->place = static_cast<filter::PatternPlace>(Below(4));
        return filter;
      case Kind::kValueType:
        filter->text = Pick({"string", "uint8", "uint16", "uint32", "uint64", "int64", "float64",
                             "ipv4", "iso8601"});
        return filter;
      case Kind::kEqualField:
      case Kind::kLessOrEqualField:
      case Kind::kLessField: filter->text = Field(); return filter;
      case Kind::kDayRange:
        filter->field.clear();
        filter->min = {Pick({"00:00", "08:30", "23:59", "12:00"}), Chance(2)};
        filter->max = {Pick({"00:00", "08:30", "24:00", "18:00"}), Chance(2)};
        filter->offset_ns = Offset();
        return filter;
      case Kind::kWeekRange:
        filter->field.clear();
        filter->min = {Pick({"Sun", "Mon", "Wed", "Sat"}), Chance(2)};
        filter->max = {Pick({"Sun", "Tue", "Fri", "Sat"}), Chance(2)};
        filter->offset_ns = Offset();
        return filter;
      case Kind::kTextRange:
        filter->min = {Chance(4) ? "" : Needle(), true};
        filter->max = {Chance(4) ? "" : Needle(), false};
        return filter;
      case Kind::kLength:
        filter->min = {std::to_string(Below(8)), true};
        filter->max = {Chance(4) ? "inf" : std::to_string(Below(30)), true};
        return filter;
      case Kind::kRegexp:
        filter->text =
            Pick({"ORD-[0-9]+-X[A-F]", "time|disk", "(?i)timeout", "^time", "full$", "t.*o",
                  "[0-9]{3}", "disk|x", "(timeout|ärger) ", "\\bout\\b", "eu.west", "(?i:DISK)"});
        return filter;
      case Kind::kTime: return Time();
      case Kind::kAny:
      case Kind::kEmpty: return filter;
    }
    return filter;
  }

  std::unique_ptr<filter::Filter> Time() {
    auto filter = filter::MakeFilter(filter::Filter::Kind::kTime);
    const auto bound = [this]() -> filter::TimeBound {
      const auto ns =
          static_cast<int64_t>(Below(1000)) * 1'000'000 + static_cast<int64_t>(Below(2));
      if (Chance(2)) return {filter::TimeBound::Kind::kNow, ns - 1'000'000'000};
      return {filter::TimeBound::Kind::kAbsolute, kStartNs + ns};
    };
    if (!Chance(3)) filter->time_start = bound();
    if (filter->time_start.kind == filter::TimeBound::Kind::kUnbounded || Chance(2))
      filter->time_end = bound();
    return filter;
  }

  std::mt19937_64 random_;
};

}  // namespace neurallog::testing
